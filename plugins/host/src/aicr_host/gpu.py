"""Collector ``gpu``: what the GPUs are, from the best source that answers (spec/snapshot.md 5.4).

Order: NVML in a child process, ``nvidia-smi -q -x``, the driver's files in /proc. The PCI bus is always looked at too:
it needs nobody, and seven of eight visible is worth a warning. ``smi`` has the keys of v0.11.1, ``hardware`` those of
v0.17, ``devices`` one item for each GPU.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, Item, Measurement, Subtype
from aicr_host import driver, pci, smi
from aicr_host.files import below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aicr_core.api import Context

_SHARE = 0.6
"""Part of the time left that a source may take; the rest is for those after it."""
# Where else than on the PATH the tool is: its root, its place there, the folder of its libraries if not the usual one.
_TOOLS = (
    ("", "/usr/bin/nvidia-smi", ""),
    ("/run/nvidia/driver", "/usr/bin/nvidia-smi", ""),
    ("", "/home/kubernetes/bin/nvidia/bin/nvidia-smi", "/home/kubernetes/bin/nvidia/lib64"),
)


class Answer(NamedTuple):
    """What one source gave."""

    source: str
    readings: dict[str, Any]
    items: tuple[Item, ...]


class Silence(Exception):
    """Why a source gave nothing: ``hung`` it was killed, ``state`` what is wrong with the driver if that is known."""

    def __init__(self, reason: str, *, hung: bool = False, state: str = "") -> None:
        super().__init__(reason)
        self.hung = hung
        self.state = state


def collect(ctx: Context) -> Measurement:
    """Measure the GPUs of the host below ``ctx.options["host_root"]``."""
    root = str(ctx.options.get("host_root") or "/")
    bus = pci.scan(root)
    tried: list[Silence] = []
    answer = None
    sources: tuple[Callable[[Context, str], Answer], ...] = (_nvml, _smi, _proc)
    for source in sources:
        if source is _smi and any(silence.hung for silence in tried):
            tried.append(Silence("nvidia-smi was not asked: it waits for the same driver"))
            continue
        try:
            answer = source(ctx, root)
            break
        except Silence as silence:
            tried.append(silence)
    found = [_readings(root, bus, answer, tried)]
    if answer is not None and answer.items:
        found.append(Subtype(name="devices", data={}, items=answer.items, source=answer.source))
    found.append(_hardware(root, bus, answer))
    return Measurement(type="GPU", subtypes=tuple(found))


def _readings(
    root: str, bus: pci.Found | None, answer: Answer | None, tried: list[Silence]
) -> Subtype:
    """Make subtype ``smi``, checked against the bus and the loaded module."""
    on_bus = bus.physical if bus is not None else 0
    readings: dict[str, Any] = dict(answer.readings) if answer is not None else {"gpu-count": 0}
    for silence in tried:
        if silence.state == "version-mismatch":
            readings["driver-state"] = silence.state
    if answer is None:
        status, text = _nothing(bus, tried)
        reasons = [text, *map(str, tried)]
        return Subtype(name="smi", data=readings, status=status, reason="; ".join(reasons))
    count, faults = readings["gpu-count"], []
    # A virtual machine may hide the bus: only more devices than the driver shows are a fault.
    if on_bus > count:
        readings["gpu-count-pci"] = on_bus
        faults.append(f"{count} of {on_bus} GPUs on the PCI bus are visible to the driver")
    lost = sum(item.data.get("healthy") is False for item in answer.items)
    if lost:
        faults.append(f"{lost} of {count} GPUs do not answer")
    module = driver.module_version(root)
    if module and readings.get("driver") and module != readings["driver"]:
        readings["driver-module"] = module
        faults.append(
            f"module {module} is loaded, the driver's library is {readings['driver']}: reboot"
        )
    status = "degraded" if faults else "ok" if count else "empty"
    if not count and not faults:
        faults = ["the driver sees no GPU"]
    return Subtype(
        name="smi", data=readings, context={"source": answer.source}, status=status,
        reason="; ".join(faults), source=answer.source,
    )  # fmt: skip


def _nothing(bus: pci.Found | None, tried: list[Silence]) -> tuple[str, str]:
    """Say with a status what it means that no source answered."""
    if any(silence.hung for silence in tried):
        return "timeout", "the GPU driver hangs"
    if bus is None:
        return "skipped", "neither a driver nor a PCI bus is to be seen"
    if bus.devices:
        return "degraded", f"{len(bus.devices)} on the PCI bus, but no driver answers"
    return "empty", "no GPU is on the PCI bus"


def _hardware(root: str, bus: pci.Found | None, answer: Answer | None) -> Subtype:
    """Make subtype ``hardware``: from the bus, else from what the driver said."""
    if bus is not None:
        count, model = len(bus.devices), bus.model
        name, source = "pci", below(root, "/sys/bus/pci/devices")
    elif answer is not None:
        count = answer.readings["gpu-count"]
        model = pci.model(str(item.data.get("pci-device-id", "")) for item in answer.items)
        name = source = answer.source
    else:
        reason = f"there is no {below(root, '/sys/bus/pci/devices')}, and no driver answers"
        return Subtype(name="hardware", data=None, status="skipped", reason=reason)
    data: dict[str, Any] = {
        "gpu-present": count > 0,
        "gpu-count": count,
        "driver-loaded": driver.is_loaded(root),
        "detection-source": name,
    }
    if model:
        data["model"] = model
    return Subtype(name="hardware", data=data, source=source)


def _nvml(ctx: Context, root: str) -> Answer:
    # -P: a file in the current folder must not stand in for a module.
    argv = [sys.executable, "-P", "-m", "aicr_host.nvml", root]
    try:
        done = ctx.run(
            argv, check=False, timeout=ctx.remaining() * _SHARE, max_output=smi.MAX_BYTES
        )
    except AicrError as error:
        hung = error.code is Code.TIMEOUT
        text = "NVML did not answer in time" if hung else f"NVML: {error.message}"
        raise Silence(text, hung=hung) from None
    try:
        found = json.loads(done.stdout)
        state = found["state"]
        if state == "ok":
            items = tuple(
                Item(
                    context=_group(item["context"], str),
                    data=_group(item["data"], bool, int, float, str),
                )
                for item in found["items"]
            )
            readings = _group(found["readings"], int, str)
            return Answer("nvml", {**readings, "gpu-count": int(readings["gpu-count"])}, items)
        reason = f"NVML: {state}: {found['reason']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        state, reason = "", f"NVML ended its process (status {done.status})"
    raise Silence(reason, state=state)


def _group(found: Any, *kinds: type) -> dict[str, Any]:
    """Give readings or a context as they are; raises TypeError when something in it is of no such kind."""
    if not isinstance(found, dict) or not all(isinstance(value, kinds) for value in found.values()):
        raise TypeError
    return found


def _smi(ctx: Context, root: str) -> Answer:
    said = ""
    for argv, env in _commands(root):
        try:
            done = ctx.run(
                [*argv, "-q", "-x"],
                env=env,
                timeout=ctx.remaining() * _SHARE,
                max_output=smi.MAX_BYTES,
            )
            readings, items = smi.parse(done.stdout)
            return Answer("nvidia-smi", dict(readings), items)
        except AicrError as error:
            if error.code is Code.TIMEOUT:
                raise Silence(error.message, hung=True) from None
            said = error.message
    raise Silence(said or "nvidia-smi is not there")


def _commands(root: str) -> Iterator[tuple[list[str], dict[str, str] | None]]:
    """Give the ways to run ``nvidia-smi``: as it is on the PATH, else inside the host's or the driver's root."""
    from shutil import which

    if which("nvidia-smi"):
        yield ["nvidia-smi"], None
    for place, tool, libraries in _TOOLS:
        base = below(root, place) if place else root
        if base in ("", "/") and not libraries:
            continue
        if not os.access(below(base, tool), os.X_OK):
            continue
        env = {**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else None
        yield ([tool] if base in ("", "/") else ["chroot", base, tool]), env


def _proc(_ctx: Context, root: str) -> Answer:
    try:
        readings, items = driver.facts(root)
    except AicrError as error:
        raise Silence(error.message) from None
    return Answer("/proc/driver/nvidia", readings, items)
