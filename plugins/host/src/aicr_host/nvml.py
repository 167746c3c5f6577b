"""Ask NVML (nvidia-ml-py) for everything, in a process of its own: ``python -m aicr_host.nvml ROOT``.

NVML has no time limits and a broken driver can hang or crash the caller, so the collector starts this module as a
child and kills it at its deadline. It writes one JSON object to standard output and exits 0 also when there is no
driver: then the object says so. Texts are those of ``nvidia-smi`` (spec/snapshot.md 5.4).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDERS = (
    "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/local/nvidia/lib64",
    "run/nvidia/driver/usr/lib/x86_64-linux-gnu", "run/nvidia/driver/usr/lib/aarch64-linux-gnu",
    "run/nvidia/driver/usr/lib64", "home/kubernetes/bin/nvidia/lib64", "var/lib/nvidia/lib64",
)  # fmt: skip
_ARCHITECTURES = {
    2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada Lovelace",
    9: "Hopper", 10: "Blackwell", 13: "Rubin",
}  # fmt: skip
_SWITCH = {0: "Disabled", 1: "Enabled"}
_ADDRESSING = {0: "None", 1: "HMM", 2: "ATS"}
# Errors that nvidia-smi prints as a text; any other one leaves the fact out.
_TEXTS = {
    3: "N/A",
    4: "Insufficient Permissions",
    13: "",
    26: "Requested functionality has been deprecated",
}
_STATES = {9: "not-loaded", 12: "no-library", 18: "version-mismatch"}


def main(root: str) -> dict[str, Any]:
    """Give what NVML answers, or ``{"state": why not, "reason": text}``."""
    try:
        import pynvml
    except ImportError as error:
        return {"state": "no-binding", "reason": str(error)}
    _preload(root)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {"state": _STATES.get(error.value, "error"), "reason": str(error)}
    try:
        return _everything(pynvml)
    except pynvml.NVMLError as error:
        return {"state": "error", "reason": str(error)}
    finally:
        pynvml.nvmlShutdown()


def _preload(root: str) -> None:
    """Load the library by path where the loader would not find it: in a container the host's is elsewhere."""
    import ctypes
    import os

    for folder in _FOLDERS:
        path = os.path.join(root, folder, "libnvidia-ml.so.1")
        if root not in ("", "/") and os.path.exists(path):
            try:
                ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            return


def _everything(nvml: Any) -> dict[str, Any]:
    readings: dict[str, Any] = {}
    _put(nvml, readings, "driver", lambda: _plain(nvml.nvmlSystemGetDriverVersion()))
    _put(nvml, readings, "cuda-version", lambda: _cuda(nvml.nvmlSystemGetCudaDriverVersion_v2()))
    count = nvml.nvmlDeviceGetCount()
    readings["gpu-count"] = count
    items = []
    for index in range(count):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as error:
            # A GPU that fell off the bus: it is counted, and said to be unhealthy.
            items.append(
                {"context": {"index": str(index)}, "data": {"healthy": False, "error": str(error)}}
            )
            continue
        if not any("gpu.model" in key for key in readings):
            for key, call in _first(nvml, handle).items():
                _put(nvml, readings, key, call)
        items.append(_item(nvml, handle, index))
    return {"state": "ok", "readings": readings, "items": items}


def _first(nvml: Any, handle: Any) -> dict[str, Callable[[], Any]]:
    return {
        "gpu.model": lambda: _plain(nvml.nvmlDeviceGetName(handle)),
        "gpu.product-architecture": lambda: _ARCHITECTURES.get(
            nvml.nvmlDeviceGetArchitecture(handle), "Unknown"
        ),
        "gpu.display-mode": lambda: _SWITCH[nvml.nvmlDeviceGetDisplayMode(handle)],
        "gpu.display-active": lambda: _SWITCH[nvml.nvmlDeviceGetDisplayActive(handle)],
        "gpu.persistence-mode": lambda: _SWITCH[nvml.nvmlDeviceGetPersistenceMode(handle)],
        "gpu.addressing-mode": lambda: _addressing(nvml.nvmlDeviceGetAddressingMode(handle)),
        "gpu.vbios-version": lambda: _plain(nvml.nvmlDeviceGetVbiosVersion(handle)),
        "gpu.gsp-firmware-version": lambda: _plain(nvml.nvmlDeviceGetGspFirmwareVersion(handle)),
    }


def _item(nvml: Any, handle: Any, index: int) -> dict[str, Any]:
    context: dict[str, str] = {"index": str(index)}
    _put(nvml, context, "uuid", lambda: _plain(nvml.nvmlDeviceGetUUID(handle)), exact=True)
    _put(
        nvml,
        context,
        "pciBusId",
        lambda: _plain(nvml.nvmlDeviceGetPciInfo(handle).busId),
        exact=True,
    )
    data: dict[str, Any] = {"healthy": True}
    facts: dict[str, Callable[[], Any]] = {
        "model": lambda: _plain(nvml.nvmlDeviceGetName(handle)),
        "serial": lambda: _plain(nvml.nvmlDeviceGetSerial(handle)),
        "minor-number": lambda: nvml.nvmlDeviceGetMinorNumber(handle),
        "part-number": lambda: _plain(nvml.nvmlDeviceGetBoardPartNumber(handle)),
        "pci-device-id": lambda: f"{nvml.nvmlDeviceGetPciInfo(handle).pciDeviceId >> 16:04x}",
        "mig-mode": lambda: _SWITCH[nvml.nvmlDeviceGetMigMode(handle)[0]],
        "mig-mode-pending": lambda: _SWITCH[nvml.nvmlDeviceGetMigMode(handle)[1]],
        "mig-max-devices": lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle),
        "compute-capability": lambda: ".".join(
            map(str, nvml.nvmlDeviceGetCudaComputeCapability(handle))
        ),
        "ecc-mode": lambda: _SWITCH[nvml.nvmlDeviceGetEccMode(handle)[0]],
        "memory-total-bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total,
        "power-limit-milliwatt": lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle),
        "vbios-version": lambda: _plain(nvml.nvmlDeviceGetVbiosVersion(handle)),
        "inforom-version": lambda: _plain(nvml.nvmlDeviceGetInforomImageVersion(handle)),
        "pcie-generation-max": lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle),
        "pcie-width-max": lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle),
    }
    for key, call in facts.items():
        _put(nvml, data, key, call, exact=True)
    return {"context": context, "data": data}


def _put(
    nvml: Any, target: dict[str, Any], key: str, call: Callable[[], Any], *, exact: bool = False
) -> None:
    """Put a fact; where nvidia-smi prints a text for the error put that, unless only facts are wanted."""
    try:
        target[key] = call()
    except nvml.NVMLError as error:
        if not exact and error.value in _TEXTS:
            target[key] = _TEXTS[error.value]
    except (KeyError, TypeError, ValueError, AttributeError):
        # An answer this version of NVML gives and we do not know: no fact rather than a wrong one.
        return


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _cuda(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _addressing(answer: Any) -> str:
    return _ADDRESSING[int(getattr(answer, "value", answer))]


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(main(sys.argv[1] if len(sys.argv) > 1 else "/")) + "\n")
