"""Names of readings that collectors are known to take (spec/snapshot.md 3 to 8): for telling a misspelt path.

The list is not complete and need not be: a plugin may measure anything. So only what looks like a known name, or
cannot be one, is doubted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit.errors import nearest

if TYPE_CHECKING:
    from aicr_core.engine.paths import Path

_OPEN: tuple[str, ...] = ()
"""Keys that are facts of a cluster or host: labels, modules, images."""
_SUBTYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "K8s": {
        "server": ("version", "platform", "goVersion"),
        "node": (
            "source-node", "provider-id", "provider", "container-runtime-id", "container-runtime-name",
            "container-runtime-version", "kubelet-version", "kernel-version", "operating-system", "os-image",
        ),
        "image": _OPEN, "images": ("image-count",), "policy": _OPEN,
    },
    "OS": {
        "grub": _OPEN, "cmdline": _OPEN, "sysctl": _OPEN, "kmod": _OPEN, "hardware": _OPEN, "network": _OPEN,
        "network-sysctl": _OPEN, "release": _OPEN,
    },
    "GPU": {"smi": _OPEN, "device": _OPEN, "devices": _OPEN, "hardware": _OPEN},
    "NodeTopology": {
        "summary": ("node-count", "taint-count", "label-count"), "taint": _OPEN, "label": _OPEN,
    },
    "NetworkTopology": {
        "identity": ("pf-count", "rail-count"), "capabilities": ("sriov", "rdma", "ib"), "pfs": _OPEN,
        "kernel-modules": _OPEN,
    },
}  # fmt: skip
_RELEASE = (
    "ID", "ID_LIKE", "NAME", "PRETTY_NAME", "VERSION", "VERSION_ID", "VERSION_CODENAME", "BUILD_ID", "VARIANT_ID",
)  # fmt: skip
_SYSCTL = "/proc/sys/"
_UNITS = ("service", "socket", "timer", "mount", "target", "slice")


def doubt(path: Path) -> tuple[str, str]:
    """Give what is odd about a well-formed path and what may be meant, both empty where nothing is."""
    known = _SUBTYPES.get(path.type)
    if known is None:
        unit = path.key.partition(".")[0]
        if path.type == "SystemD" and unit in _UNITS:
            # A path splits at its first two dots (spec/validate.md 2.1), so a unit's kind becomes part of the key.
            name = f"{path.subtype}.{unit}"
            return f"no path leads to the readings of {name}: its name has a dot", "leave it out"
        return "", ""
    if path.subtype not in known:
        close = nearest(path.subtype, known)
        return _meant(f"{path.type} is not known to have {path.subtype}", close)
    keys = known[path.subtype]
    if keys and path.key not in keys:
        close = nearest(path.key, keys)
        there = f"{path.type}.{path.subtype} is known to have {', '.join(keys)}"
        return f"{there}, not {path.key}", f'did you mean "{close}"?' if close else ""
    if path.subtype == "sysctl" and not path.key.startswith(_SYSCTL):
        return f"keys of {path.type}.sysctl begin with {_SYSCTL}", f"write {_SYSCTL}..."
    if path.subtype == "release" and path.key not in _RELEASE:
        close = nearest(path.key.upper(), _RELEASE)
        return _meant(f"{path.type}.release is not known to have {path.key}", close)
    return "", ""


def _meant(message: str, close: str | None) -> tuple[str, str]:
    return (message, f'did you mean "{close}"?') if close else ("", "")
