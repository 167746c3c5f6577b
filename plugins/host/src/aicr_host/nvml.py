"""Ask NVML (nvidia-ml-py) for everything, in a process of its own: ``python -m aicr_host.nvml ROOT``.

NVML has no time limits and a broken driver can hang or crash the caller, so the collector starts this module as a
child and kills it at its deadline. It writes one JSON object to standard output and exits 0 also when there is no
driver: then the object says so. Texts are those of ``nvidia-smi`` (spec/snapshot.md 5.4).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = "libnvidia-ml.so.1"
_FOLDERS = (
    "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/local/nvidia/lib64",
    "run/nvidia/driver/usr/lib/x86_64-linux-gnu", "run/nvidia/driver/usr/lib/aarch64-linux-gnu",
    "run/nvidia/driver/usr/lib64", "home/kubernetes/bin/nvidia/lib64", "var/lib/nvidia/lib64",
)  # fmt: skip
_MAX_GPUS = 1024
"""More are a library's lie: no host has that many."""
_ARCHITECTURES = {
    2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada Lovelace",
    9: "Hopper", 10: "Blackwell", 13: "Rubin", 0xFFFFFFFF: "Unknown",
}  # fmt: skip
_SWITCH = {0: "Disabled", 1: "Enabled"}
_ADDRESSING = {0: "None", 1: "HMM", 2: "ATS"}
_COMPUTE = {0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"}
_FABRIC_COMPLETED = 3
# Errors that nvidia-smi prints as a text; any other one leaves the fact out.
_TEXTS = {
    3: "N/A",
    4: "Insufficient Permissions",
    13: "",
    26: "Requested functionality has been deprecated",
}
_STATES = {9: "not-loaded", 12: "no-library", 18: "version-mismatch"}


def main(root: str) -> dict[str, Any]:
    """Give what NVML answers, or ``{"state": why not, "reason": text}``.

    Nothing is shut down in order: the process ends, and a broken library must not get another chance to hang.
    """
    try:
        import pynvml
    except ImportError as error:
        return {"state": "no-binding", "reason": str(error)}
    library = load(root)
    try:
        pynvml.nvmlInit()
        return {**_everything(pynvml), "library": library}
    except pynvml.NVMLError as error:
        return {"state": _STATES.get(error.value, "error"), "reason": str(error)}


def load(root: str) -> str:
    """Load the library from where the loader does not look, if the loader does not find it; give its place.

    A library loaded once by its path is found by its name later on. Empty when there is none.
    """
    import ctypes

    places = [os.path.join(base, folder, LIBRARY) for base in (root, "/") for folder in _FOLDERS]
    for place in [LIBRARY, *dict.fromkeys(places)]:
        try:
            ctypes.CDLL(place, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return place
    return ""


def _everything(nvml: Any) -> dict[str, Any]:
    readings: dict[str, Any] = {}
    _put(nvml, readings, "driver", lambda: _plain(nvml.nvmlSystemGetDriverVersion()))
    _put(nvml, readings, "cuda-version", lambda: _cuda(nvml.nvmlSystemGetCudaDriverVersion_v2()))
    count = nvml.nvmlDeviceGetCount()
    if count > _MAX_GPUS:
        return {"state": "error", "reason": f"the library speaks of {count} GPUs"}
    readings["gpu-count"] = count
    items = []
    described = False
    for index in range(count):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as error:
            # A GPU that fell off the bus: it is counted, and said to be unhealthy.
            data = {"healthy": False, "error": str(error)}
            items.append({"context": {"index": str(index)}, "data": data})
            continue
        if not described:
            described = True
            for key, call in _first(nvml, handle).items():
                _put(nvml, readings, key, call)
        items.append(_item(nvml, handle, index))
    return {"state": "ok", "readings": readings, "items": items}


def _first(nvml: Any, handle: Any) -> dict[str, Callable[[], Any]]:
    return {
        "gpu.model": lambda: _plain(nvml.nvmlDeviceGetName(handle)),
        "gpu.product-architecture": lambda: _ARCHITECTURES[nvml.nvmlDeviceGetArchitecture(handle)],
        "gpu.display-mode": lambda: _SWITCH[nvml.nvmlDeviceGetDisplayMode(handle)],
        "gpu.display-active": lambda: _SWITCH[nvml.nvmlDeviceGetDisplayActive(handle)],
        "gpu.persistence-mode": lambda: _SWITCH[nvml.nvmlDeviceGetPersistenceMode(handle)],
        "gpu.addressing-mode": lambda: _ADDRESSING[nvml.nvmlDeviceGetAddressingMode(handle)],
        "gpu.vbios-version": lambda: _plain(nvml.nvmlDeviceGetVbiosVersion(handle)),
        "gpu.gsp-firmware-version": lambda: _plain(nvml.nvmlDeviceGetGspFirmwareVersion(handle)),
    }


def _item(nvml: Any, handle: Any, index: int) -> dict[str, Any]:
    context: dict[str, str] = {"index": str(index)}
    identity: dict[str, Callable[[], Any]] = {
        "uuid": lambda: _plain(nvml.nvmlDeviceGetUUID(handle)),
        "pciBusId": lambda: _plain(nvml.nvmlDeviceGetPciInfo(handle).busId),
    }
    data: dict[str, Any] = {"healthy": True}
    facts: dict[str, Callable[[], Any]] = {
        "model": lambda: _plain(nvml.nvmlDeviceGetName(handle)),
        "serial": lambda: _plain(nvml.nvmlDeviceGetSerial(handle)),
        "minor-number": lambda: int(nvml.nvmlDeviceGetMinorNumber(handle)),
        "part-number": lambda: _plain(nvml.nvmlDeviceGetBoardPartNumber(handle)),
        "pci-device-id": lambda: f"{nvml.nvmlDeviceGetPciInfo(handle).pciDeviceId >> 16:04x}",
        "mig-mode": lambda: _SWITCH[nvml.nvmlDeviceGetMigMode(handle)[0]],
        "mig-mode-pending": lambda: _SWITCH[nvml.nvmlDeviceGetMigMode(handle)[1]],
        "mig-max-devices": lambda: int(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)),
        "compute-capability": lambda: ".".join(
            map(str, nvml.nvmlDeviceGetCudaComputeCapability(handle))
        ),
        "compute-mode": lambda: _COMPUTE[nvml.nvmlDeviceGetComputeMode(handle)],
        "ecc-mode": lambda: _SWITCH[nvml.nvmlDeviceGetEccMode(handle)[0]],
        "memory-total-mib": lambda: int(_memory(nvml, handle)) >> 20,
        "power-limit-watt": lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle) / 1000,
        "vbios-version": lambda: _plain(nvml.nvmlDeviceGetVbiosVersion(handle)),
        "inforom-version": lambda: _plain(nvml.nvmlDeviceGetInforomImageVersion(handle)),
        "pcie-generation-max": lambda: int(nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle)),
        "pcie-width-max": lambda: int(nvml.nvmlDeviceGetMaxPcieLinkWidth(handle)),
        "c2c-mode": lambda: _SWITCH[nvml.nvmlDeviceGetC2cModeInfoV(handle).isC2cEnabled],
    }
    for key, call in identity.items():
        _put(nvml, context, key, call, exact=True)
    for key, call in facts.items():
        _put(nvml, data, key, call, exact=True)
    fabric: dict[str, Any] = {}
    _put(nvml, fabric, "info", lambda: _fabric(nvml, handle), exact=True)
    data.update(fabric.get("info", {}))
    return {"context": context, "data": data}


def _memory(nvml: Any, handle: Any) -> Any:
    """Total memory in bytes; the second version of the call counts as nvidia-smi does, old drivers lack it."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).total
    except (nvml.NVMLError, AttributeError):
        return nvml.nvmlDeviceGetMemoryInfo(handle).total


def _fabric(nvml: Any, handle: Any) -> dict[str, Any]:
    """Clique and cluster of a GPU that has joined an NVLink fabric."""
    from ctypes import byref
    from uuid import UUID

    info = nvml.c_nvmlGpuFabricInfoV_t()
    nvml.nvmlDeviceGetGpuFabricInfoV(handle, byref(info))
    if info.state != _FABRIC_COMPLETED:
        return {}
    return {
        "fabric-clique": int(info.cliqueId),
        "fabric-cluster": str(UUID(bytes=bytes(info.clusterUuid))),
    }


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


def _write(root: str) -> None:
    """Write the answer to what standard output was at the start; what a library prints goes to standard error."""
    import json

    output = os.dup(1)
    os.dup2(2, 1)
    with open(output, "w", encoding="utf-8") as stream:
        json.dump(main(root), stream)
    os._exit(0)


if __name__ == "__main__":
    _write(sys.argv[1])
