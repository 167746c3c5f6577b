"""Collector ``os``: boot parameters, sysctl, modules, release, and facts about hardware (spec/snapshot.md 3, 14.14).

Only files are read. A part that cannot be read is said to be missing; the others stay. Secrets in boot parameters are
taken out later, by the core.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aicr_core.api import Measurement, Subtype
from aicr_host.files import BLANKS, Unreadable, below, parts, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aicr_core.api import Context

_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_CONTAINER_MARKS = ("/run/.containerenv", "/.dockerenv")
# The network settings that matter to collective communication; the rest of net would be thousands of keys.
NETWORK_SYSCTLS = (
    "core/rmem_max", "core/wmem_max", "core/rmem_default", "core/wmem_default", "core/netdev_max_backlog",
    "core/somaxconn", "ipv4/tcp_rmem", "ipv4/tcp_wmem", "ipv4/ip_local_port_range",
    "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter",
)  # fmt: skip


def collect(ctx: Context) -> Measurement:
    """Measure the operating system below ``ctx.options["host_root"]``."""
    root = str(ctx.options.get("host_root") or "/")
    readers: tuple[tuple[str, Callable[[str], Subtype]], ...] = (
        ("grub", grub), ("sysctl", sysctl), ("kmod", kmod), ("release", release),
        ("network-sysctl", network_sysctl), ("hardware", hardware),
    )  # fmt: skip
    subtypes = []
    for name, reader in readers:
        try:
            subtypes.append(reader(root))
        except Unreadable as error:
            subtypes.append(Subtype(name=name, data=None, status=error.status, reason=error.reason))
    return Measurement(type="OS", subtypes=tuple(subtypes))


def grub(root: str) -> Subtype:
    """Boot parameters of /proc/cmdline; ``root`` is left out, the last of repeated ones wins."""
    path = below(root, "/proc/cmdline")
    data = {}
    for part in parts(read(path), " "):
        key, _, value = part.partition("=")
        data[key.strip(BLANKS)] = value.strip(BLANKS)
    data.pop("root", None)
    return Subtype(name="grub", data=data, source=path)


def sysctl(root: str) -> Subtype:
    """All readable kernel settings but those of the network; keys are paths."""
    top = below(root, "/proc/sys")
    if not os.path.isdir(top):
        raise Unreadable("skipped", f"there is no {top}")
    data: dict[str, str] = {}
    unread = 0
    for path in _files(top):
        key = path if root in ("", "/") else path[len(root.rstrip("/")) :]
        if key.startswith(("/proc/sys/net", "/proc/sys/dev/cdrom/")):
            continue
        try:
            data.update(_settings(key, read(path, follow=False)))
        except Unreadable:
            # Write-only and privileged settings are normal; which they are says nothing about the host.
            unread += 1
    reason = f"{unread} settings are not readable" if unread else ""
    return Subtype(name="sysctl", data=data, source=top, reason=reason)


def _files(top: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file(follow_symlinks=False):
            yield entry.path


def _settings(key: str, text: str) -> dict[str, str]:
    lines = parts(text, "\n")
    if len(lines) > 1:
        fields = [_fields(line) for line in lines]
        if all(len(words) >= 2 for words in fields):
            return {f"{key}/{words[0]}": " ".join(words[1:]) for words in fields}
    return {key: "\n".join(lines)}


def _fields(line: str) -> list[str]:
    found, word = [], ""
    for char in line:
        if char in BLANKS:
            if word:
                found.append(word)
            word = ""
        else:
            word += char
    return [*found, word] if word else found


def kmod(root: str) -> Subtype:
    """Loaded modules of /proc/modules; built-in ones are not listed there."""
    path = below(root, "/proc/modules")
    data: dict[str, bool | int | float | str] = {
        _fields(line)[0]: True for line in parts(read(path), "\n")
    }
    return Subtype(name="kmod", data=data, source=path)


def release(root: str) -> Subtype:
    """The os-release file of the host. In a container without the host's file it is not the host's: left out."""
    if root in ("", "/") and _in_container():
        raise Unreadable(
            "skipped",
            "this is a container: its os-release is the image's; see the node's osImage in K8s.node",
        )
    for path in _RELEASES:
        place = below(root, path)
        if os.path.exists(place) or path == _RELEASES[-1]:
            break
    data = {}
    for line in parts(read(place), "\n"):
        key, equals, value = line.partition("=")
        value = value.strip(BLANKS).strip("\"'")
        if equals and value:
            data[key.strip(BLANKS)] = value
    return Subtype(name="release", data=data, source=place)


def _in_container() -> bool:
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return True
    return any(os.path.exists(mark) for mark in _CONTAINER_MARKS)


def network_sysctl(root: str) -> Subtype:
    """The few network settings that tune collective communication, under the same keys as ``sysctl``."""
    data = {}
    for name in NETWORK_SYSCTLS:
        try:
            data[f"/proc/sys/net/{name}"] = read(
                below(root, f"/proc/sys/net/{name}"), follow=False
            ).strip(BLANKS)
        except Unreadable:
            continue
    if not data:
        raise Unreadable(
            "skipped", f"there is none of the settings in {below(root, '/proc/sys/net')}"
        )
    return Subtype(name="network-sysctl", data=data, source=below(root, "/proc/sys/net"))


def hardware(root: str) -> Subtype:
    """Processor, memory, huge pages, IOMMU groups, transparent huge pages, and versions of loaded modules."""
    data: dict[str, bool | int | float | str] = {}
    _cpu(root, data)
    _memory(root, data)
    nodes = _names(below(root, "/sys/devices/system/node"))
    count = sum(name.startswith("node") and name[4:].isdecimal() for name in nodes)
    if count:
        data["numa-nodes"] = count
    groups = _names(below(root, "/sys/kernel/iommu_groups"))
    if groups:
        data["iommu-groups"] = len(groups)
    try:
        text = read(below(root, "/sys/kernel/mm/transparent_hugepage/enabled"))
        data["transparent-hugepage"] = text.partition("[")[2].partition("]")[0] or text.strip(
            BLANKS
        )
    except Unreadable:
        pass
    for module in _names(below(root, "/sys/module")):
        # Versions of drivers that tools report too: what is loaded is what counts.
        if module.startswith(("nvidia", "mlx5", "ib_", "gdrdrv", "efa")):
            try:
                data[f"module.{module}"] = read(below(root, f"/sys/module/{module}/version")).strip(
                    BLANKS
                )
            except Unreadable:
                continue
    if not data:
        raise Unreadable("skipped", "neither /proc/cpuinfo nor /sys tell anything")
    return Subtype(
        name="hardware", data=data, source=below(root, "/proc and /sys") if root == "/" else root
    )


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _cpu(root: str, data: dict[str, bool | int | float | str]) -> None:
    try:
        lines = read(below(root, "/proc/cpuinfo")).split("\n")
    except Unreadable:
        return
    pairs = [
        tuple(part.strip(BLANKS) for part in line.split(":", 1)) for line in lines if ":" in line
    ]
    models = [value for key, value in pairs if key == "model name"]
    if models:
        data["cpu.model"] = models[0]
    processors = sum(key == "processor" for key, _ in pairs)
    if processors:
        data["cpu.count"] = processors
    sockets = {value for key, value in pairs if key == "physical id"}
    if sockets:
        data["cpu.sockets"] = len(sockets)


def _memory(root: str, data: dict[str, bool | int | float | str]) -> None:
    try:
        lines = read(below(root, "/proc/meminfo")).split("\n")
    except Unreadable:
        return
    wanted = {
        "MemTotal": "memory.total-kib",
        "HugePages_Total": "hugepages.total",
        "Hugepagesize": "hugepages.size-kib",
    }
    for line in lines:
        key, _, value = line.partition(":")
        words = _fields(value)
        if key in wanted and words and words[0].isdecimal():
            data[wanted[key]] = int(words[0])
