"""The collector ``gpu``: recorded ``nvidia-smi`` outputs of real GPUs, and a synthetic NVML in a real child process.

No GPU was at hand when this was written: what NVML answers here is synthetic, made after its documentation.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from typing import Any

import pytest
from aicr_host import gpu, pci, smi
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, Context, Subtype

DATA = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/snapshots"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)

NVML = '''
"""A stand-in for pynvml (synthetic)."""
import time

class NVMLError(Exception):
    def __init__(self, value):
        super().__init__(f"error {value}")
        self.value = value

def nvmlInit():
    INIT

def nvmlShutdown(): pass
def nvmlSystemGetDriverVersion(): return "570.86.15"
def nvmlSystemGetCudaDriverVersion_v2(): return 12080
def nvmlDeviceGetCount(): return 2

def nvmlDeviceGetHandleByIndex(index):
    if index == 1:
        raise NVMLError(15)
    return index

class Pci:
    busId = "00000000:19:00.0"
    pciDeviceId = 0x233010DE

class Memory:
    total = 85520809984

def nvmlDeviceGetName(h): return b"NVIDIA H100 80GB HBM3"
def nvmlDeviceGetArchitecture(h): return 9
def nvmlDeviceGetDisplayMode(h): raise NVMLError(26)
def nvmlDeviceGetDisplayActive(h): return 0
def nvmlDeviceGetPersistenceMode(h): return 1
def nvmlDeviceGetAddressingMode(h): raise NVMLError(3)
def nvmlDeviceGetVbiosVersion(h): return "96.00.74.00.01"
def nvmlDeviceGetGspFirmwareVersion(h): return b"570.86.15"
def nvmlDeviceGetUUID(h): return "GPU-1"
def nvmlDeviceGetPciInfo(h): return Pci
def nvmlDeviceGetMigMode(h): return [1, 0]
def nvmlDeviceGetMemoryInfo(h): return Memory
def nvmlDeviceGetCudaComputeCapability(h): return (9, 0)
def nvmlDeviceGetEccMode(h): raise NVMLError(4)
def nvmlDeviceGetPowerManagementLimit(h): return 700000
def nvmlDeviceGetSerial(h): raise NVMLError(999)
'''


def subtypes(root: pathlib.Path | str = "/nowhere", timeout: float = 20.0) -> dict[str, Subtype]:
    context = Context(options={"host_root": str(root)}, timeout=timeout)
    return {subtype.name: subtype for subtype in gpu.collect(context).subtypes}


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """A PATH with nothing on it; the folder is given, to put tools there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def nvml(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path, init: str) -> None:
    (folder / "stub").mkdir()
    (folder / "stub/pynvml.py").write_text(NVML.replace("INIT", init))
    monkeypatch.setenv("PYTHONPATH", str(folder / "stub"))


def tool(folder: pathlib.Path, text: str) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)


@needs_data
def test_recorded_outputs_of_nvidia_smi() -> None:
    expected: dict[str, Any] = json.loads(
        (DATA / "raw/nvidia-smi/expected.json").read_text("utf-8")
    )
    for name, case in expected.items():
        try:
            found, items = smi.parse((DATA / "raw/nvidia-smi" / name).read_bytes())
        except AicrError:
            found, items = {"gpu-count": 0}, ()
        assert found == case["GPU.smi"], name
        assert len(items) == found["gpu-count"]
    assert len(expected) == 26


@needs_data
def test_nvidia_smi_serves_without_nvml(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "raise NVMLError(12)")
    recorded = DATA / "raw/nvidia-smi/real-h100-80gb-hbm3-8x-drv570.86.15.xml"
    tool(
        no_tools,
        f"import sys; sys.stdout.write(open({str(recorded)!r}).read()); assert sys.argv[1:] == ['-q', '-x']",
    )
    found = subtypes(tmp_path / "root")
    assert found["smi"].status == "ok"
    assert found["smi"].context == {"source": "nvidia-smi"}
    assert found["smi"].data is not None
    assert found["smi"].data["gpu-count"] == 8
    assert len(found["devices"].items) == 8
    assert found["devices"].items[7].context["uuid"].startswith("GPU-")


def test_nvml_in_a_child_process(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "pass")
    found = subtypes(tmp_path / "root")
    assert found["smi"].context == {"source": "nvml"}
    assert found["smi"].data == {
        "driver": "570.86.15", "cuda-version": "12.8", "gpu-count": 2, "gpu.model": "NVIDIA H100 80GB HBM3",
        "gpu.product-architecture": "Hopper", "gpu.display-active": "Disabled", "gpu.persistence-mode": "Enabled",
        "gpu.display-mode": "Requested functionality has been deprecated", "gpu.addressing-mode": "N/A",
        "gpu.vbios-version": "96.00.74.00.01", "gpu.gsp-firmware-version": "570.86.15",
    }  # fmt: skip
    first, lost = found["devices"].items
    assert first.context == {"index": "0", "uuid": "GPU-1", "pciBusId": "00000000:19:00.0"}
    assert first.data["pci-device-id"] == "2330"
    assert first.data["mig-mode"] == "Enabled"
    assert first.data["memory-total-bytes"] == 85520809984
    assert first.data["compute-capability"] == "9.0"
    assert "serial" not in first.data
    assert lost.data["healthy"] is False


