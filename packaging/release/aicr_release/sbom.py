"""A CycloneDX 1.6 bill of materials for each distribution, the same bytes for the same release.

It holds the distribution with the digests of its wheel and sdist, and everything it needs: what it always needs with
scope ``required``, what only an extra brings with scope ``optional``. Neither the clock nor chance is in it: the time
is that of the commit, the serial number is made from the digests.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import uuid
from typing import TYPE_CHECKING

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from . import graph, layout, metadata
from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from .graph import Graph, Lookup
    from .metadata import Metadata

_PROPERTY = "aicr:platform"


def write_all(folder: pathlib.Path, sums: dict[str, str], pins: dict[str, str], epoch: int) -> None:
    """Write the SBOM of every wheel in ``folder`` beside it; their digests are not added to ``sums``."""
    wheels = [name for name in sorted(sums) if name.endswith(".whl")]
    released = [metadata.of_wheel(folder / name) for name in wheels]
    lookup = graph.Pinned(released, pins)
    for root in released:
        text = make(root, lookup, _files(root, sums), epoch)
        (folder / layout.sbom_of(root.name, root.version)).write_text(text, "utf-8")


def _files(root: Metadata, sums: Mapping[str, str]) -> dict[str, str]:
    """Give the archives of a distribution with their digests."""
    files = {}
    for file, digest in sums.items():
        named = layout.parse(file)
        if (
            named
            and (named.name, named.version) == (root.name, root.version)
            and named.kind != "sbom"
        ):
            files[file] = digest
    return files


def make(root: Metadata, lookup: Lookup, files: Mapping[str, str], epoch: int) -> str:
    """Give the SBOM of a distribution as JSON text; ``files`` are its archives with their SHA-256."""
    found = graph.resolve(root, lookup)
    main = _component(root, ComponentType.APPLICATION, None)
    for name in sorted(files):
        main.external_references.add(
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(name),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=files[name])],
            )
        )
    components = {root.name: main}
    for scope, group in (
        (ComponentScope.REQUIRED, found.required),
        (ComponentScope.OPTIONAL, found.optional),
    ):
        components |= {m.name: _component(m, ComponentType.LIBRARY, scope) for m in group.values()}
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, _serial(root, files)),
        metadata=BomMetaData(
            component=main,
            timestamp=datetime.datetime.fromtimestamp(epoch, datetime.UTC),
            tools=ToolRepository(components=[_tool()]),
            properties=[Property(name=_PROPERTY, value=graph.PLATFORM)],
        ),
        components=[c for name, c in components.items() if name != root.name],
        dependencies=_dependencies(found, components),
    )
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(of: Metadata, kind: ComponentType, scope: ComponentScope | None) -> Component:
    purl = PackageURL("pypi", None, of.name, of.version)
    acknowledgement = (
        LicenseAcknowledgement.CONCLUDED if of.concluded else LicenseAcknowledgement.DECLARED
    )
    return Component(
        name=of.name,
        version=of.version,
        type=kind,
        scope=scope,
        description=of.summary or None,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseExpression(of.licence, acknowledgement=acknowledgement)],
    )


def _dependencies(found: Graph, components: Mapping[str, Component]) -> list[Dependency]:
    return [
        Dependency(
            component.bom_ref,
            [Dependency(components[to].bom_ref) for to in sorted(found.edges.get(name, ()))],
        )
        for name, component in sorted(components.items())
    ]


def _tool() -> Component:
    name = "cyclonedx-python-lib"
    return Component(
        name=name, version=importlib.metadata.version(name), type=ComponentType.LIBRARY
    )


def _serial(root: Metadata, files: Mapping[str, str]) -> str:
    """Give what the serial number is made from: another archive is another SBOM."""
    return f"pkg:pypi/{root.name}@{root.version}?" + "&".join(files[name] for name in sorted(files))


def validate(path: pathlib.Path) -> None:
    """Hold an SBOM against the published JSON schema of CycloneDX 1.6; ReleaseError with the first finding."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text("utf-8"))
    if error is not None:
        finding = str(error.data.message if hasattr(error.data, "message") else error.data)
        raise ReleaseError(Kind.INVALID, f"is no CycloneDX 1.6: {finding[:300]}", where=path.name)
