"""Facts about hardware, network cards and the boot line, from trees made by hand (synthetic)."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import pytest
from aicr_host import hardware, network
from aicr_host.files import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., pathlib.Path]


def test_an_intel_host(root: pathlib.Path, put: Put) -> None:
    processor = "processor\t: {}\nmodel name\t: X 9: fast\nphysical id\t: {}\n\n"
    put("proc/cpuinfo", "".join(processor.format(n, n % 2) for n in range(4)))
    put("proc/meminfo", "MemTotal:       24683656 kB\nMemFree: 1 kB\nHugetlb: x\n")
    put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "5128\n")
    put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n")
    put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    put("sys/module/nvidia/version", "570.86.15\n")
    for name in ("node0", "node1", "online", "nodes"):
        put(f"sys/devices/system/node/{name}/x", "")
    put("sys/kernel/iommu_groups/0/x", "")
    for number in range(4):
        put(f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor", "performance\n")
    put("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\1")
    found = hardware.facts(str(root))
    assert found.data == {
        "cpu.model": "X 9: fast", "cpu.count": 4, "cpu.sockets": 2, "cpu.governor": "performance",
        "memory.total-gib": 24, "hugepages.2048kB": 5128, "hugepages.1048576kB": 0, "numa-nodes": 2,
        "iommu-groups": 1, "transparent-hugepage": "madvise", "module.nvidia": "570.86.15", "secure-boot": True,
    }  # fmt: skip


def test_an_arm_host(root: pathlib.Path, put: Put) -> None:
    put(
        "proc/cpuinfo",
        "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\nprocessor\t: 1\n",
    )
    for number in range(2):
        put(f"sys/devices/system/cpu/cpu{number}/topology/physical_package_id", f"{number}\n")
    put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n")
    put("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\0")
    (root / "sys/kernel/iommu_groups").mkdir(parents=True)
    assert hardware.facts(str(root)).data == {
        "cpu.implementer": "0x41", "cpu.part": "0xd4f", "cpu.count": 2, "cpu.sockets": 2,
        "cpu.governor": "performance,powersave", "secure-boot": False, "iommu-groups": 0,
    }  # fmt: skip


def test_a_thousand_processors(root: pathlib.Path, put: Put) -> None:
    one = "processor\t: 0\nmodel name\t: X\nflags\t: " + "f " * 700 + "\n"
    put("proc/cpuinfo", one * 1024)
    found = hardware.facts(str(root))
    assert found.data is not None
    assert found.data["cpu.count"] == 1024


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("quiet root=/dev/sda1 rootwait\n", {"quiet": "", "rootwait": ""}),
        ("console=tty0 console=ttyS0,115200", {"console": "tty0\nttyS0,115200"}),
        (
            "hugepagesz=2M hugepages=512 hugepagesz=1G hugepages=8",
            {"hugepagesz": "2M\n1G", "hugepages": "512\n8"},
        ),
        ('dyndbg="file drivers/usb/* +p" a=b', {"dyndbg": "file drivers/usb/* +p", "a": "b"}),
        ('"dm=1 vroot none" x', {"dm": "1 vroot none", "x": ""}),
        ('a="b c', {"a": "b c"}),
        ('a=b"c d"e', {"a": 'b"c d"e'}),
        ("a=b=c", {"a": "b=c"}),
        ("a -- b=c  root=d", {"a": "", "--": "b=c root=d"}),
        ("\ta\nb ", {"a": "", "b": ""}),
    ],
)
def test_the_boot_line_as_the_kernel_reads_it(
    root: pathlib.Path, put: Put, line: str, expected: dict[str, str]
) -> None:
    put("proc/cmdline", line)
    assert hardware.cmdline(str(root)).data == expected


def test_network_cards_and_ports(root: pathlib.Path, put: Put, device: Put) -> None:
    card = device("0000:0c:00.0", "0x1021", vendor="0x15b3", kind="0x020700")
    (card / "numa_node").write_text("1\n")
    share = device("0000:0c:00.1", "0x101e", vendor="0x15b3", kind="0x020700")
    (share / "physfn").symlink_to("../0000:0c:00.0")
    (device("0000:0d:00.0", "0x1750", vendor="0x14e4", kind="0x020000") / "numa_node").write_text(
        "-1\n"
    )
    device("0000:0e:00.0", "0xefa2", vendor="0x1d0f", kind="0x020000")
    device("0000:0f:00.0", "0xec20", vendor="0x1d0f", kind="0x020000")
    device("0000:10:00.0", "0x1021", vendor="0x15b3", kind="0x058000")
    device("0000:11:00.0", "0x2330")
    put("sys/class/infiniband/mlx5_0/fw_ver", "28.39.1002\n")
    put("sys/class/infiniband/mlx5_0/board_id", "MT_0000000838\n")
    for name, text in (("link_layer", "InfiniBand"), ("rate", "400 Gb/sec (4X NDR)"), ("state", "4: ACTIVE"),
                       ("phys_state", "5: LinkUp")):  # fmt: skip
        put(f"sys/class/infiniband/mlx5_0/ports/1/{name}", f"{text}\n")
    (root / "sys/class/infiniband/mlx5_1/ports/1").mkdir(parents=True)
    put("sys/module/mlx5_core/version", "24.10-0.7.0\n")
    put("sys/module/loop/version", "1\n")
    found = network.facts(str(root))
    assert found.data == {"nic-count": 3, "rdma-port-count": 2, "module.mlx5_core": "24.10-0.7.0"}
    assert [(dict(item.context), dict(item.data)) for item in found.items] == [
        ({"pciBusId": "0000:0c:00.0"},
         {"maker": "mellanox", "pci-device-id": "1021", "class": "0207", "numa-node": 1}),
        ({"pciBusId": "0000:0d:00.0"}, {"maker": "broadcom", "pci-device-id": "1750", "class": "0200"}),
        ({"pciBusId": "0000:0e:00.0"}, {"maker": "amazon", "pci-device-id": "efa2", "class": "0200"}),
        ({"device": "mlx5_0", "port": "1"},
         {"firmware": "28.39.1002", "board": "MT_0000000838", "link-layer": "InfiniBand",
          "rate": "400 Gb/sec (4X NDR)", "state": "ACTIVE", "physical-state": "LinkUp"}),
        ({"device": "mlx5_1", "port": "1"}, {}),
    ]  # fmt: skip


def test_network_settings_are_few(root: pathlib.Path, put: Put) -> None:
    put("proc/sys/net/core/rmem_max", "212992\n")
    put("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
    put("proc/sys/net/ipv4/conf/all/rp_filter", "2\n")
    put("proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n")
    put("proc/sys/net/ipv4/neigh/eth0/gc_stale_time", "60\n")
    assert network.settings(str(root)).data == {
        "/proc/sys/net/core/rmem_max": "212992",
        "/proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456",
        "/proc/sys/net/ipv4/conf/all/rp_filter": "2",
    }


def test_a_host_without_anything(root: pathlib.Path) -> None:
    for facts in (hardware.facts, hardware.cmdline, network.facts, network.settings):
        with pytest.raises(Unreadable) as caught:
            facts(str(root))
        assert caught.value.status == "skipped"
