"""Collector ``gpu``: what the GPUs are, from the best source that answers (spec/snapshot.md 5.4).

Order: NVML in a child process, ``nvidia-smi -q -x``, the driver's files in /proc, the PCI bus. The bus is always
looked at too, as a cross-check: seven of eight visible is worth a warning. ``smi`` has the keys of v0.11.1,
``hardware`` those of v0.17, ``devices`` one item for each GPU.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, Item, Measurement, Subtype
from aicr_host import pci, smi
from aicr_host.files import BLANKS, Unreadable, below, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import Context

_SHARE = 0.6
"""Part of the time that NVML may take; the rest is for the sources after it."""


class Answer(NamedTuple):
    """What one source gave."""

    source: str
    readings: dict[str, Any]
    items: tuple[Item, ...]


def collect(ctx: Context) -> Measurement:
    """Measure the GPUs of the host below ``ctx.options["host_root"]``."""
    root = str(ctx.options.get("host_root") or "/")
    bus = pci.scan(root)
    tried: list[str] = []
    answer = None
    sources: tuple[Callable[[Context, str], Answer], ...] = (_nvml, _smi, _proc)
    for source in sources:
        try:
            answer = source(ctx, root)
            break
        except AicrError as error:
            tried.append(error.message)
    return Measurement(type="GPU", subtypes=_subtypes(root, bus, answer, tried))


def _subtypes(
    root: str, bus: pci.Found | None, answer: Answer | None, tried: list[str]
) -> tuple[Subtype, ...]:
    on_bus = len(bus.devices) if bus is not None else 0
    reason = "; ".join(tried)
    if answer is None:
        status = "degraded" if on_bus else "empty"
        text = (
            f"{on_bus} GPUs are on the PCI bus, but no driver answers: {reason}"
            if on_bus
            else f"no GPU: {reason}"
        )
        found = [Subtype(name="smi", data={"gpu-count": 0}, status=status, reason=text)]
    else:
        readings = dict(answer.readings)
        status, text = "ok", ""
        # A virtual machine may hide the bus: only more devices than the driver shows are a fault.
        if on_bus > readings["gpu-count"]:
            readings["gpu-count-pci"] = on_bus
            status = "degraded"
            text = (
                f"{readings['gpu-count']} of {on_bus} GPUs on the PCI bus are visible to the driver"
            )
        found = [Subtype(name="smi", data=readings, context={"source": answer.source}, status=status,
                         reason=text, source=answer.source)]  # fmt: skip
        if answer.items:
            found.append(Subtype(name="devices", data={}, items=answer.items, source=answer.source))
    if bus is not None:
        found.append(_hardware(root, bus))
    return tuple(found)


def _hardware(root: str, bus: pci.Found) -> Subtype:
    data: dict[str, bool | int | float | str] = {
        "gpu-present": bool(bus.devices),
        "gpu-count": len(bus.devices),
        "driver-loaded": os.path.isdir(below(root, "/sys/module/nvidia")) or _module_listed(root),
        "detection-source": "pci",
    }
    if bus.model:
        data["model"] = bus.model
    return Subtype(name="hardware", data=data, source=below(root, "/sys/bus/pci/devices"))


def _module_listed(root: str) -> bool:
    try:
        return any(
            line.startswith("nvidia ") for line in read(below(root, "/proc/modules")).split("\n")
        )
    except Unreadable:
        return False


def _nvml(ctx: Context, root: str) -> Answer:
    try:
        done = ctx.run(
            [sys.executable, "-m", "aicr_host.nvml", root],
            check=False,
            timeout=ctx.remaining() * _SHARE,
        )
    except AicrError as error:
        raise AicrError(error.code, f"NVML did not answer: {error.message}") from None
    try:
        found = json.loads(done.stdout)
        state = found["state"]
        if state == "ok":
            items = tuple(
                Item(context=item["context"], data=item["data"]) for item in found["items"]
            )
            return Answer("nvml", dict(found["readings"]), items)
        reason = f"NVML: {state}: {found['reason']}"
    except (ValueError, KeyError, TypeError):
        reason = f"NVML ended its process (status {done.status})"
    raise AicrError(Code.INTERNAL, reason)


def _smi(ctx: Context, root: str) -> Answer:
    argv = ["nvidia-smi", "-q", "-x"]
    if root not in ("", "/") and os.path.exists(below(root, "/usr/bin/nvidia-smi")):
        argv = ["chroot", root, *argv]
    try:
        done = ctx.run(argv)
    except AicrError as error:
        raise AicrError(error.code, f"nvidia-smi: {error.message}") from None
    readings, items = smi.parse(done.stdout)
    return Answer("nvidia-smi", dict(readings), items)


def _proc(_ctx: Context, root: str) -> Answer:
    """Read what a loaded driver says of itself in /proc/driver/nvidia."""
    folder = below(root, "/proc/driver/nvidia")
    try:
        version = read(f"{folder}/version")
    except Unreadable as error:
        raise AicrError(Code.NOT_FOUND, error.reason) from None
    # The first line says what it is, then the version, then the date of the build.
    words = [word for word in version.split("\n")[0].split() if word[:1].isdigit() and "." in word]
    try:
        names = sorted(os.listdir(f"{folder}/gpus"))
    except OSError:
        names = []
    items = tuple(
        _information(f"{folder}/gpus/{name}/information", number, name)
        for number, name in enumerate(names)
    )
    readings: dict[str, Any] = {
        "driver": words[0] if words else "",
        "cuda-version": "",
        "gpu-count": len(names),
    }
    if items:
        readings["gpu.model"] = items[0].data.get("model", "")
        readings["gpu.vbios-version"] = items[0].data.get("vbios-version", "")
        readings["gpu.gsp-firmware-version"] = items[0].data.get("gsp-firmware-version", "")
    return Answer("/proc/driver/nvidia", readings, items)


def _information(path: str, number: int, bus: str) -> Item:
    context = {"index": str(number), "pciBusId": bus}
    data: dict[str, bool | int | float | str] = {}
    keys = {"Model": "model", "Video BIOS": "vbios-version", "GPU Firmware": "gsp-firmware-version"}
    try:
        for line in read(path).split("\n"):
            key, _, value = line.partition(":")
            if key.strip(BLANKS) in keys and value.strip(BLANKS):
                data[keys[key.strip(BLANKS)]] = value.strip(BLANKS)
            elif key.strip(BLANKS) == "GPU UUID":
                context["uuid"] = value.strip(BLANKS)
    except Unreadable as error:
        data["error"] = error.reason
    return Item(context=context, data=data)
