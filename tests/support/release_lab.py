"""A small repository with three of our distributions, and the release made of it. No tests in here."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from importlib.metadata import distributions  # noqa: TID251 - no start-up path

import pytest
from aicr_release import graph, make, signing, source
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHAT = (
    "aicr_core", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "constraints.txt",
    "recipes", "plugins/helm",
)  # fmt: skip
NAMES = ("aicr-core", "aicr-helm", "aicr-recipes")


def skip_unless_pinned() -> None:
    """Skip where other versions are installed than the pinned ones (nox -s minimums): no release is made there."""
    pins = graph.pins(ROOT / "constraints.txt")
    for found in distributions():
        name = canonicalize_name(str(found.metadata["Name"]))
        if found.version != pins.get(name, found.version):
            pytest.skip(
                f"releases are made with the pinned versions, and {name} is {found.version}"
            )


def repository(target: pathlib.Path) -> pathlib.Path:
    """Make a repository of the core, the base catalogue and the deployer helm, with one commit tagged v0.1.0."""
    skip_unless_pinned()
    skip = shutil.ignore_patterns("__pycache__", "tests")
    for name in WHAT:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=skip)
        else:
            shutil.copy(ROOT / name, place)
    _without_extras(target / "pyproject.toml")
    git(target, "init", "-q", "-b", "main")
    commit(target, "A release")
    git(target, "tag", "v0.1.0")
    return target


def _without_extras(pyproject: pathlib.Path) -> None:
    """Take the core's extras out: they name distributions that this repository does not hold."""
    head, _, rest = pyproject.read_text("utf-8").partition("[project.optional-dependencies]")
    pyproject.write_text(
        head + "[project.scripts]" + rest.partition("[project.scripts]")[2], "utf-8"
    )


def git(folder: pathlib.Path, *arguments: str) -> str:
    """Run git with an identity and a time of its own."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@example.com"}
        env |= {f"GIT_{who}_DATE": "2026-11-28T12:00:00+00:00"}
    return subprocess.run(
        ["git", "-C", folder, *arguments], env=env, check=True, capture_output=True, text=True
    ).stdout


def commit(folder: pathlib.Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def key(target: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Write a new key pair; give the private and the public file."""
    private = Ed25519PrivateKey.generate()
    files = target / "release.key", target / "release.pub"
    files[0].write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    files[1].write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return files


def released(repo: pathlib.Path, work: pathlib.Path, private: pathlib.Path | None) -> pathlib.Path:
    """Make the release of a repository, all but the installation, and give its folder."""
    signer = signing.Signer(private.read_bytes()) if private else None
    return make.assemble(repo, source.read(repo, {}), "", signer, work, lambda line: None)
