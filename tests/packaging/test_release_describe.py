"""What a release says of itself: SBOMs that hold all a distribution needs, and a statement of where it is from."""

from __future__ import annotations

import datetime
import json
import pathlib
import tomllib
from email.message import Message
from typing import TYPE_CHECKING, Any

import pytest
import release_lab
from aicr_release import checksums, graph, metadata, provenance, sbom, source
from aicr_release.failure import ReleaseError
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from conftest import Made

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _meta(
    name: str, *requires: str, extras: tuple[str, ...] = (), version: str = "1.0"
) -> metadata.Metadata:
    return metadata.Metadata(
        name, version, "", "MIT", False, tuple(map(Requirement, requires)), extras
    )


def _resolve(*known: metadata.Metadata) -> graph.Graph:
    return graph.resolve(known[0], {m.name: m for m in known}.__getitem__)


def _bom(made: Made, name: str) -> dict[str, Any]:
    return json.loads((made.folder / f"{name}-0.1.0.cdx.json").read_text("utf-8"))


def test_an_sbom_holds_the_distribution_and_all_it_needs(made: Made) -> None:
    bom = _bom(made, "aicr_helm")
    sums = checksums.read(made.folder)
    main = bom["metadata"]["component"]
    assert (main["name"], main["version"], main["purl"]) == (
        "aicr-helm", "0.1.0", "pkg:pypi/aicr-helm@0.1.0",
    )  # fmt: skip
    assert main["licenses"] == [{"expression": "Apache-2.0", "acknowledgement": "declared"}]
    assert {r["url"]: r["hashes"][0]["content"] for r in main["externalReferences"]} == {
        name: digest for name, digest in sums.items()
        if name.startswith("aicr_helm") and not name.endswith(".json")
    }  # fmt: skip
    components = {c["name"]: c for c in bom["components"]}
    assert {"aicr-core", "attrs", "click", "jinja2", "markupsafe", "pluggy"} <= set(components)
    for name, component in components.items():
        assert component["scope"] == "required"
        assert component["licenses"][0]["expression"], name
        if not name.startswith("aicr-"):
            assert component["version"] == metadata.of_installed(name).version  # type: ignore[union-attr]
    edges = {d["ref"]: d.get("dependsOn", []) for d in bom["dependencies"]}
    assert edges["pkg:pypi/aicr-helm@0.1.0"] == ["pkg:pypi/aicr-core@0.1.0"]
    assert components["markupsafe"]["bom-ref"] in edges[components["jinja2"]["bom-ref"]]


def test_an_sbom_has_the_time_of_the_commit_and_no_chance(made: Made) -> None:
    boms = [_bom(made, name) for name in ("aicr_core", "aicr_helm", "aicr_recipes")]
    for bom in boms:
        assert datetime.datetime.fromisoformat(bom["metadata"]["timestamp"]) == datetime.datetime(
            2026, 11, 28, 12, tzinfo=datetime.UTC
        )
    assert len({bom["serialNumber"] for bom in boms}) == 3


def test_an_sbom_that_the_schema_refuses_is_found(made: Made, tmp_path: pathlib.Path) -> None:
    bom = _bom(made, "aicr_helm")
    for change in (
        {"bomFormat": "SPDX"},
        {"serialNumber": "x"},
        {"unknown": 1},
        {"components": [{"type": "library"}]},
    ):
        file = tmp_path / "x.cdx.json"
        file.write_text(json.dumps({**bom, **change}), "utf-8")
        with pytest.raises(ReleaseError, match=r"x\.cdx\.json: is no CycloneDX 1\.6: "):
            sbom.validate(file)


def test_what_only_an_extra_brings_is_optional() -> None:
    found = _resolve(
        _meta("a", "b", "c; extra == 'more'", "d[y]; extra == 'more'", extras=("more",)),
        _meta("b", "e; python_version < '3.12'", "f; sys_platform == 'win32'"),
        _meta("c", "b", "a"),
        _meta("d", "g; extra == 'y'", "h; extra == 'z'", "e"),
        _meta("e"),
        _meta("g"),
    )
    assert sorted(found.required) == ["b", "e"]
    assert sorted(found.optional) == ["c", "d", "g"]
    assert found.edges["a"] == {"b", "c", "d"}
    assert found.edges["c"] == {"a", "b"}
    assert found.edges["d"] == {"e", "g"}


