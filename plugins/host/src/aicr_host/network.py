"""What carries collective communication: subtypes ``network`` and ``network-sysctl`` of the collector ``os``.

Network cards of the makers that matter, InfiniBand and RoCE ports, versions of the loaded modules, and the few kernel
settings that tune them (spec/snapshot.md 14.14). No interfaces, no addresses, no neighbours: those differ on every
node and are nobody's business.
"""

from __future__ import annotations

from typing import Any

from aicr_core.api import Item, Subtype
from aicr_host import pci
from aicr_host.files import BLANKS, Unreadable, below, names, read, value

_MAKERS = {"15b3": "mellanox", "14e4": "broadcom", "1d0f": "amazon"}
_MODULES = (
    "bnxt_en", "bnxt_re", "efa", "gdrdrv", "ib_core", "mlx5_core", "mlx5_ib", "nv_peer_mem", "nvidia_peermem",
)  # fmt: skip
_PORT = {
    "link-layer": "link_layer",
    "rate": "rate",
    "state": "state",
    "physical-state": "phys_state",
}
# The settings a constraint may ask for; the rest of net would be thousands of keys.
_SETTINGS = (
    "core/netdev_max_backlog", "core/rmem_default", "core/rmem_max", "core/somaxconn", "core/wmem_default",
    "core/wmem_max", "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/ip_local_port_range",
    "ipv4/tcp_rmem", "ipv4/tcp_wmem",
)  # fmt: skip


def settings(root: str) -> Subtype:
    """Network settings, with the same keys and values as ``sysctl`` would give them."""
    top = below(root, "/proc/sys/net")
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        text = value(f"{top}/{name}")
        if text is not None:
            found[f"/proc/sys/net/{name}"] = text
    if not found:
        raise Unreadable("skipped", f"there is none of the known settings in {top}")
    return Subtype(name="network-sysctl", data=found, source=top)


def facts(root: str) -> Subtype:
    """Cards (one item each, by bus address), ports of RDMA devices (one item each), versions of modules."""
    cards = _cards(root)
    ports = _ports(below(root, "/sys/class/infiniband"))
    data: dict[str, Any] = {}
    if cards is not None:
        data["nic-count"] = len(cards)
    if ports or cards is not None:
        data["rdma-port-count"] = len(ports)
    for name in _MODULES:
        version = value(below(root, f"/sys/module/{name}/version"))
        if version:
            data[f"module.{name}"] = version
    if not data:
        raise Unreadable("skipped", f"there is no {below(root, '/sys/bus/pci/devices')}")
    return Subtype(
        name="network", data=data, items=(*(cards or ()), *ports), source=below(root, "/sys")
    )


def _cards(root: str) -> list[Item] | None:
    devices = pci.devices(root)
    if devices is None:
        return None
    found = []
    for device in devices:
        maker = _MAKERS.get(device.vendor)
        # Amazon's other cards carry storage and the ordinary network; virtual functions are no cards.
        other = device.vendor == "1d0f" and not device.device.startswith("efa")
        if maker is None or other or device.is_virtual or not device.kind.startswith("02"):
            continue
        data: dict[str, Any] = {
            "maker": maker,
            "pci-device-id": device.device,
            "class": device.kind[:4],
        }
        node = value(f"{device.folder}/numa_node")
        if node and node.isdecimal():
            data["numa-node"] = int(node)
        found.append(Item(context={"pciBusId": device.address}, data=data))
    return found


def _ports(folder: str) -> list[Item]:
    found = []
    for device in _listed(folder):
        place = f"{folder}/{device}"
        common: dict[str, Any] = {}
        for key, name in (("firmware", "fw_ver"), ("board", "board_id")):
            text = value(f"{place}/{name}")
            if text:
                common[key] = text
        for port in _listed(f"{place}/ports"):
            data = dict(common)
            for key, name in _PORT.items():
                text = _port_value(f"{place}/ports/{port}/{name}")
                if text:
                    data[key] = text
            found.append(Item(context={"device": device, "port": port}, data=data))
    return found


def _port_value(path: str) -> str | None:
    """Give a port's state without its number: ``4: ACTIVE`` is ``ACTIVE``."""
    try:
        text = read(path).strip(BLANKS)
    except Unreadable:
        return None
    head, colon, tail = text.partition(": ")
    return tail if colon and head.isdecimal() else text


def _listed(folder: str) -> list[str]:
    try:
        return names(folder)
    except Unreadable:
        return []
