"""What a distribution needs to run, and what it needs with each of its extras: names, exact versions, edges.

Versions of others are those of ``constraints.txt``, so those that the tests ran with; versions of ours are those
being released. Markers are answered for one fixed platform, or an SBOM would depend on who made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name

from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

    from packaging.requirements import Requirement

    from .metadata import Metadata

PLATFORM = "CPython 3.11 on Linux x86-64"
ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.0",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}


class Lookup(Protocol):
    """How the metadata of a distribution is found by its normalised name."""

    def __call__(self, name: str, /) -> Metadata: ...


@dataclass
class Graph:
    """The dependencies of one distribution: those always needed, those that an extra adds, and who needs whom."""

    root: Metadata
    required: dict[str, Metadata] = field(default_factory=dict)
    optional: dict[str, Metadata] = field(default_factory=dict)
    edges: dict[str, set[str]] = field(default_factory=dict)


def resolve(root: Metadata, lookup: Lookup) -> Graph:
    """Follow the requirements of ``root``, first without, then with all of its extras."""
    graph = Graph(root)
    _walk(graph, [(root, "")], lookup, graph.required)
    _walk(graph, [(root, extra) for extra in root.extras], lookup, graph.optional)
    return graph


def _walk(
    graph: Graph, start: list[tuple[Metadata, str]], lookup: Lookup, into: dict[str, Metadata]
) -> None:
    """Add what ``start`` reaches; an entry is a distribution with one extra or '' for none."""
    queue, seen = list(start), {(m.name, extra) for m, extra in start}
    while queue:
        metadata, extra = queue.pop()
        edges = graph.edges.setdefault(metadata.name, set())
        for requirement in metadata.requires:
            if not _applies(requirement, extra):
                continue
            name = canonicalize_name(requirement.name)
            found = graph.root if name == graph.root.name else lookup(name)
            if not requirement.specifier.contains(found.version, prereleases=True):
                raise ReleaseError(
                    Kind.INVALID,
                    f"{metadata.name} requires {requirement}, but {found.version} is pinned",
                    where=name,
                    hint="change the range or constraints.txt",
                )
            edges.add(name)
            if name != graph.root.name and name not in graph.required:
                into[name] = found
            for key in [(name, ""), *((name, e) for e in sorted(requirement.extras))]:
                if key not in seen:
                    seen.add(key)
                    queue.append((found, key[1]))


def _applies(requirement: Requirement, extra: str) -> bool:
    if requirement.marker is None:
        return not extra
    always = requirement.marker.evaluate({**ENVIRONMENT, "extra": ""})
    if not extra:
        return always
    # Only what the extra adds: the rest is followed without it.
    return not always and requirement.marker.evaluate({**ENVIRONMENT, "extra": extra})


def pins(constraints: pathlib.Path) -> dict[str, str]:
    """Read ``constraints.txt`` as normalised name -> version."""
    found: dict[str, str] = {}
    for line in constraints.read_text("utf-8").splitlines():
        name, equals, version = line.partition("==")
        if equals and not line.startswith("#"):
            found[canonicalize_name(name.strip())] = version.strip()
    return found


class Pinned:
    """Look distributions up: those being released first, then those installed, at the pinned version exactly."""

    def __init__(self, released: Iterable[Metadata], versions: dict[str, str]) -> None:
        self._released = {m.name: m for m in released}
        self._versions = versions

    def __call__(self, name: str, /) -> Metadata:
        if name in self._released:
            return self._released[name]
        from .metadata import of_installed

        found, pinned = of_installed(name), self._versions.get(name)
        if pinned is None:
            raise ReleaseError(
                Kind.INVALID, "is required by a release and not pinned", where=name,
                hint="add it to constraints.txt",
            )  # fmt: skip
        if found is None or found.version != pinned:
            have = found.version if found else "nothing"
            raise ReleaseError(
                Kind.TOOL, f"{pinned} is pinned, {have} is installed", where=name,
                hint="make releases with 'nox -s release', which installs the pinned versions",
            )  # fmt: skip
        return found