def test_a_marker_that_needs_both_extra_and_platform() -> None:
    found = _resolve(
        _meta("a", "b; extra == 'x' or python_version >= '3'", "c; extra == 'x' and os_name == 'nt'", extras=("x",)),
        _meta("b"),
    )  # fmt: skip
    assert (sorted(found.required), sorted(found.optional)) == (["b"], [])


def test_a_pin_outside_the_range_and_a_missing_pin_are_refused() -> None:
    with pytest.raises(ReleaseError, match=r"a requires b>=2, but 1\.0 is pinned"):
        _resolve(_meta("a", "b>=2"), _meta("b"))
    lookup = graph.Pinned([_meta("a")], {"click": "0.0.1"})
    assert lookup("a").version == "1.0"
    with pytest.raises(
        ReleaseError, match=r"click: 0\.0\.1 is pinned, .* is installed; make releases"
    ):
        lookup("click")
    with pytest.raises(ReleaseError, match="attrs: is required by a release and not pinned"):
        lookup("attrs")


def _headers(**values: Any) -> Message:
    message = Message()
    message["Name"], message["Version"] = "x", "1"
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            message[name.replace("_", "-")] = one
    return message


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "BSD"}, "MIT OR Apache-2.0"),
        ({"License": "MIT License"}, "MIT"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "UNKNOWN", "Classifier": ["License :: OSI Approved :: ISC License (ISCL)"]}, "ISC"),
        ({"License": "see LICENSE", "Classifier": ["License :: OSI Approved :: BSD License"]}, ""),
        ({"Classifier": ["License :: OSI Approved :: MIT License", "License :: OSI Approved :: Apache Software License"]}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_licence_is_taken_as_declared_and_never_guessed(
    headers: dict[str, Any], licence: str
) -> None:
    if licence:
        assert metadata._read(_headers(**headers)).licence == licence
    else:
        with pytest.raises(ReleaseError, match="does not say under which SPDX licence it is; read"):
            metadata._read(_headers(**headers))


def test_licences_concluded_by_hand_are_still_needed() -> None:
    for name in metadata.CONCLUDED:
        found = metadata.of_installed(name)
        assert found is not None, f"{name} is not installed: take it out of CONCLUDED"
        assert found.concluded, f"{name} now declares {found.licence}: take it out of CONCLUDED"


def _ours() -> list[metadata.Metadata]:
    """Give what the metadata of each distribution of the workspace will be, without building one."""
    found = []
    for project in source.projects(ROOT):
        text = (ROOT / project.folder / "pyproject.toml").read_text("utf-8")
        table = tomllib.loads(text)["project"]
        extras = table.get("optional-dependencies", {})
        requires = [
            *table["dependencies"],
            *(f"{text}; extra == '{name}'" for name, texts in extras.items() for text in texts),
        ]
        found.append(_meta(project.name, *requires, extras=tuple(extras), version=project.version))
    return found


@pytest.mark.parametrize("root", _ours(), ids=lambda m: m.name)
def test_all_that_a_distribution_needs_is_pinned_and_says_its_licence(
    root: metadata.Metadata,
) -> None:
    """What 'nox -s release' would find after its builds: said here, to who adds a dependency."""
    release_lab.skip_unless_pinned()
    graph.resolve(root, graph.Pinned(_ours(), graph.pins(ROOT / "constraints.txt")))


def test_a_statement_says_source_tools_and_builder(made: Made) -> None:
    sums = {"a.whl": "0" * 64}
    here = source.Source("c" * 40, 7, "refs/tags/v1", "https://example.com/aicr")
    text = provenance.make(here, sums, "https://example.com/builder")
    claim = provenance.read(text)
    assert claim == provenance.Claim(sums, "c" * 40, "refs/tags/v1", "https://example.com/builder")
    statement = json.loads(text)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "ref": "refs/tags/v1", "repository": "https://example.com/aicr",
    }  # fmt: skip
    assert definition["internalParameters"]["SOURCE_DATE_EPOCH"] == 7
    first, *tools = definition["resolvedDependencies"]
    assert first["uri"] == "git+https://example.com/aicr@refs/tags/v1"
    assert first["digest"] == {"gitCommit": "c" * 40}
    assert any(tool["uri"].startswith("pkg:pypi/hatchling@") for tool in tools)
    local = provenance.read((made.folder / "provenance.json").read_text("utf-8"))
    assert local.builder == provenance.LOCAL
    assert local.subjects == checksums.read(made.folder)
