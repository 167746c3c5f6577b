"""The NVML worker in a real child process. No GPU was lent when this was written: every answer here is synthetic.

Two stand-ins: a module ``pynvml``, for what a driver may say or do, and a library ``libnvidia-ml.so.1`` compiled by
the test, under the real ``pynvml``, for the way to the library.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import gpu

from aicr_core.api import Context, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = pathlib.Path(__file__).with_name("synthetic_nvml.c")


def subtypes(root: pathlib.Path | str, timeout: float = 30.0) -> dict[str, Subtype]:
    context = Context(options={"host_root": str(root)}, timeout=timeout)
    return {subtype.name: subtype for subtype in gpu.collect(context).subtypes}


def worker(root: pathlib.Path, **env: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "aicr_host.nvml", str(root)],
        env={**os.environ, **env}, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_nvml_says_is_what_nvidia_smi_prints(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path
) -> None:
    nvml("pass")
    found = subtypes(root)
    assert found["smi"].context == {"source": "nvml"}
    assert found["smi"].data == {
        "driver": "570.86.15", "cuda-version": "12.8", "gpu-count": 2, "gpu.model": "NVIDIA H100 80GB HBM3",
        "gpu.product-architecture": "Hopper", "gpu.display-active": "Disabled", "gpu.persistence-mode": "Enabled",
        "gpu.display-mode": "Requested functionality has been deprecated", "gpu.addressing-mode": "N/A",
        "gpu.vbios-version": "96.00.74.00.01", "gpu.gsp-firmware-version": "570.86.15",
    }  # fmt: skip


def test_each_gpu_is_an_item_and_a_lost_one_is_unhealthy(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path
) -> None:
    nvml("pass")
    found = subtypes(root)
    first, lost = found["devices"].items
    assert first.context == {"index": "0", "uuid": "GPU-1", "pciBusId": "00000000:19:00.0"}
    assert first.data == {
        "healthy": True, "model": "NVIDIA H100 80GB HBM3", "pci-device-id": "2330", "mig-mode": "Enabled",
        "mig-mode-pending": "Disabled", "memory-total-mib": 81559, "compute-capability": "9.0",
        "power-limit-watt": 700.0, "vbios-version": "96.00.74.00.01", "fabric-clique": 7,
        "fabric-cluster": "00000000-0000-0000-0000-000000000001",
    }, "what is not supported, unknown or an error is left out"  # fmt: skip
    assert lost.data["healthy"] is False
    assert found["smi"].status == "degraded"
    assert "1 of 2 GPUs do not answer" in found["smi"].reason
    assert found["hardware"].data == {
        "gpu-present": True, "gpu-count": 2, "driver-loaded": False, "detection-source": "nvml",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("init", "reason"),
    [
        ("raise NVMLError(9)", "NVML: not-loaded"),
        ("raise NVMLError(12)", "NVML: no-library"),
        ("raise NVMLError(18)", "NVML: version-mismatch"),
        ("raise NVMLError(999)", "NVML: error"),
        ("import os; os.abort()", "ended its process"),
        ("import sys; sys.exit(3)", "ended its process"),
        ("print('not json'); raise SystemExit", "ended its process"),
        ("import os; os.kill(os.getpid(), 11)", "ended its process (status -11)"),
        ("raise MemoryError", "ended its process"),
        ("while True: print('x' * 99999, file=__import__('sys').stderr)", "wrote too much"),
        ("globals().update(nvmlDeviceGetCount=lambda: 2**32 - 1)", "4294967295 GPUs"),
    ],
)
def test_a_broken_driver_costs_only_its_own_answer(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path,
    device: Callable[..., pathlib.Path], init: str, reason: str,
) -> None:  # fmt: skip
    nvml(init)
    device("0000:01:00.0", "0x2330")
    found = subtypes(root)
    expected: dict[str, Any] = {"gpu-count": 0}
    if "mismatch" in reason:
        expected["driver-state"] = "version-mismatch"
    assert (found["smi"].data, found["smi"].status) == (expected, "degraded")
    assert reason in found["smi"].reason
    assert found["hardware"].data is not None
    assert found["hardware"].data["model"] == "h100"


def test_a_library_that_prints_does_not_spoil_the_answer(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path
) -> None:
    nvml("import os; os.write(1, b'WARNING: infoROM is corrupted'); print('and so on')")
    assert subtypes(root)["smi"].context == {"source": "nvml"}


def test_a_module_in_the_current_folder_is_not_run(
    tool: Callable[[str], None],
    root: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "pynvml.py").write_text("open('was-run', 'w')")
    monkeypatch.chdir(tmp_path)
    subtypes(root)
    assert not (tmp_path / "was-run").exists()


def test_a_hung_driver_is_killed_and_nvidia_smi_spared(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    nvml("open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(600)")
    tool("open('asked', 'w')")
    monkeypatch.chdir(tmp_path)
    context = Context(options={"host_root": str(root)}, timeout=4.0)
    found = {subtype.name: subtype for subtype in gpu.collect(context).subtypes}
    assert context.remaining() > 0, "the core would have given the collector up"
    assert (found["smi"].data, found["smi"].status) == ({"gpu-count": 0}, "timeout")
    assert "did not answer in time" in found["smi"].reason
    assert not (tmp_path / "asked").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_after_a_hung_driver_its_own_files_still_speak(
    nvml: Callable[[str], None], tool: Callable[[str], None], root: pathlib.Path, put: Any
) -> None:
    nvml("time.sleep(600)")
    put(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Fri\n",
    )
    put("proc/driver/nvidia/gpus/0000:19:00.0/information", "Model: \t NVIDIA H100\n")
    found = subtypes(root, timeout=4.0)["smi"]
    assert found.data == {"driver": "570.86.15", "gpu-count": 1, "gpu.model": "NVIDIA H100"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A synthetic ``libnvidia-ml.so.1``."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here to make the stand-in of the library")
    target = tmp_path_factory.mktemp("library") / "libnvidia-ml.so.1"
    soname = "-Wl,-soname,libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", soname, "-o", target, LIBRARY], check=True)
    return target


@pytest.mark.parametrize(
    "folder",
    [
        "usr/lib64",
        "run/nvidia/driver/usr/lib/aarch64-linux-gnu",
        "home/kubernetes/bin/nvidia/lib64",
    ],
)
def test_the_library_is_found_where_the_host_has_it(
    library: pathlib.Path, root: pathlib.Path, folder: str
) -> None:
    place = root / folder / library.name
    place.parent.mkdir(parents=True)
    shutil.copy(library, place)
    found = worker(root)
    assert found["library"] == str(place)
    assert found["readings"] == {
        "driver": "999.1", "cuda-version": "13.0", "gpu-count": 2, "gpu.model": "SYNTHETIC GB200",
        "gpu.product-architecture": "Blackwell", "gpu.display-active": "Disabled", "gpu.display-mode":
        "Requested functionality has been deprecated", "gpu.persistence-mode": "Enabled", "gpu.addressing-mode": "ATS",
        "gpu.vbios-version": "97.00", "gpu.gsp-firmware-version": "",
    }  # fmt: skip
    item = found["items"][1]
    assert item["context"] == {"index": "1", "uuid": "GPU-1", "pciBusId": "00000000:01:00.0"}
    assert item["data"] == {
        "healthy": True, "model": "SYNTHETIC GB200", "pci-device-id": "2941", "mig-mode": "Enabled",
        "mig-mode-pending": "Disabled", "memory-total-mib": 189471, "power-limit-watt": 1200.0,
        "c2c-mode": "Enabled", "fabric-clique": 2, "fabric-cluster": "01000000-0000-0000-0000-000000000000",
        "vbios-version": "97.00",
    }  # fmt: skip


def test_the_loader_comes_first(library: pathlib.Path, root: pathlib.Path) -> None:
    place = root / "usr/lib64" / library.name
    place.parent.mkdir(parents=True)
    shutil.copy(library, place)
    assert worker(root, LD_LIBRARY_PATH=str(library.parent))["library"] == library.name


def test_a_file_that_is_no_library_is_passed_over(
    library: pathlib.Path, root: pathlib.Path
) -> None:
    for folder, source in (("usr/lib/x86_64-linux-gnu", __file__), ("usr/lib64", library)):
        (root / folder).mkdir(parents=True)
        shutil.copy(source, root / folder / library.name)
    assert worker(root)["library"] == str(root / "usr/lib64" / library.name)
