"""Accelerators and operating systems in snapshots: which name is which, and what each source says."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_recipes import accelerators, systems
from aicr_recipes.hooks import aicr_matchers
from snapshots import snapshot

from aicr_core.plugins.manager import resolve

LABEL = "nvidia.com/gpu.product"


def test_every_matcher_leads_to_a_function() -> None:
    matchers = list(aicr_matchers())
    assert len({matcher.name for matcher in matchers}) == len(matchers) == 7
    assert all(callable(resolve(matcher.detect)) for matcher in matchers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA-H100-80GB-HBM3", "h100"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "a100"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me-SHARED", "a100"),
        ("NVIDIA-L4-SHARED", "l4"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("NVIDIA GB200", "gb200"),
        ("NVIDIA B300 SXM6 AC", "b300"),
        ("NVIDIA H200 NVL", "h200"),
        ("NVIDIA H20", "h20"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA L40", "l40"),
        ("NVIDIA A10G", "a10g"),
        ("Tesla T4", "t4"),
        ("GRID T4-16Q", "t4"),
        ("Tesla V100-SXM2-16GB", "v100"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"),
        ("rtx-pro-6000", "rtx-pro-6000"),
        ("h100", "h100"),
        # Whole words: the reference takes these for an A100 and an L40 (B8).
        ("NVIDIA RTX A1000", None),
        ("L40SX", None),
        ("NVIDIA RTX 6000 Ada Generation", None),
        ("Quadro P400", None),
        ("", None),
    ],
)
def test_products(text: str, expected: str | None) -> None:
    assert accelerators.product(text) == expected


def test_of_two_names_the_longer_counts() -> None:
    assert accelerators.product("GB200 with B200") == "gb200"
    assert accelerators.product("A100 or RTX PRO 6000") == "rtx-pro-6000"


def _said(function: Any, subtypes: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    answer = function(snapshot(subtypes)) or []
    found = answer if isinstance(answer, list) else [answer]
    return [(one.value, one.reading) for one in found]


def test_the_driver_names_the_gpu() -> None:
    data = {"gpu.model": "NVIDIA H100 NVL", "model": "NVIDIA B200"}
    assert _said(accelerators.smi, {"GPU.smi": data}) == [("h100", "GPU.smi.gpu.model")]
    assert _said(accelerators.smi, {"GPU.smi": {"model": "NVIDIA B200"}}) == [
        ("b200", "GPU.smi.model")
    ]
    assert _said(accelerators.smi, {"GPU.smi": {"gpu.model": ""}, "OS.release": data}) == []
    assert _said(accelerators.device, {"GPU.device": data}) == [("h100", "GPU.device.gpu.model")]
    assert _said(accelerators.hardware, {"GPU.hardware": {"model": "gb300"}}) == [
        ("gb300", "GPU.hardware.model")
    ]


def test_a_host_with_two_products_gives_both() -> None:
    document = snapshot({"GPU.devices": {}})
    models = ("NVIDIA H100 PCIe", "NVIDIA H100 PCIe", "NVIDIA L40S")
    document["measurements"][0]["subtypes"][0]["items"] = [
        {"context": {"index": str(n)}, "data": {"model": name}} for n, name in enumerate(models)
    ]
    found = accelerators.devices(document)
    assert [(one.value, one.reading) for one in found] == [
        ("h100", "GPU.devices.0.model"),
        ("l40s", "GPU.devices.2.model"),
    ]


def test_labels_of_all_nodes() -> None:
    one = {LABEL: "NVIDIA-H100-80GB-HBM3|a,b (+3 more)"}
    place = f"NodeTopology.label.{LABEL}"
    assert _said(accelerators.label, {"NodeTopology.label": one}) == [("h100", place)]
    several = {
        f"{LABEL}.NVIDIA-H100-80GB-HBM3": "NVIDIA-H100-80GB-HBM3|a",
        f"{LABEL}.NVIDIA-H100-80GB-HBM3-MIG-1g.10gb": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb|b",
        f"{LABEL}.NVIDIA-A100-SXM4-80GB": "NVIDIA-A100-SXM4-80GB|c",
        # Another label whose key begins the same.
        f"{LABEL}.note": "NVIDIA-B200|c",
    }
    assert _said(accelerators.label, {"NodeTopology.label": several}) == [
        ("a100", f"{place}.NVIDIA-A100-SXM4-80GB"),
        ("h100", f"{place}.NVIDIA-H100-80GB-HBM3"),
    ]


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("Ubuntu", "ubuntu"),
        ("amzn", "amazonlinux"),
        ("al2023", "amazonlinux"),
        ("cos", "cos"),
        ("rhel", "rhel"),
        ("ol", "ol"),
        ("talos", "talos"),
        ("rhcos", None),
        ("debian", None),
        ("rocky", None),
        ("", None),
    ],
)
def test_os_release(identifier: str, expected: str | None) -> None:
    said = _said(systems.release, {"OS.release": {"ID": identifier, "ID_LIKE": "ubuntu"}})
    assert said == ([(expected, "OS.release.ID")] if expected else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ubuntu 24.04.2 LTS", "ubuntu"),
        ("Amazon Linux 2023.7.20250428", "amazonlinux"),
        ("Amazon Linux 2", "amazonlinux"),
        ("Container-Optimized OS from Google", "cos"),
        ("Red Hat Enterprise Linux 9.4 (Plow)", "rhel"),
        ("Red Hat Enterprise Linux CoreOS 418.94.202501", None),
        ("Oracle Linux Server 8.10", "ol"),
        ("Talos (v1.9.0)", "talos"),
        ("Debian GNU/Linux 12 (bookworm)", None),
        ("", None),
    ],
)
def test_os_image(text: str, expected: str | None) -> None:
    said = _said(systems.image, {"K8s.node": {"os-image": text}})
    assert said == ([(expected, "K8s.node.os-image")] if expected else [])
