"""A small bundle, signed or not, and the command line run on it; for tests of signing and verifying."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
from typing import Any

from golden_run import run

from aicr_core.app.environment import Environment
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

ATTESTATION = "attestation/bundle-attestation.sigstore.json"
TOOL = "attestation/aicr-attestation.sigstore.json"
RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": {"version": "v9"},
    "criteria": {"service": "eks", "intent": "training", "nodes": 8},
    "componentRefs": [
        {
            "name": "csi", "namespace": "n", "type": "Helm", "source": "https://e.example/c",
            "version": "1.0.0", "overrides": {"x": 1},
        }
    ],
}  # fmt: skip


def environment() -> Environment:
    """An environment of its own, with the variables as they are now."""
    return Environment(Settings.from_env(os.environ))


def aicr(*words: str | pathlib.Path) -> tuple[int, str, str]:
    """Run the command line; give status, standard output and standard error."""
    status, out, err = run([str(word) for word in words], environment())
    assert "Traceback" not in err, err
    return status, out, err


def write_recipe(folder: pathlib.Path) -> pathlib.Path:
    """Write ``RECIPE`` into ``folder``; give its file."""
    path = folder / "recipe.yaml"
    path.write_text(to_yaml(RECIPE), "utf-8")
    return path


def write_bundle(folder: pathlib.Path, *options: str | pathlib.Path) -> tuple[int, str, str]:
    """Write the bundle of ``RECIPE`` to ``folder``."""
    folder.parent.mkdir(exist_ok=True)
    return aicr("bundle", "-r", write_recipe(folder.parent), "-o", folder, *options)


def make_key(path: pathlib.Path, kind: str = "ed25519") -> pathlib.Path:
    """Make a key pair; give the private key's file."""
    status, _, err = aicr("key", "generate", "-o", path, "--type", kind)
    assert status == 0, err
    return path


def verified(
    folder: str | pathlib.Path, *options: str | pathlib.Path
) -> tuple[int, dict[str, Any], str]:
    """Verify a bundle; give status, the report and standard error."""
    status, out, err = aicr("verify", folder, "--format", "json", *options)
    report = json.loads(out) if out else {}
    if report:
        assert (report["verdict"] == "passed") is (status == 0)
    return status, report, err


def statement_of(folder: pathlib.Path) -> dict[str, Any]:
    """What the attestation of a bundle says."""
    envelope = json.loads((folder / ATTESTATION).read_bytes())["dsseEnvelope"]
    document: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return document


def copied(folder: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """A copy of a bundle to change, with its modes."""
    shutil.copytree(folder, target, symlinks=True)
    return target
