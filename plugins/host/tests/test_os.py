"""The collector ``os`` agrees with the recorded runs, and says what it could not read."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from typing import Any

import pytest
from aicr_host import system
from aicr_host.files import Unreadable, read

from aicr_core.api import Context, Subtype

DATA = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/snapshots"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)


def put(root: pathlib.Path, path: str, data: bytes | str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data.encode() if isinstance(data, str) else data)


def collect(root: pathlib.Path) -> dict[str, Subtype]:
    measurement = system.collect(Context(options={"host_root": str(root)}))
    assert measurement.type == "OS"
    return {subtype.name: subtype for subtype in measurement.subtypes}


@needs_data
@pytest.mark.parametrize(
    ("folder", "file", "name"),
    [
        ("os-release", "etc/os-release", "release"),
        ("proc-cmdline", "proc/cmdline", "grub"),
        ("proc-modules", "proc/modules", "kmod"),
    ],
)
def test_recorded_files(folder: str, file: str, name: str, tmp_path: pathlib.Path) -> None:
    expected: dict[str, Any] = json.loads(
        (DATA / "raw" / folder / "expected.json").read_text("utf-8")
    )
    assert len(expected) >= 2
    for case, readings in expected.items():
        root = tmp_path / case
        put(root, file, (DATA / "raw" / folder / case).read_bytes())
        assert collect(root)[name].data == readings[f"OS.{name}"], case


@needs_data
def test_the_whole_recorded_host(tmp_path: pathlib.Path) -> None:
    from aicr_core.kit import yamlio  # test only: the golden is YAML

    root = tmp_path / "host"
    shutil.copytree(DATA / "golden/inputs", root)
    (root / "proc/sys/test/big").write_bytes(b"x" * 1_048_577)
    (root / "proc/sys/test/link").symlink_to("big")
    golden: Any = yamlio.load((DATA / "golden/full-v0.11.1.yaml").read_text("utf-8"), "golden")
    (wanted,) = (item for item in golden["measurements"] if item["type"] == "OS")
    found = collect(root)
    names = [subtype["subtype"] for subtype in wanted["subtypes"]]
    assert list(found)[: len(names)] == names
    for subtype in wanted["subtypes"]:
        assert found[subtype["subtype"]].data == subtype["data"]


def test_an_empty_host_misses_everything_and_says_so(tmp_path: pathlib.Path) -> None:
    found = collect(tmp_path)
    assert {name: subtype.status for name, subtype in found.items()} == dict.fromkeys(
        found, "skipped"
    )
    assert all(subtype.data is None for subtype in found.values())
    assert str(tmp_path) in found["grub"].reason


def test_empty_files_are_empty_readings(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "proc/cmdline", "")
    put(tmp_path, "proc/modules", "\n")
    found = collect(tmp_path)
    assert found["grub"].data == {}
    assert found["kmod"].data == {}


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a" * 1_048_577, b"a=\xc3"])
def test_what_is_no_text_or_too_large_is_left_out(data: bytes, tmp_path: pathlib.Path) -> None:
    put(tmp_path, "proc/cmdline", data)
    found = collect(tmp_path)["grub"]
    assert (found.data, found.status) == (None, "failed")


def test_nul_bytes_and_control_characters_are_readings(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "proc/cmdline", b"a=\x00b\x1c c=\x1b[31m")
    assert collect(tmp_path)["grub"].data == {"a": "\x00b\x1c", "c": "\x1b[31m"}


def test_a_pipe_does_not_hang_the_collector(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc").mkdir()
    os.mkfifo(tmp_path / "proc/cmdline")
    assert collect(tmp_path)["grub"].status == "failed"
    with pytest.raises(Unreadable, match="no regular file"):
        read(str(tmp_path / "proc/cmdline"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_forbidden_is_not_missing(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "proc/cmdline", "a=b")
    (tmp_path / "proc/cmdline").chmod(0)
    assert collect(tmp_path)["grub"].status == "forbidden"


def test_the_second_place_of_os_release(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "usr/lib/os-release", 'ID="second"\nEMPTY=\nexport X=1\n')
    assert collect(tmp_path)["release"].data == {"ID": "second", "export X": "1"}
    put(tmp_path, "etc/os-release", "ID=first\n")
    assert collect(tmp_path)["release"].data == {"ID": "first"}


def test_the_image_s_release_is_not_the_host_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(Unreadable, match="this is a container"):
        system.release("/")


def test_this_host_really(tmp_path: pathlib.Path) -> None:
    found = collect(pathlib.Path("/"))
    assert found["sysctl"].data
    assert "/proc/sys/kernel/osrelease" in found["sysctl"].data
    assert found["hardware"].data
