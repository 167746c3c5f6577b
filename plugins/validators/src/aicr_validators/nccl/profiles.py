"""Benchmark profiles of the catalogue: what they may say, which one a recipe gets, what they want to know of a cluster.

A profile is a document of ``validators/profiles/`` of any data layer. It names services and accelerators that it is
for, readings (facts of the GPU nodes and of other objects), and the runtime: a Jinja2 text of one TrainingRuntime, in
which the readings are variables, beside ``gpus`` (of a node), ``nodes`` and ``processes``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.api import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Document = Mapping[str, Any]

KIND = "BenchmarkProfile"
UNIT = "GB/s"
GIVEN = ("gpus", "nodes", "processes")
"""Variables that every runtime has."""
SOURCES = ("nodeLabel", "extendedResource", "objects")
_FIELDS = frozenset(
    ("apiVersion", "kind", "metadata", "check", "services", "accelerators", "unit", "minNodes",
     "readings", "runtime", "file")
)  # fmt: skip
_OBJECTS = frozenset(("apiVersion", "resource", "contains", "atLeast"))
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


@attrs.frozen(kw_only=True)
class Reading:
    """A fact that the runtime needs, under ``name``: from a label or a resource of the first node, or from objects.

    ``resource`` and ``api_version`` are those of cluster-wide objects whose names contain ``contains``, of which there
    are ``at_least``.
    """

    name: str
    label: str = ""
    extended: str = ""
    api_version: str = ""
    resource: str = ""
    contains: str = ""
    at_least: int = 0


@attrs.frozen(kw_only=True)
class Profile:
    """One way to run the benchmark; ``where`` is its file, or its name where nobody knows the file."""

    name: str
    where: str
    services: tuple[str, ...]
    accelerators: tuple[str, ...]
    min_nodes: int
    readings: tuple[Reading, ...]
    runtime: str

    @property
    def pairs(self) -> list[str]:
        """What it is for, as the constraint ``nccl-benchmark-profile`` writes it: ``h100/eks``."""
        return [
            f"{accelerator}/{service}"
            for accelerator in self.accelerators
            for service in self.services
        ]


def choose(profiles: Iterable[Profile], pair: str) -> Profile | None:
    """Give the profile for ``accelerator/service``; the last one wins, as a later data layer does."""
    found = None
    for profile in profiles:
        if pair in profile.pairs:
            found = profile
    return found


def known(profiles: Iterable[Profile]) -> list[str]:
    """Give all pairs that there is a profile for, sorted."""
    return sorted({pair for profile in profiles for pair in profile.pairs})


def decode(documents: Iterable[Document]) -> list[Profile]:
    """Read documents. Raises AicrError(INVALID_REQUEST) naming file and field of the first that is not right."""
    return [_Reader(document).profile() for document in documents]


class _Reader:
    """Reads one document; every refusal names the field."""

    def __init__(self, document: Document) -> None:
        self._document = document
        metadata = document.get("metadata")
        self._name = str((metadata if isinstance(metadata, dict) else {}).get("name") or "")
        self._where = (
            str(document.get("file") or "") or f"benchmark profile {self._name or 'without a name'}"
        )

    def profile(self) -> Profile:
        document = self._document
        self._only(document, _FIELDS, "")
        if document.get("kind") != KIND:
            raise self._fail("kind", f"is {document.get('kind')!r}", f"write kind: {KIND}")
        if not self._name:
            raise self._fail("metadata.name", "is missing", "give the profile a name")
        if document.get("unit", UNIT) != UNIT:
            raise self._fail(
                "unit", f"is {document['unit']!r}", f"the benchmark measures {UNIT}; write that"
            )
        runtime = document.get("runtime")
        if not isinstance(runtime, str) or not runtime.strip():
            raise self._fail(
                "runtime", "is no text", "write `runtime: |` and a TrainingRuntime below it"
            )
        return Profile(
            name=self._name, where=self._where, services=self._words("services"),
            accelerators=self._words("accelerators"), min_nodes=self._count(document, "minNodes", "minNodes", 2),
            readings=self._readings(), runtime=runtime,
        )  # fmt: skip

    def _readings(self) -> tuple[Reading, ...]:
        entries = self._document.get("readings", [])
        if not isinstance(entries, list):
            raise self._fail("readings", "is no list", "write a list of readings")
        found: list[Reading] = []
        for number, entry in enumerate(entries):
            place = f"readings[{number}]"
            if not isinstance(entry, dict):
                raise self._fail(place, "is no mapping", "write name, and where it comes from")
            reading = self._reading(entry, place)
            if reading.name in GIVEN or any(reading.name == other.name for other in found):
                raise self._fail(f"{place}.name", f"{reading.name!r} is taken", "use another name")
            found.append(reading)
        return tuple(found)

    def _reading(self, entry: Document, place: str) -> Reading:
        self._only(entry, frozenset(("name", *SOURCES)), place)
        name = self._text(entry, "name", place)
        if not _VARIABLE.fullmatch(name):
            raise self._fail(
                f"{place}.name", f"{name!r} is no variable's name", "use letters, digits and _"
            )
        sources = [source for source in SOURCES if source in entry]
        if len(sources) != 1:
            raise self._fail(
                place, f"has {len(sources)} sources", f"give one of {', '.join(SOURCES)}"
            )
        if sources[0] == "nodeLabel":
            return Reading(name=name, label=self._text(entry, "nodeLabel", place))
        if sources[0] == "extendedResource":
            return Reading(name=name, extended=self._text(entry, "extendedResource", place))
        objects, place = entry["objects"], f"{place}.objects"
        if not isinstance(objects, dict):
            raise self._fail(place, "is no mapping", "write apiVersion and resource")
        self._only(objects, _OBJECTS, place)
        return Reading(
            name=name, api_version=self._text(objects, "apiVersion", place),
            resource=self._text(objects, "resource", place),
            contains=self._text(objects, "contains", place) if "contains" in objects else "",
            at_least=self._count(objects, "atLeast", f"{place}.atLeast", 0),
        )  # fmt: skip

    def _text(self, entry: Document, key: str, place: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._fail(f"{place}.{key}", "is no text", "write a text")
        return value

    def _words(self, key: str) -> tuple[str, ...]:
        value = self._document.get(key)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(v, str) and v for v in value)
        ):
            raise self._fail(key, "is no list of names", f"write {key}: [name]")
        return tuple(value)

    def _count(self, entry: Document, key: str, place: str, default: int) -> int:
        value = entry.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._fail(place, f"is {value!r}", "write a number of 0 or more")
        return value

    def _only(self, entry: Document, allowed: Iterable[str], place: str) -> None:
        names: Sequence[str] = sorted(allowed)
        for key in entry:
            if key not in names:
                close = nearest(str(key), names)
                hint = f"did you mean {close}?" if close else f"known are {', '.join(names)}"
                raise self._fail(f"{place}.{key}".lstrip("."), "is not known", hint)

    def _fail(self, field: str, what: str, hint: str) -> AicrError:
        return AicrError(
            Code.INVALID_REQUEST, f"{self._where}: {field} {what}", where=self._where, hint=hint
        )
