"""What several tests of this package use: a tree of a host, tools on an otherwise empty PATH, the recorded data."""

from __future__ import annotations

import pathlib
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/snapshots"


@pytest.fixture
def data() -> pathlib.Path:
    """The recorded runs of the reference; the test is skipped where they are not beside the checkout."""
    if not DATA.is_dir():
        pytest.skip("../shared/data/snapshots is not beside this checkout")
    return DATA


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """An empty tree that stands for a host's file system."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def put(root: pathlib.Path) -> Callable[[str, bytes | str], pathlib.Path]:
    """Write a file of that tree."""

    def write(path: str, content: bytes | str) -> pathlib.Path:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    return write


@pytest.fixture
def device(put: Callable[[str, str], pathlib.Path]) -> Callable[..., pathlib.Path]:
    """Put a device on the tree's PCI bus; give its folder."""

    def add(
        name: str, identifier: str, vendor: str = "0x10de", kind: str = "0x030200"
    ) -> pathlib.Path:
        files = {"class": kind, "vendor": vendor, "device": identifier,
                 "subsystem_vendor": "0x10de", "subsystem_device": "0x16c1"}  # fmt: skip
        for file, text in files.items():
            place = put(f"sys/bus/pci/devices/{name}/{file}", f"{text}\n")
        return place.parent

    return add


@pytest.fixture
def tool(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Take everything off the PATH; what is called puts an ``nvidia-smi`` there that is the given Python text."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(text: str) -> None:
        path = folder / "nvidia-smi"
        path.write_text(f"#!{sys.executable}\n{text}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def nvml(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a stand-in for ``pynvml`` before the real one in the worker; the text given is what ``nvmlInit`` does."""
    source = pathlib.Path(__file__).with_name("synthetic_pynvml.txt").read_text("utf-8")

    def write(init: str) -> None:
        folder = tmp_path / "stub"
        folder.mkdir(exist_ok=True)
        (folder / "pynvml.py").write_text(source.replace("INIT", init))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return write
