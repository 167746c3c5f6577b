"""``make.py`` from end to end: built, described, checked, installed, and only then there."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aicr_release import checksums, install, layout, make
from aicr_release.failure import ReleaseError

if TYPE_CHECKING:
    from conftest import Made

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _make(made: Made, output: pathlib.Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "packaging/release/make.py", output, "--root", made.repository],
        env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_script_makes_the_release(made: Made, tmp_path: pathlib.Path) -> None:
    """Into a folder that holds an earlier one, with the same digests as the release of the other tests."""
    output = tmp_path / "dist/release"
    output.mkdir(parents=True)
    (output / layout.SUMS).write_text("an earlier release\n")
    (output / "old.whl").touch()
    key = made.private.read_text()
    result = _make(made, output, AICR_RELEASE_KEY=key, AICR_BUILDER_ID="https://example.com/b")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1:-1] == [
        "built twice: 6 archives, same bytes",
        "3 SBOMs valid, statement complete, signed",
        "wheels install",
    ]
    assert f"sha256 of SHA256SUMS {checksums.digest(output / layout.SUMS)}" in result.stdout
    assert checksums.read(output) == checksums.read(made.folder)
    assert not (output / "old.whl").exists()
    assert [path.name for path in output.parent.iterdir()] == ["release"], (
        "nothing is left beside it"
    )
    assert (output / layout.STATEMENT).read_text().count("https://example.com/b") == 1
    assert output.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_is_no_release_is_not_replaced(made: Made, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").write_text("mine")
    result = _make(made, tmp_path)
    assert result.returncode == 2
    assert result.stderr == f"[INVALID] {tmp_path}: is there and is no release; name another\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("/none/here", "[MISSING] AICR_RELEASE_KEY: cannot be read: No such file or directory"),
        ("-----BEGIN PRIVATE KEY-----", "[INVALID] key: the private key cannot be read"),
    ],
)
def test_a_key_that_cannot_be_used_leaves_nothing(
    key: str, line: str, made: Made, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before the builds: a maintainer does not wait a minute for it."""
    monkeypatch.setattr(make.build, "build", lambda *_: pytest.fail("built"))
    with pytest.raises(ReleaseError) as error:
        make.make(made.repository, tmp_path / "out", {"AICR_RELEASE_KEY": key}, lambda _: None)
    assert str(error.value).startswith(line)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_that_does_not_install_stops_the_release(
    made: Made, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployer without the core it requires, from no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "constraints.txt").touch()
    with pytest.raises(ReleaseError, match="No matching distribution found for aicr-core"):
        install.check(
            made.folder,
            ["aicr_helm-0.1.0-py3-none-any.whl"],
            tmp_path / "constraints.txt",
            tmp_path,
        )


def test_a_release_is_made_of_a_repository(tmp_path: pathlib.Path) -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "packaging/release/make.py", tmp_path / "out", "--root", tmp_path],
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.startswith("[INVALID] git rev-parse: ")
    assert "Traceback" not in result.stderr


def test_without_its_tools_the_script_says_what_brings_them(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-S", ROOT / "packaging/release/make.py", tmp_path / "out"]
    result = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert result.returncode == 6
    assert result.stderr.startswith("[TOOL] ")
    assert "nox -s release" in result.stderr
    assert "Traceback" not in result.stderr
