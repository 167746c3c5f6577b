"""The collector ``gpu``: which source speaks, what the PCI bus adds, and what is said when nobody knows."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import gpu, pci

from aicr_core.api import Context, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., pathlib.Path]
    Write = Callable[[str], None]

XML = "<x><driver_version>570.1</driver_version><gpu><product_name>A</product_name></gpu></x>"


def subtypes(root: pathlib.Path | str, timeout: float = 30.0) -> dict[str, Subtype]:
    context = Context(options={"host_root": str(root)}, timeout=timeout)
    return {subtype.name: subtype for subtype in gpu.collect(context).subtypes}


def test_the_whole_recorded_host(nvml: Write, tool: Write, data: pathlib.Path) -> None:
    from aicr_core.kit import yamlio  # test only: the golden is YAML

    nvml("raise NVMLError(12)")
    recorded = data / "raw/nvidia-smi/real-h100-80gb-hbm3-8x-drv570.86.15.xml"
    tool(f"import sys; assert sys.argv[1:] == ['-q', '-x']; print(open({str(recorded)!r}).read())")
    golden: Any = yamlio.load((data / "golden/full-v0.11.1.yaml").read_text("utf-8"), "golden")
    (wanted,) = (item for item in golden["measurements"] if item["type"] == "GPU")
    found = subtypes(data / "golden/inputs")
    assert [subtype["subtype"] for subtype in wanted["subtypes"]] == ["smi"]
    assert found["smi"].data == wanted["subtypes"][0]["data"]
    assert (found["smi"].status, found["smi"].context) == ("ok", {"source": "nvidia-smi"})
    assert len(found["devices"].items) == 8
    # Later versions look at the bus alone; ours says which source it was.
    later: Any = yamlio.load((data / "golden/full-v0.17.yaml").read_text("utf-8"), "golden")
    (wanted,) = (item for item in later["measurements"] if item["type"] == "GPU")
    assert found["hardware"].data == {
        **wanted["subtypes"][0]["data"], "detection-source": "pci",
    }  # fmt: skip


def test_no_gpu_and_no_tool_is_empty(
    nvml: Write, tool: Write, root: pathlib.Path, put: Put
) -> None:
    nvml("raise NVMLError(12)")
    put("sys/bus/pci/devices/0000:00:00.0/class", "0x060000\n")
    found = subtypes(root)
    assert (found["smi"].data, found["smi"].status) == ({"gpu-count": 0}, "empty")
    for part in (
        "no GPU is on the PCI bus",
        "no-library",
        "nvidia-smi is not there",
        "/proc/driver",
    ):
        assert part in found["smi"].reason
    assert found["hardware"].data == {
        "gpu-present": False, "gpu-count": 0, "driver-loaded": False, "detection-source": "pci",
    }  # fmt: skip


def test_not_knowing_is_not_none(nvml: Write, tool: Write, root: pathlib.Path) -> None:
    nvml("raise NVMLError(12)")
    found = subtypes(root)
    assert (found["smi"].data, found["smi"].status) == ({"gpu-count": 0}, "skipped")
    assert (found["hardware"].data, found["hardware"].status) == (None, "skipped")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; sys.exit(9)", "status 9"),
        ("print('NVIDIA-SMI has failed')", "no readable XML"),
        ("while True: print('<a>' * 99999)", "wrote too much"),
        ("import os; os.abort()", "status -6"),
        ("print('<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>')", "entities"),
    ],
)
def test_a_broken_tool_costs_only_its_own_answer(
    nvml: Write, tool: Write, root: pathlib.Path, put: Put, text: str, reason: str
) -> None:
    nvml("raise NVMLError(12)")
    tool(text)
    assert reason in subtypes(root)["smi"].reason
    put(
        "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.1  Fri\n"
    )
    put("proc/driver/nvidia/gpus/0000:19:00.0/information", "Model: \t A\n")
    found = subtypes(root)["smi"]
    assert found.context == {"source": "/proc/driver/nvidia"}


def test_a_tool_that_hangs_is_ended(nvml: Write, tool: Write, root: pathlib.Path) -> None:
    nvml("raise NVMLError(12)")
    tool("import time; time.sleep(600)")
    found = subtypes(root, timeout=4.0)["smi"]
    assert (found.data, found.status) == ({"gpu-count": 0}, "timeout")


def test_the_tool_in_the_host_s_root(nvml: Write, tool: Write, root: pathlib.Path) -> None:
    compiler = shutil.which("cc", path="/usr/bin:/bin")
    if os.geteuid() or compiler is None:
        pytest.skip("needs root for chroot, and a C compiler for a program without libraries")
    nvml("raise NVMLError(12)")
    (root.parent / "bin/chroot").symlink_to("/usr/sbin/chroot")
    for place in ("run/nvidia/driver/usr/bin", "home/kubernetes/bin/nvidia/bin"):
        (root / place).mkdir(parents=True)
    source = f'#include <stdio.h>\nint main(void) {{ puts("{XML}"); return 0; }}\n'
    target = root / "run/nvidia/driver/usr/bin/nvidia-smi"
    made = subprocess.run(
        [compiler, "-static", "-x", "c", "-", "-o", target], input=source, text=True,
        env={"PATH": "/usr/bin:/bin"}, capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no static C library here")
    found = subtypes(root)["smi"]
    assert found.data is not None
    assert (found.data["driver"], found.data["gpu.model"]) == ("570.1", "A")
    target.rename(root / "home/kubernetes/bin/nvidia/bin/nvidia-smi")
    assert subtypes(root)["smi"].context == {"source": "nvidia-smi"}


def test_the_driver_s_own_files(nvml: Write, tool: Write, root: pathlib.Path, put: Put) -> None:
    nvml("raise NVMLError(12)")
    open_module = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (x@y)  Fri\n"
    put("proc/driver/nvidia/version", f"{open_module}GCC version:  gcc version 12.3.0\n")
    put(
        "proc/driver/nvidia/gpus/0000:19:00.0/information",
        "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1\nGPU UUID: \t GPU-9\nVideo BIOS: \t 96.00\nGPU Firmware: \t 570.86.15\n",
    )
    put(
        "proc/driver/nvidia/gpus/0000:20:00.0/information",
        "GPU UUID: GPU-????\nVideo BIOS: ??.??\n",
    )
    (root / "proc/driver/nvidia/gpus/0000:30:00.0").mkdir()
    found = subtypes(root)
    assert found["smi"].data == {
        "driver": "570.86.15", "gpu-count": 3, "gpu.model": "NVIDIA H100 80GB HBM3", "gpu.vbios-version": "96.00",
        "gpu.gsp-firmware-version": "570.86.15",
    }  # fmt: skip
    first, second, third = found["devices"].items
    assert first.context == {"index": "0", "pciBusId": "0000:19:00.0", "uuid": "GPU-9"}
    assert (second.context, dict(second.data)) == ({"index": "1", "pciBusId": "0000:20:00.0"}, {})
    assert third.data["healthy"] is False
    assert found["smi"].status == "degraded"


def test_the_bus_counts_and_names(root: pathlib.Path, device: Put) -> None:
    assert pci.scan(str(root)) is None
    device("0000:01:00.0", "0x2330")
    device("0000:02:00.0", "0x2331", kind="0x030000")
    device("0000:03:00.0", "0x2330", vendor="0x8086")
    device("0000:04:00.0", "0x2330", kind="0x020000")
    (root / "sys/bus/pci/devices/0000:05:00.0").mkdir()
    assert pci.scan(str(root)) == pci.Found(("2330", "2331"), 2, "h100")
    (device("0000:06:00.0", "0x2330") / "physfn").symlink_to("../0000:01:00.0")
    assert pci.scan(str(root)) == pci.Found(("2330", "2331", "2330"), 2, "h100")
    device("0000:07:00.0", "0x20b0")
    found = pci.scan(str(root))
    assert found is not None
    assert (len(found.devices), found.model) == (4, ""), "several lines have no common name"


def test_the_table_of_device_ids_holds_the_facts(data: pathlib.Path) -> None:
    facts: dict[str, str] = json.loads((data / "pci-device-ids.json").read_text("utf-8"))["map"]
    assert len(facts) == 67
    for identifier, name in facts.items():
        assert pci.model([identifier]) == name
    assert pci.model(["ffff"]) == pci.model([]) == ""


def test_fewer_visible_than_on_the_bus_is_said(
    nvml: Write, tool: Write, root: pathlib.Path, device: Put
) -> None:
    nvml("globals().update(nvmlDeviceGetCount=lambda: 1)")
    for number in range(3):
        device(f"0000:0{number}:00.0", "0x2330")
    found = subtypes(root)
    assert found["smi"].status == "degraded"
    assert "1 of 3 GPUs on the PCI bus" in found["smi"].reason
    assert found["smi"].data is not None
    assert found["smi"].data["gpu-count-pci"] == 3
    assert found["hardware"].data == {
        "gpu-present": True, "gpu-count": 3, "driver-loaded": False, "detection-source": "pci", "model": "h100",
    }  # fmt: skip


def test_more_visible_than_on_the_bus_is_a_virtual_machine(
    nvml: Write, tool: Write, root: pathlib.Path, device: Put
) -> None:
    nvml("globals().update(nvmlDeviceGetCount=lambda: 1)")
    device("0000:01:00.0", "0x1", vendor="0x8086")
    assert subtypes(root)["smi"].status == "ok"


def test_a_driver_that_sees_no_gpu(nvml: Write, tool: Write, root: pathlib.Path) -> None:
    nvml("globals().update(nvmlDeviceGetCount=lambda: 0)")
    found = subtypes(root)
    assert found["smi"].data == {"driver": "570.86.15", "cuda-version": "12.8", "gpu-count": 0}
    assert found["smi"].status == "empty"
    assert "devices" not in found


def test_another_module_is_loaded_than_the_library_is_of(
    nvml: Write, tool: Write, root: pathlib.Path, put: Put
) -> None:
    nvml("globals().update(nvmlDeviceGetCount=lambda: 1)")
    put("sys/module/nvidia/version", "570.86.15\n")
    found = subtypes(root)
    assert found["smi"].status == "ok"
    assert found["hardware"].data is not None
    assert found["hardware"].data["driver-loaded"] is True
    put("sys/module/nvidia/version", "570.1\n")
    found = subtypes(root)
    assert (found["smi"].status, "reboot" in found["smi"].reason) == ("degraded", True)
    assert found["smi"].data is not None
    assert found["smi"].data["driver-module"] == "570.1"


def test_without_a_bus_the_driver_s_word_counts(
    nvml: Write, tool: Write, root: pathlib.Path
) -> None:
    nvml("globals().update(nvmlDeviceGetCount=lambda: 1)")
    assert subtypes(root)["hardware"].data == {
        "gpu-present": True, "gpu-count": 1, "driver-loaded": False, "detection-source": "nvml", "model": "h100",
    }  # fmt: skip


def test_this_machine_really() -> None:
    found = subtypes("/")
    assert found["smi"].data is not None
    if not os.path.exists("/dev/nvidia0"):
        assert found["smi"].data["gpu-count"] == 0
