"""Formats of mirror lists: what each holds, to the key, and that a list that is not complete says so in every one."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from aicr_airgap import lists, tools
from aicr_airgap.hooks import aicr_inventory_writers

from aicr_core.api import Inventory, image_reference, load_all

SHA = "0123456789abcdef" * 4
REFERENCES = [
    "busybox",
    f"nvcr.io/nvidia/cuda@sha256:{SHA}",
    f"nvcr.io/nvidia/driver:570.1@sha256:{SHA}",
    "registry.example:5000/team/app_x:v1.0",
]
FORMATS = {
    "yaml": lists.as_yaml,
    "json": lists.as_json,
    "images": lists.as_images,
    "hauler": tools.hauler,
    "zarf": tools.zarf,
    "skopeo": tools.skopeo,
    "oc-mirror": tools.oc_mirror,
}


def test_yaml_and_json_are_one_document(whole: Inventory) -> None:
    (document,) = load_all(lists.as_yaml(whole), "x")
    assert document == json.loads(lists.as_json(whole))
    assert document == {
        "images": REFERENCES,
        "charts": [
            {"name": "a", "repository": "https://charts.example/x?y=1", "chart": "chart-a", "version": "v1.0.0",
             "namespace": "n"},
            {"name": "b", "repository": "oci://reg.example/charts", "chart": "b", "version": "2.0.0+build",
             "namespace": "n"},
        ],
        "components": [
            {"component": "a", "type": "Helm", "images": REFERENCES[1:3], "warnings": []},
            {"component": "b", "type": "Helm", "images": REFERENCES[:2], "warnings": []},
            {"component": "c", "type": "Manifests", "images": REFERENCES[3:], "warnings": []},
        ],
        "metadata": {"recipeVersion": "v9", "criteria": {"service": "eks", "nodes": 8}},
    }  # fmt: skip


def test_images(whole: Inventory) -> None:
    assert lists.as_images(whole).splitlines() == REFERENCES


def test_hauler(whole: Inventory) -> None:
    images, charts = load_all(tools.hauler(whole), "x")
    assert images == {
        "apiVersion": "content.hauler.cattle.io/v1",
        "kind": "Images",
        "metadata": {"name": "aicr-images"},
        "spec": {"images": [{"name": text} for text in REFERENCES]},
    }
    assert charts == {
        "apiVersion": "content.hauler.cattle.io/v1",
        "kind": "Charts",
        "metadata": {"name": "aicr-charts"},
        "spec": {
            "charts": [
                {"name": "chart-a", "repoURL": "https://charts.example/x?y=1", "version": "v1.0.0"},
                {"name": "b", "repoURL": "oci://reg.example/charts", "version": "2.0.0+build"},
            ]
        },
    }


def test_zarf(whole: Inventory) -> None:
    (package,) = load_all(tools.zarf(whole), "x")
    assert (package["apiVersion"], package["kind"]) == ("zarf.dev/v1alpha1", "ZarfPackageConfig")
    assert package["metadata"]["name"] == "aicr"
    assert package["metadata"]["version"] == "0.0.1"
    assert package["components"] == [
        {"name": "aicr-images", "required": True, "images": REFERENCES}
    ]


def test_skopeo(whole: Inventory) -> None:
    (document,) = load_all(tools.skopeo(whole), "x")
    assert document == {
        "docker.io": {"images": {"library/busybox": ["latest"]}},
        "nvcr.io": {
            "images": {"nvidia/cuda": [f"sha256:{SHA}"], "nvidia/driver": [f"sha256:{SHA}"]}
        },
        "registry.example:5000": {"images": {"team/app_x": ["v1.0"]}},
    }


def test_oc_mirror(whole: Inventory) -> None:
    (document,) = load_all(tools.oc_mirror(whole), "x")
    assert document["mirror"]["additionalImages"] == [
        *({"name": text} for text in REFERENCES),
        {"name": "reg.example/charts/b:2.0.0_build"},
    ]
    assert document["mirror"]["helm"] == {
        "repositories": [
            {"name": "charts-1", "url": "https://charts.example/x?y=1",
             "charts": [{"name": "chart-a", "version": "v1.0.0"}]}
        ]
    }  # fmt: skip


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", FORMATS)
def test_a_list_that_is_not_complete_says_so(
    name: str, partial: Inventory, whole: Inventory
) -> None:
    text = FORMATS[name](partial)
    assert "NOT COMPLETE" not in FORMATS[name](whole)
    if name == "json":
        assert json.loads(text)["components"][0]["warnings"] == list(partial.components[0].problems)
        return
    head = text.splitlines()[:3]
    assert head == [
        "# NOT COMPLETE, 2 problems:",
        "# - component a: its chart was not found",
        "# - component a: broken images: [evil]",
    ]
    if name == "images":
        assert [line for line in text.splitlines() if not line.startswith("#")] == REFERENCES
    elif name != "yaml":
        assert load_all(text, "x") == load_all(FORMATS[name](whole), "x"), "comments alone differ"


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_mirror(name: str, whole: Inventory) -> None:
    empty = attrs.evolve(whole, components=(), charts=(), images=())
    text = FORMATS[name](empty)
    assert text == "" if name == "images" else load_all(text, "x")[0] is not None


def test_every_format_is_registered_and_gives_the_same_twice(whole: Inventory) -> None:
    registered = {
        writer.name: writer for writer in aicr_inventory_writers() if writer.purpose == "mirror"
    }  # type: ignore[attr-defined]
    assert set(registered) == set(FORMATS)
    for name, write in FORMATS.items():
        assert (
            registered[name].write
            == f"aicr_airgap.{write.__module__.rpartition('.')[2]}:{write.__name__}"
        )
        assert write(whole) == write(whole)
        assert all(image_reference(text) for text in REFERENCES)
