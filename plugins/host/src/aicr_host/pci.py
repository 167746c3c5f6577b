"""Devices of the PCI bus as sysfs shows them, and which are GPUs: needs no driver and no rights (spec/snapshot.md 5.3).

Which sources count for the snapshot is the business of ``gpu`` and ``network``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from aicr_host.files import BLANKS, Unreadable, below, names, read

if TYPE_CHECKING:
    from collections.abc import Iterable

_VENDOR = "10de"
_CLASSES = ("0300", "0302")
_FILES = ("class", "vendor", "device", "subsystem_vendor", "subsystem_device")


class Device(NamedTuple):
    """One device; numbers in hexadecimal without ``0x``. A virtual one is a share of another device."""

    address: str
    kind: str
    vendor: str
    device: str
    folder: str
    is_virtual: bool


class Found(NamedTuple):
    """Device ids of the GPUs, how many are no virtual ones, the model if all are of one known line."""

    devices: tuple[str, ...]
    physical: int
    model: str


def devices(root: str) -> list[Device] | None:
    """Give every PCI device below ``root`` by address; None when there is no PCI tree."""
    top = below(root, "/sys/bus/pci/devices")
    try:
        addresses = names(top)
    except Unreadable:
        return None
    found = []
    for address in addresses:
        folder = f"{top}/{address}"
        try:
            kind, vendor, device, *_ = (_hex(f"{folder}/{name}") for name in _FILES)
        except Unreadable:
            # One that lacks a file is being taken out just now, or none that is meant here.
            continue
        virtual = os.path.lexists(f"{folder}/physfn")
        found.append(Device(address, kind, vendor, device, folder, virtual))
    return found


def scan(root: str) -> Found | None:
    """Count the GPUs; None when there is no PCI tree."""
    listed = devices(root)
    if listed is None:
        return None
    gpus = [item for item in listed if item.vendor == _VENDOR and item.kind[:4] in _CLASSES]
    identifiers = tuple(item.device for item in gpus)
    physical = sum(not item.is_virtual for item in gpus)
    return Found(identifiers, physical, model(identifiers))


def _hex(path: str) -> str:
    return read(path).strip(BLANKS).lower().removeprefix("0x")


def model(identifiers: Iterable[str]) -> str:
    """Name the product line of device ids; empty when it is unknown, or there are several."""
    import tomllib
    from importlib.resources import files

    wanted = set(identifiers)
    if not wanted:
        return ""
    table = tomllib.loads(files("aicr_host").joinpath("data/pci-ids.toml").read_text("utf-8"))
    lines = {identifier: name for name, identifiers in table.items() for identifier in identifiers}
    models = {lines.get(identifier, "") for identifier in wanted}
    return models.pop() if len(models) == 1 else ""
