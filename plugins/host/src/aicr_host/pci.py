"""Count GPUs on the PCI bus and name their product line: needs no driver and no rights (spec/snapshot.md 5.3)."""

from __future__ import annotations

import os
from typing import NamedTuple

from aicr_host.files import BLANKS, Unreadable, below, read

_VENDOR = "10de"
_CLASSES = ("0300", "0302")
_FILES = ("class", "vendor", "device", "subsystem_vendor", "subsystem_device")


class Found(NamedTuple):
    """What the bus shows: device ids of the GPUs, and the model if all are of one known line."""

    devices: tuple[str, ...]
    model: str


def scan(root: str) -> Found | None:
    """Look at every PCI device below ``root``; None when there is no PCI tree."""
    folder = below(root, "/sys/bus/pci/devices")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    devices = []
    for name in names:
        try:
            fields = [_hex(os.path.join(folder, name, file)) for file in _FILES]
        except Unreadable:
            continue
        if fields[1] == _VENDOR and fields[0][:4] in _CLASSES:
            devices.append(fields[2])
    return Found(tuple(devices), _model(devices))


def _hex(path: str) -> str:
    return read(path).strip(BLANKS).lower().removeprefix("0x")


def _model(devices: list[str]) -> str:
    if not devices:
        return ""
    import tomllib
    from importlib.resources import files

    table = tomllib.loads(files("aicr_host").joinpath("data/pci-ids.toml").read_text("utf-8"))
    names = {identifier: name for name, identifiers in table.items() for identifier in identifiers}
    models = {names.get(device, "") for device in devices}
    return models.pop() if len(models) == 1 else ""
