"""The XML of ``nvidia-smi -q -x``: recorded outputs of real GPUs agree, hostile ones are refused."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from aicr_host import smi
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError


def readings(text: str) -> dict[str, str | int]:
    return smi.parse(text.encode("utf-8"))[0]


def test_recorded_outputs(data: pathlib.Path) -> None:
    folder = data / "raw/nvidia-smi"
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    assert len(expected) == 26
    for name, case in expected.items():
        try:
            found, items = smi.parse((folder / name).read_bytes())
        except AicrError:
            found, items = {"gpu-count": 0}, ()
        assert found == case["GPU.smi"], name
        assert len(items) == found["gpu-count"]


def test_items_of_a_real_output(data: pathlib.Path) -> None:
    name = "real-gb200-4x-drv580.173.02.xml"
    _, items = smi.parse((data / "raw/nvidia-smi" / name).read_bytes())
    assert items[0].context == {
        "index": "0", "uuid": "GPU-00000000-0000-0000-0000-000000000000", "pciBusId": "00000000:29:00.0",
    }  # fmt: skip
    assert items[0].data == {
        "model": "NVIDIA GB200", "serial": "1650000000001", "part-number": "900-2G548-A801-000",
        "vbios-version": "97.00.B9.00.69", "inforom-version": "G548.0201.00.06", "mig-mode": "Disabled",
        "mig-mode-pending": "Disabled", "ecc-mode": "Enabled", "compute-mode": "Default", "c2c-mode": "Enabled",
        "minor-number": 0, "memory-total-mib": 189471, "pcie-generation-max": 5, "pcie-width-max": 16,
        "fabric-clique": 2, "fabric-cluster": "00000001-0000-0000-0000-000000000001", "pci-device-id": "2941",
        "power-limit-watt": 1200.0,
    }  # fmt: skip
    assert [item.context["index"] for item in items] == ["0", "1", "2", "3"]


def test_mixed_models_are_seen_in_the_items(data: pathlib.Path) -> None:
    _, items = smi.parse((data / "raw/nvidia-smi/synthetic-mixed-models.xml").read_bytes())
    assert [item.data["model"] for item in items] == ["NVIDIA H100 80GB HBM3", "NVIDIA L40S"]


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        # Real tools print warnings around the document; the reference's parser reads over them.
        ("WARNING: infoROM is corrupted\n<x><driver_version>1</driver_version></x>", "1"),
        ("<x><driver_version>1</driver_version></x>\nWARNING: infoROM is corrupted <b", "1"),
        ("<x><driver_version>1<y>2</y>3</driver_version></x>", "13"),
        ("<x><attached_gpus/><driver_version>1</driver_version></x>", "1"),
        ('<?xml version="1.0" encoding="utf-8"?><x><driver_version>é</driver_version></x>', "é"),
    ],
)
def test_what_is_read_over(text: str, driver: str) -> None:
    assert readings(text)["driver"] == driver


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x><driver_version>&b;</driver_version></x>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><x/>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        '<!DOCTYPE x SYSTEM "nvsmi_device_v12.dtd"><x><driver_version>&unknown;</driver_version></x>',
        "<x><driver_version>&unknown;</driver_version></x>",
        "<a>" * 100_000,
        "\0" * 100,
        "",
        "<x><attached_gpus>1</attached_gpus><attached_gpus>many</attached_gpus></x>",
        "<x><attached_gpus> </attached_gpus></x>",
        "<x><attached_gpus>٣</attached_gpus></x>",
        '<?xml version="1.0" encoding="utf8"?><x/>',
        '<?xml version="1.0" encoding="UTF-16"?><x/>',
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(AicrError, match="nvidia-smi wrote"):
        readings(text)


def test_other_encodings_are_refused_whatever_they_say() -> None:
    for encoding in ("utf-16", "latin-1"):
        with pytest.raises(AicrError):
            smi.parse("<x><driver_version>é</driver_version></x>".encode(encoding))


def test_too_much_is_refused() -> None:
    with pytest.raises(AicrError, match="more than"):
        smi.parse(b"<x>" + b" " * smi.MAX_BYTES + b"</x>")


@given(st.binary(max_size=200) | st.text(alphabet='<>/?!&;"gpux =', max_size=60).map(str.encode))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        smi.parse(data)
    except AicrError as error:
        assert str(error).isprintable()
