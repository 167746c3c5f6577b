"""What the host is made of: subtypes ``hardware`` and ``cmdline`` of the collector ``os`` (spec/snapshot.md 14.14).

Files of /proc and /sys only, readable without rights. A fact whose file is not there is left out.
"""

from __future__ import annotations

import contextlib
from typing import Any

from aicr_core.api import Subtype
from aicr_host.files import (
    BLANKS,
    Unreadable,
    below,
    fields,
    names,
    number,
    read,
    read_bytes,
    value,
)

_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_MAX_CPUINFO = 16 * 1024 * 1024
"""Some 2 KiB a processor, and there are hosts with a thousand."""


def facts(root: str) -> Subtype:
    """Processors, memory, huge pages, IOMMU groups, secure boot, version of the loaded GPU driver."""
    data: dict[str, Any] = {}
    _processors(root, data)
    _memory(root, data)
    _put(data, "iommu-groups", _count(root, "/sys/kernel/iommu_groups"))
    choice = value(below(root, "/sys/kernel/mm/transparent_hugepage/enabled"))
    if choice:
        data["transparent-hugepage"] = choice.partition("[")[2].partition("]")[0] or choice
    with contextlib.suppress(Unreadable):
        # Four bytes of attributes, then the value.
        data["secure-boot"] = read_bytes(below(root, _SECURE_BOOT))[4:5] == b"\x01"
    _put(data, "module.nvidia", value(below(root, "/sys/module/nvidia/version")))
    if not data:
        raise Unreadable("skipped", f"neither {below(root, '/proc')} nor /sys say anything")
    return Subtype(name="hardware", data=data, source=f"{below(root, '/proc')}, /sys")


def _put(data: dict[str, Any], key: str, reading: str | int | None) -> None:
    if reading not in (None, ""):
        data[key] = reading


def _count(root: str, folder: str, prefix: str = "") -> int | None:
    """Count ``prefix`` plus digits in a folder; None when there is no such folder."""
    try:
        found = names(below(root, folder))
    except Unreadable:
        return None
    return sum(name.startswith(prefix) and name[len(prefix) :].isdecimal() for name in found)


def _processors(root: str, data: dict[str, Any]) -> None:
    try:
        lines = read(below(root, "/proc/cpuinfo"), _MAX_CPUINFO).split("\n")
    except Unreadable:
        lines = []
    pairs = [
        (key.strip(BLANKS), text.strip(BLANKS))
        for key, _, text in (s.partition(":") for s in lines)
    ]
    first = dict(reversed(pairs))
    _put(data, "cpu.model", first.get("model name"))
    # Arm has numbers instead of a name.
    _put(data, "cpu.implementer", first.get("CPU implementer"))
    _put(data, "cpu.part", first.get("CPU part"))
    _put(data, "cpu.count", sum(key == "processor" for key, _ in pairs) or None)
    folder = below(root, "/sys/devices/system/cpu")
    try:
        processors = [
            name for name in names(folder) if name.startswith("cpu") and name[3:].isdecimal()
        ]
    except Unreadable:
        processors = []
    sockets = {text for key, text in pairs if key == "physical id"} or {
        text
        for name in processors
        if (text := value(f"{folder}/{name}/topology/physical_package_id"))
    }
    _put(data, "cpu.sockets", len(sockets) or None)
    governors = {
        text for name in processors if (text := value(f"{folder}/{name}/cpufreq/scaling_governor"))
    }
    _put(data, "cpu.governor", ",".join(sorted(governors)))
    _put(data, "numa-nodes", _count(root, "/sys/devices/system/node", "node"))


def _memory(root: str, data: dict[str, Any]) -> None:
    for line in (value(below(root, "/proc/meminfo")) or "").split("\n"):
        key, _, text = line.partition(":")
        words = fields(text)
        if key == "MemTotal" and words and words[0].isdecimal():
            # Nodes with the same modules differ by some MiB: in whole GiB they are equal.
            data["memory.total-gib"] = round(int(words[0]) / 2**20)
    folder = below(root, "/sys/kernel/mm/hugepages")
    try:
        sizes = names(folder)
    except Unreadable:
        return
    for size in sizes:
        # hugepages-2048kB
        _put(data, f"hugepages.{size.partition('-')[2]}", number(f"{folder}/{size}/nr_hugepages"))


def cmdline(root: str) -> Subtype:
    """Boot parameters as the kernel parses them: quotes hold blanks together, no repetition is lost.

    Values of a repeated parameter are joined by line feeds, in their order: so ``hugepagesz`` and ``hugepages``
    still pair up. What follows ``--`` is for init, and the reading ``--``. ``root`` is left out, as in ``grub``.
    """
    path = below(root, "/proc/cmdline")
    arguments = split(read(path))
    data: dict[str, list[str]] = {}
    for position, argument in enumerate(arguments):
        if argument == "--":
            data["--"] = [" ".join(arguments[position + 1 :])]
            break
        key, text = parameter(argument)
        data.setdefault(key, []).append(text)
    data.pop("root", None)
    return Subtype(
        name="cmdline", data={key: "\n".join(texts) for key, texts in data.items()}, source=path
    )


def split(line: str) -> list[str]:
    """Split a kernel command line at blanks outside of double quotes."""
    found: list[str] = []
    start, quoted = 0, False
    for position, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char in " \t\n\v\f\r" and not quoted:
            found.append(line[start:position])
            start = position + 1
    return [argument for argument in [*found, line[start:]] if argument]


def parameter(argument: str) -> tuple[str, str]:
    """Split one argument into name and value, without the quotes around either the value or all of it."""
    if argument.startswith('"'):
        argument = argument[1:].removesuffix('"')
        key, _, text = argument.partition("=")
        return key, text.removeprefix('"')
    key, _, text = argument.partition("=")
    if text.startswith('"'):
        text = text[1:].removesuffix('"')
    return key, text
