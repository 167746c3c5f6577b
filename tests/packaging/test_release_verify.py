"""A release that is not exactly what was released is refused, with one line a fault and its exit status."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import release_lab
from aicr_release import checksums, command, layout, signing
from aicr_release.failure import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Made

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEEL, SDIST = "aicr_helm-0.1.0-py3-none-any.whl", "aicr_helm-0.1.0.tar.gz"
SBOM = "aicr_helm-0.1.0.cdx.json"


def _verify(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        status = command.main([str(a) for a in arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return status, out.out, out.err


def test_a_good_release_is_told_with_its_source(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = _verify(capsys, made.folder, "--key", made.public)
    commit = release_lab.git(made.repository, "rev-parse", "HEAD").strip()
    assert (status, err) == (0, "")
    assert "3 distributions, 9 files, all as released" in out
    assert f"commit: {commit}" in out
    assert "ref: refs/tags/v0.1.0" in out
    assert "signature: by the key sha256:" in out
    status, out, _ = _verify(capsys, made.folder, "--commit", commit, "--ref", "refs/tags/v0.1.0")
    assert status == 0
    assert "signature: not checked; give the public key with --key" in out


def test_the_script_needs_neither_aicr_nor_any_package(made: Made, tmp_path: pathlib.Path) -> None:
    """Who checks a release has a checkout and a Python: isolated, with no site-packages."""
    scripts = tmp_path / "release"
    shutil.copytree(
        ROOT / "packaging/release", scripts, ignore=shutil.ignore_patterns("__pycache__")
    )
    script = scripts / "verify.py"
    python = [sys.executable, "-S", "-B"]
    env = {"PATH": os.environ["PATH"]}
    good = subprocess.run([*python, script, made.folder], capture_output=True, text=True, env=env)
    assert good.returncode == 0, good.stderr
    assert "all as released" in good.stdout
    key = subprocess.run(
        [*python, script, made.folder, "--key", made.public],
        capture_output=True,
        text=True,
        env=env,
    )
    assert key.returncode == 6
    assert key.stderr.startswith("[TOOL] checking a signature needs the package cryptography")


def _append(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def _edit(path: pathlib.Path, change: Callable[[dict], object]) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def _consistent(folder: pathlib.Path, change: Callable[[pathlib.Path], object]) -> None:
    """Change files and list them again: what somebody does who can write the whole folder."""
    change(folder)
    names = [p.name for p in folder.iterdir() if p.name not in layout.UNLISTED]
    sums = {name: checksums.digest(folder / name) for name in names}
    (folder / layout.SUMS).write_text(checksums.text(sums))


CASES = {
    "changed": (lambda f: _append(f / WHEEL), 8, f"[DIFFERS] {WHEEL}: is changed"),
    "changed SBOM": (lambda f: _append(f / SBOM), 8, f"[DIFFERS] {SBOM}: is changed"),
    "missing": (lambda f: (f / SDIST).unlink(), 3, f"[MISSING] {SDIST}: is missing"),
    "added": (lambda f: (f / "x.whl").touch(), 8, "[DIFFERS] x.whl: is added"),
    "added folder": (lambda f: (f / "more").mkdir(), 8, "[DIFFERS] more: is added"),
    "link": (
        lambda f: (os.rename(f / WHEEL, f.parent / "w"), (f / WHEEL).symlink_to(f.parent / "w")),
        8,
        f"[DIFFERS] {WHEEL}: is no regular file",
    ),
    "no sums": (lambda f: (f / layout.SUMS).unlink(), 3, "[MISSING] SHA256SUMS: no such file"),
    "empty sums": (lambda f: (f / layout.SUMS).write_text(""), 2, "[INVALID] SHA256SUMS: lists no"),
    "climbing sums": (
        lambda f: (f / layout.SUMS).write_text(f"{'0' * 64}  ../x.whl\n"),
        2,
        "[INVALID] SHA256SUMS:1: is no line",
    ),
    "sums of itself": (
        lambda f: (f / layout.SUMS).write_text(f"{'0' * 64}  provenance.json\n"),
        2,
        "[INVALID] SHA256SUMS:1: is no line",
    ),
    "twice": (
        lambda f: (f / layout.SUMS).write_text((f / layout.SUMS).read_text() * 2),
        2,
        "[INVALID] SHA256SUMS:10: lists aicr_core-0.1.0-py3-none-any.whl again",
    ),
    "binary sums": (lambda f: (f / layout.SUMS).write_bytes(b"\xff"), 2, "is no UTF-8 text"),
    "huge sums": (
        lambda f: os.truncate(f / layout.SUMS, checksums.LIMIT + 1),
        2,
        "[INVALID] SHA256SUMS: larger than",
    ),
    "no statement": (
        lambda f: (f / layout.STATEMENT).unlink(),
        3,
        "[MISSING] provenance.json: no such file",
    ),
    "subject missing": (
        lambda f: _edit(f / layout.STATEMENT, lambda s: s["subject"].pop()),
        8,
        "[DIFFERS] provenance.json: has no subject aicr_recipes-0.1.0.tar.gz",
    ),
    "subject changed": (
        lambda f: _edit(
            f / layout.STATEMENT, lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)
        ),
        8,
        "[DIFFERS] provenance.json: has another digest for aicr_core-0.1.0-py3-none-any.whl",
    ),
    "subject added": (
        lambda f: _edit(
            f / layout.STATEMENT,
            lambda s: s["subject"].append({"name": "e.whl", "digest": {"sha256": "0"}}),
        ),
        8,
        "[DIFFERS] provenance.json: lists e.whl, SHA256SUMS does not",
    ),
    "subject twice": (
        lambda f: _edit(f / layout.STATEMENT, lambda s: s["subject"].append(s["subject"][0])),
        2,
        "[INVALID] provenance.json: is no in-toto statement",
    ),
    "other statement": (
        lambda f: _edit(f / layout.STATEMENT, lambda s: s.update(predicateType="https://x/y")),
        2,
        "[INVALID] provenance.json: states something else: https://in-toto.io/Statement/v1 https://x/y",
    ),
    "other build": (
        lambda f: _edit(
            f / layout.STATEMENT,
            lambda s: s["predicate"]["buildDefinition"].update(buildType="https://x/y"),
        ),
        2,
        "[INVALID] provenance.json: states something else",
    ),
    "no JSON": (lambda f: (f / layout.STATEMENT).write_text("{"), 2, "is no in-toto statement"),
    "deep JSON": (
        lambda f: (f / layout.STATEMENT).write_text("[" * 200_000),
        2,
        "is no in-toto statement",
    ),
    "a list": (lambda f: (f / layout.STATEMENT).write_text("[]"), 2, "is no in-toto statement"),
    "rewritten": (
        lambda f: _consistent(f, lambda f: _append(f / WHEEL)),
        8,
        f"[DIFFERS] provenance.json: has another digest for {WHEEL}",
    ),
    "distribution without SBOM": (
        lambda f: _consistent(f, lambda f: (f / SBOM).unlink()),
        3,
        "[MISSING] SHA256SUMS: lists no sbom of aicr-helm 0.1.0",
    ),
    "foreign file": (
        lambda f: _consistent(f, lambda f: (f / "notes.txt").write_text("x")),
        2,
        "[INVALID] SHA256SUMS: lists notes.txt, which is no file of a release",
    ),
    "SBOM of another": (
        lambda f: _consistent(
            f, lambda f: shutil.copy(f / "aicr_recipes-0.1.0.cdx.json", f / SBOM)
        ),
        8,
        f"[DIFFERS] {SBOM}: does not describe the archives of this release",
    ),
    "SBOM that is none": (
        lambda f: _consistent(f, lambda f: (f / SBOM).write_text("{}")),
        2,
        f"[INVALID] {SBOM}: is no CycloneDX 1.6 SBOM",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_named(
    case: str, release: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, status, line = CASES[case]
    change(release)
    found, out, err = _verify(capsys, release)
    assert out == ""
    assert line in err
    assert found == status, err


def test_every_fault_is_told_and_the_lowest_status_counts(
    release: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _append(release / WHEEL)
    (release / SDIST).unlink()
    (release / "x").touch()
    status, _, err = _verify(capsys, release)
    assert status == 3
    assert [line.split()[0] for line in err.splitlines()] == ["[DIFFERS]", "[MISSING]", "[DIFFERS]"]


def test_another_commit_or_ref_is_refused(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = _verify(capsys, made.folder, "--commit", "0" * 40, "--ref", "refs/heads/x")
    assert status == 8
    assert f"not {'0' * 40}" in err
    assert "is of ref refs/tags/v0.1.0, not refs/heads/x" in err


@pytest.mark.parametrize("kind", ["other key", "other payload", "no envelope", "broken envelope"])
def test_a_signature_is_by_that_key_over_that_statement(
    kind: str, made: Made, release: pathlib.Path, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    public, status, line = made.public, 4, "not signed by this key"
    envelope = release / layout.ENVELOPE
    if kind == "other key":
        public = release_lab.key(tmp_path)[1]
    elif kind == "other payload":
        line = "what is signed is not provenance.json"
        statement = release / layout.STATEMENT
        statement.write_text(statement.read_text().replace("refs/tags/v0.1.0", "refs/tags/v0.1.1"))
    elif kind == "no envelope":
        line = "the release is not signed: there is no provenance.dsse.json"
        envelope.unlink()
    else:
        status, line = 2, "is no DSSE envelope"
        envelope.write_text('{"payload": 1, "signatures": []}')
    found, out, err = _verify(capsys, release, "--key", public)
    assert (found, out) == (status, "")
    assert line in err


def test_a_key_that_cannot_be_used_is_said(
    made: Made, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "junk").write_text("junk")
    for key, status, line in (
        (made.private, 2, "that is a private key, a public one is needed"),
        (tmp_path / "junk", 2, "[INVALID] key: no public key"),
        (tmp_path / "none", 3, "cannot be read: No such file or directory"),
    ):
        found, _, err = _verify(capsys, made.folder, "--key", key)
        assert found == status
        assert line in err


def test_wrong_usage_is_status_1_and_no_folder_3(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verify(capsys)[0] == 1
    assert _verify(capsys, tmp_path, "--nonsense")[0] == 1
    status, _, err = _verify(capsys, tmp_path / "none")
    assert (status, "no such folder" in err) == (3, True)
    status, out, _ = _verify(capsys, "--help")
    assert (status, "Exit status: 0" in out) == (0, True)


def test_the_provenance_of_the_public_ci_may_lie_there(
    release: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / layout.SLSA).write_text("{}")
    status, out, _ = _verify(capsys, release)
    assert status == 0
    assert "slsa.intoto.jsonl: not checked here" in out


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1"])
def test_ecdsa_keys_sign_the_same_bytes_each_time(curve: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(getattr(ec, curve)())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )  # fmt: skip
    signer = signing.Signer(pem, b"secret")
    envelope = signer.sign(b"{}")
    assert envelope == signing.Signer(pem, b"secret").sign(b"{}")
    id_ = signing.verify(envelope, b"{}", signer.public)
    assert json.loads(envelope)["signatures"][0]["keyid"] == id_
    with pytest.raises(ReleaseError, match="what is signed is not"):
        signing.verify(envelope, b"{ }", signer.public)
    with pytest.raises(ReleaseError, match="the private key cannot be read"):
        signing.Signer(pem, b"wrong")


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ReleaseError, match="use a key of Ed25519 or ECDSA"):
        signing.Signer(pem)
