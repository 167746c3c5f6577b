"""Collector ``os``: boot parameters, sysctl, modules, release, and what ``hardware`` and ``network`` add.

Only files are read (spec/snapshot.md 3, 14.14). A part that cannot be read is said to be missing; the others stay.
Secrets in boot parameters are taken out later, by the core.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.api import Measurement, Subtype
from aicr_host import hardware, network
from aicr_host.files import BLANKS, Unreadable, below, fault, fields, parts, read, resolve, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aicr_core.api import Context

_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_CONTAINER_MARKS = ("/run/.containerenv", "/.dockerenv")
_CONTAINER_GROUPS = ("kubepods", "docker", "containerd", "crio", "libpod", "lxc")
_MARGIN = 0.5
"""Seconds before the deadline at which the walk over the settings ends with what it has."""


def collect(ctx: Context) -> Measurement:
    """Measure the operating system below ``ctx.options["host_root"]``."""
    root = str(ctx.options.get("host_root") or "/")

    def late() -> bool:
        return ctx.cancelled or ctx.remaining() < _MARGIN

    readers: tuple[tuple[str, Callable[[str], Subtype]], ...] = (
        ("grub", grub), ("sysctl", lambda root: sysctl(root, late)), ("kmod", kmod), ("release", release),
        ("cmdline", hardware.cmdline), ("hardware", hardware.facts),
        ("network", network.facts), ("network-sysctl", network.settings),
    )  # fmt: skip
    subtypes = []
    for name, reader in readers:
        try:
            subtypes.append(reader(root))
        except Unreadable as error:
            subtypes.append(Subtype(name=name, data=None, status=error.status, reason=error.reason))
    return Measurement(type="OS", subtypes=tuple(subtypes))


def grub(root: str) -> Subtype:
    """Boot parameters as the reference splits them: at every blank, the last of repeated ones wins, no ``root``."""
    path = below(root, "/proc/cmdline")
    data = {}
    for part in parts(read(path), " "):
        key, _, text = part.partition("=")
        data[key.strip(BLANKS)] = text.strip(BLANKS)
    data.pop("root", None)
    return Subtype(name="grub", data=data, source=path)


def sysctl(root: str, late: Callable[[], bool] = lambda: False) -> Subtype:
    """All readable kernel settings but those of the network; keys are paths of the host.

    When ``late`` says so the walk ends with what it has.
    """
    top = below(root, "/proc/sys")
    data: dict[str, Any] = {}
    closed: list[str] = []
    unread = 0
    status = "ok"
    for path in _files(top, closed):
        if late():
            status = "timeout"
            break
        key = _text(path if root in ("", "/") else path[len(root.rstrip("/")) :])
        if key.startswith(("/proc/sys/net", "/proc/sys/dev/cdrom/")):
            continue
        try:
            data.update(_settings(key, read(path)))
        except Unreadable:
            # Write-only and privileged settings are normal; which they are says nothing about the host.
            unread += 1
    reasons = ["the time was over before all settings were read"] if status == "timeout" else []
    if closed and status == "ok":
        status = "degraded"
    reasons += [f"{len(closed)} folders may not be read: {_text(closed[0])}"] if closed else []
    reasons += [f"{unread} settings are not readable"] if unread else []
    return Subtype(name="sysctl", data=data, source=top, status=status, reason="; ".join(reasons))


def _files(top: str, closed: list[str]) -> Iterator[str]:
    """Give every regular file below ``top``, by name; folders that cannot be listed go to ``closed``."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder == top:
                raise fault(top, error) from None
            closed.append(folder)
            continue
        waiting += [e.path for e in reversed(listed) if e.is_dir(follow_symlinks=False)]
        yield from (e.path for e in listed if e.is_file(follow_symlinks=False))


def _text(path: str) -> str:
    """Give a file name as text that can be written: names are bytes, whatever they mean."""
    return os.fsencode(path).decode("utf-8", "replace")


def _settings(key: str, text: str) -> dict[str, str]:
    lines = parts(text, "\n")
    if len(lines) > 1:
        words = [fields(line) for line in lines]
        if all(len(line) >= 2 for line in words):
            return {f"{key}/{line[0]}": " ".join(line[1:]) for line in words}
    return {key: "\n".join(lines)}


def kmod(root: str) -> Subtype:
    """Loaded modules of /proc/modules; built-in ones are not listed there."""
    path = below(root, "/proc/modules")
    data: dict[str, Any] = {fields(line)[0]: True for line in parts(read(path), "\n")}
    return Subtype(name="kmod", data=data, source=path)


def release(root: str) -> Subtype:
    """The os-release file of the host. In a container without the host's file it is not the host's: left out."""
    for path in _RELEASES:
        place = resolve(root, path)
        if os.path.lexists(place):
            break
    if root in ("", "/") and _in_container() and not _is_mounted(place):
        raise Unreadable(
            "skipped",
            f"this is a container and {place} is its image's; mount the host's file there or pass --host-root",
        )
    data = {}
    for line in parts(read(place), "\n"):
        key, equals, text = line.partition("=")
        text = text.strip(BLANKS).strip("\"'")
        if equals and text:
            data[key.strip(BLANKS)] = text
    return Subtype(name="release", data=data, source=place)


def _in_container() -> bool:
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return True
    if any(os.path.exists(mark) for mark in _CONTAINER_MARKS):
        return True
    groups = value("/proc/1/cgroup") or ""
    return any(name in groups for name in _CONTAINER_GROUPS)


def _is_mounted(path: str) -> bool:
    """Tell whether a file has a mount of its own: so the host's is given to a container."""
    mounts = (fields(line) for line in (value("/proc/self/mountinfo") or "").split("\n"))
    return any(len(words) > 4 and words[4] == path for words in mounts)
