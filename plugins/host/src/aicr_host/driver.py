"""What the loaded NVIDIA kernel driver says of itself in /proc and /sys: needs no tool (spec/snapshot.md 5.4).

The layout of /proc/driver/nvidia is that of the driver's documentation; it was not seen on a machine with a GPU.
"""

from __future__ import annotations

import os
import re
from typing import Any

from aicr_core.api import AicrError, Code, Item
from aicr_host.files import BLANKS, Unreadable, below, names, read, value

_FOLDER = "/proc/driver/nvidia"
_VERSION = re.compile(r"(?<![\w.])\d{2,}(?:\.\d+)+(?![\w.])")
_KEYS = {"Model": "model", "Video BIOS": "vbios-version", "GPU Firmware": "gsp-firmware-version"}


def facts(root: str) -> tuple[dict[str, Any], tuple[Item, ...]]:
    """Give the readings of subtype ``smi`` as far as they are there, and one item a GPU. Raises AicrError."""
    folder = below(root, _FOLDER)
    try:
        version = read(f"{folder}/version")
    except Unreadable as error:
        raise AicrError(Code.NOT_FOUND, error.reason) from None
    try:
        addresses = names(f"{folder}/gpus")
    except Unreadable:
        addresses = []
    items = tuple(
        _information(f"{folder}/gpus/{address}/information", number, address)
        for number, address in enumerate(addresses)
    )
    # The first line: what it is, the version, the date of the build.
    found = _VERSION.search(version.partition("\n")[0])
    readings: dict[str, Any] = {"driver": found[0] if found else "", "gpu-count": len(items)}
    for key in _KEYS.values() if items else ():
        if key in items[0].data:
            readings[f"gpu.{key}"] = items[0].data[key]
    return readings, items


def _information(path: str, number: int, address: str) -> Item:
    context = {"index": str(number), "pciBusId": address}
    data: dict[str, Any] = {}
    try:
        lines = read(path).split("\n")
    except Unreadable as error:
        lines, data = [], {"healthy": False, "error": error.reason}
    for line in lines:
        key, _, text = line.partition(":")
        key, text = key.strip(BLANKS), text.strip(BLANKS)
        # The driver writes question marks where it does not know yet.
        if text and "?" not in text:
            if key in _KEYS:
                data[_KEYS[key]] = text
            elif key == "GPU UUID":
                context["uuid"] = text
    return Item(context=context, data=data)


def module_version(root: str) -> str:
    """Give the version of the loaded kernel module; empty when none is loaded."""
    return value(below(root, "/sys/module/nvidia/version")) or ""


def is_loaded(root: str) -> bool:
    """Tell whether the kernel module is loaded."""
    if os.path.isdir(below(root, "/sys/module/nvidia")):
        return True
    return any(
        line.startswith("nvidia ")
        for line in (value(below(root, "/proc/modules")) or "").split("\n")
    )