@pytest.mark.parametrize(
    ("init", "reason"),
    [
        ("raise NVMLError(9)", "not-loaded"),
        ("raise NVMLError(18)", "version-mismatch"),
        ("import os; os.abort()", "ended its process"),
        ("import sys; sys.exit(3)", "ended its process"),
        ("print('not json'); raise SystemExit", "ended its process"),
    ],
)
def test_a_broken_driver_costs_only_its_own_answer(
    monkeypatch: pytest.MonkeyPatch,
    no_tools: pathlib.Path,
    tmp_path: pathlib.Path,
    init: str,
    reason: str,
) -> None:
    nvml(monkeypatch, tmp_path, init)
    found = subtypes(tmp_path / "root")
    assert found["smi"].data == {"gpu-count": 0}
    assert found["smi"].status == "empty"
    assert reason in found["smi"].reason


def test_a_hung_driver_is_killed_and_the_next_source_asked(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "time.sleep(60)")
    tool(no_tools, "print('<nvidia_smi_log><driver_version>1</driver_version></nvidia_smi_log>')")
    start = time.monotonic()
    found = subtypes(tmp_path / "root", timeout=3.0)
    assert time.monotonic() - start < 30
    assert found["smi"].data == {"driver": "1", "cuda-version": "", "gpu-count": 0}


def test_hostile_tools(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "raise NVMLError(12)")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x><driver_version>&b;</driver_version></x>'
    for output in (bomb, "\\x00" * 100, "<a>" * 100_000, ""):
        tool(no_tools, f"print({output!r})")
        found = subtypes(tmp_path / "root")["smi"]
        assert found.data == {"gpu-count": 0}
        assert "nvidia-smi wrote" in found.reason
    tool(no_tools, "import sys; sys.exit(9)")
    assert "status 9" in subtypes(tmp_path / "root")["smi"].reason


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        smi.parse(data)
    except AicrError as error:
        assert str(error).isprintable()


def device(
    root: pathlib.Path, name: str, identifier: str, vendor: str = "0x10de", kind: str = "0x030200"
) -> None:
    folder = root / "sys/bus/pci/devices" / name
    folder.mkdir(parents=True)
    for file, text in (("class", kind), ("vendor", vendor), ("device", identifier),
                       ("subsystem_vendor", "0x10de"), ("subsystem_device", "0x16c1")):  # fmt: skip
        (folder / file).write_text(f"{text}\n")


def test_the_bus_counts_and_names(tmp_path: pathlib.Path) -> None:
    assert pci.scan(str(tmp_path)) is None
    device(tmp_path, "0000:01:00.0", "0x2330")
    device(tmp_path, "0000:02:00.0", "0x2331")
    device(tmp_path, "0000:03:00.0", "0x2330", vendor="0x8086")
    device(tmp_path, "0000:04:00.0", "0x2330", kind="0x020000")
    (tmp_path / "sys/bus/pci/devices/0000:05:00.0").mkdir()
    assert pci.scan(str(tmp_path)) == pci.Found(("2330", "2331"), "h100")
    device(tmp_path, "0000:06:00.0", "0x20b0")
    assert pci.scan(str(tmp_path)) == pci.Found(("2330", "2331", "20b0"), "")


def test_fewer_visible_than_on_the_bus_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "pass")
    root = tmp_path / "root"
    for number in range(3):
        device(root, f"0000:0{number}:00.0", "0x2330")
    found = subtypes(root)
    assert found["smi"].status == "degraded"
    assert found["smi"].reason.startswith("2 of 3 GPUs")
    assert found["smi"].data is not None
    assert found["smi"].data["gpu-count-pci"] == 3
    assert found["hardware"].data == {
        "gpu-present": True, "gpu-count": 3, "driver-loaded": False, "detection-source": "pci", "model": "h100",
    }  # fmt: skip


def test_devices_without_a_driver(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "raise NVMLError(9)")
    device(tmp_path / "root", "0000:01:00.0", "0x2330")
    found = subtypes(tmp_path / "root")["smi"]
    assert (found.data, found.status) == ({"gpu-count": 0}, "degraded")
    assert "1 GPUs are on the PCI bus" in found.reason


def test_the_driver_s_own_files(
    monkeypatch: pytest.MonkeyPatch, no_tools: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nvml(monkeypatch, tmp_path, "raise NVMLError(12)")
    folder = tmp_path / "root/proc/driver/nvidia"
    (folder / "gpus/0000:19:00.0").mkdir(parents=True)
    (folder / "version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Fri Jan 17\nGCC\n"
    )
    (folder / "gpus/0000:19:00.0/information").write_text(
        "Model: \t\t NVIDIA H100 80GB HBM3\nGPU UUID: \t GPU-9\nVideo BIOS: \t 96.00\nGPU Firmware: \t 570.86.15\n"
    )
    found = subtypes(tmp_path / "root")
    assert found["smi"].context == {"source": "/proc/driver/nvidia"}
    assert found["smi"].data is not None
    assert found["smi"].data["driver"] == "570.86.15"
    assert found["smi"].data["gpu.model"] == "NVIDIA H100 80GB HBM3"
    assert found["devices"].items[0].context == {
        "index": "0",
        "pciBusId": "0000:19:00.0",
        "uuid": "GPU-9",
    }


@needs_data
def test_the_table_of_device_ids_holds_the_facts() -> None:
    facts: dict[str, str] = json.loads((DATA / "pci-device-ids.json").read_text("utf-8"))["map"]
    for identifier, name in facts.items():
        assert pci._model([identifier]) == name


def test_this_machine_really() -> None:
    found = subtypes("/")
    assert found["smi"].data is not None
    if not os.path.exists("/dev/nvidia0"):
        assert found["smi"].data["gpu-count"] == 0
