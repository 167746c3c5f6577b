"""From a snapshot to criteria: ask every matcher, weigh what was found (spec/recipe.md 4 and 22.5, B8 mended).

Vendors are known by the plugins' matchers. The core itself recognises only what needs no knowledge: a reading
that names a value of the catalogue in use, so that a catalogue of one's own works without code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.criteria import ANY, TEXT_DIMENSIONS, lookup
from aicr_core.kit.emit import as_text
from aicr_core.kit.errors import AicrError, Code, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.model.snapshot import Detection
    from aicr_core.plugins.providers import Matcher

Document = dict[str, Any]
CORE = "core"
"""Name of the core's own matcher."""
# What the cloud itself wrote on the node beats marks in version texts (B8), which plugins trust with 0.7; any plugin
# that knows what a reading means is surer than its mere text.
_LITERAL = (
    ("service", "K8s.node", "provider", 0.75),
    ("service", "K8s.server", "service", 0.5),
    ("os", "OS.release", "ID", 0.5),
)
_PRODUCTS = ("GPU.smi", "GPU.device", "GPU.hardware")
_PRODUCT_KEYS = ("gpu.model", "model")
_PRODUCT = 0.4
_TOKENS = re.compile(r"[\s\-_/()]+")


class Evidence(NamedTuple):
    """A value that was found for a dimension; ``plugin`` is empty for the core's own, ``unused`` says why not."""

    dimension: str
    value: str
    confidence: float
    reading: str
    matcher: str
    plugin: str
    unused: str = ""

    def __str__(self) -> str:
        return one_line(f"{self.value} ({self.reading})")


class Found(NamedTuple):
    """What a snapshot says: criteria, all evidence, and notes, each with its dimension (empty: about a plugin)."""

    criteria: Document
    evidence: tuple[Evidence, ...]
    notes: tuple[tuple[str, str], ...]


def detect(
    snapshot: Document,
    values: Mapping[str, Mapping[str, Any]],
    matchers: Iterable[tuple[str, Matcher]] = (),
) -> Found:
    """Give the criteria of a snapshot with the reading each came from.

    ``values`` is the criteria table of the catalogue in use; ``matchers`` are (plugin, matcher) pairs, asked inline
    in order of dimension and name. One that fails is left out with a note.
    """
    notes: list[tuple[str, str]] = []
    found: dict[tuple[str, str, str], Evidence] = {}
    candidates = list(_literal(snapshot, values))
    for plugin, matcher in sorted(
        matchers, key=lambda pair: (str(pair[1].dimension), pair[1].name)
    ):
        try:
            detections = _ask(matcher, snapshot)
        except (Exception, SystemExit) as error:
            why = (
                error.message
                if isinstance(error, AicrError)
                else f"{type(error).__name__}: {error}"
            )
            text = f"plugin {plugin}: matcher {matcher.name} is left out: {why}"
            notes.append(("", one_line(text)))
            continue
        candidates.extend(
            Evidence(matcher.dimension, d.value, d.confidence, d.reading, matcher.name, plugin)
            for d in detections
        )
    for one in candidates:
        # A plugin that reads what the core reads is surer of it: the core's own then adds nothing.
        key = (one.dimension, one.value, one.reading)
        if key not in found or found[key].confidence < one.confidence:
            found[key] = one
    criteria: Document = {}
    evidence: list[Evidence] = []
    for dimension in TEXT_DIMENSIONS:
        ranked = sorted(
            (one for one in found.values() if one.dimension == dimension),
            key=lambda one: (-one.confidence, one.value, one.reading, one.matcher),
        )
        known, foreign = [], []
        for one in ranked:
            value = lookup(values, dimension, one.value)
            if value in (None, ANY):
                foreign.append(one._replace(unused="not in the catalogue"))
            else:
                known.append(one._replace(value=value))
        notes.extend((dimension, text) for text in _foreign(dimension, foreign))
        evidence.extend(foreign)
        value, judged = _weigh(known)
        evidence.extend(judged)
        if value:
            criteria[dimension] = value
        notes.extend((dimension, text) for text in _conflicts(dimension, value, judged))
    return Found(criteria, tuple(evidence), tuple(notes))


def of_other_groups(
    fleet: Document,
    found: Found,
    values: Mapping[str, Mapping[str, Any]],
    matchers: Sequence[tuple[str, Matcher]],
) -> list[tuple[str, str]]:
    """Give notes, as of :class:`Found`, on groups of a fleet that differ from the one ``found`` was read off.

    A group tells its own readings only (spec/snapshot.md 14.1). One that lacks the accelerator's is no group that the
    recipe's accelerator or system is for.
    """
    accelerators = {
        one.reading for one in found.evidence if one.dimension == "accelerator" and not one.unused
    }
    seen: dict[tuple[str, str], list[str]] = {}
    for group in fleet["fleet"].get("groups", ()):
        differs = [entry for entry in group.get("differs", ()) if entry["path"].count(".") > 1]
        if not group["nodes"] or accelerators & {
            entry["path"] for entry in differs if "value" not in entry
        }:
            continue
        measurements = [
            {"type": kind, "subtypes": [{"subtype": name, "data": {key: entry["value"]}}]}
            for entry in differs
            if "value" in entry
            for kind, name, key in [entry["path"].split(".", 2)]
        ]
        other = detect({"measurements": measurements}, values, matchers)
        for dimension, value in other.criteria.items():
            if value != found.criteria.get(dimension):
                seen.setdefault((dimension, value), []).extend(group["nodes"])
    return [
        (
            dimension,
            one_line(
                f"{dimension} is {found.criteria.get(dimension, ANY)} by most nodes, but {value} on "
                f"{len(nodes)} more ({min(nodes)}); they need a recipe of their own: --{dimension} {value}"
            ),
        )
        for (dimension, value), nodes in sorted(seen.items())
    ]


def _ask(matcher: Matcher, snapshot: Document) -> list[Detection]:
    from aicr_core.model.snapshot import Detection
    from aicr_core.plugins.manager import resolve

    if matcher.dimension not in TEXT_DIMENSIONS:
        dimensions = ", ".join(TEXT_DIMENSIONS)
        raise ValueError(f'"{matcher.dimension}" is no dimension; there are {dimensions}')
    answer = resolve(matcher.detect)(snapshot)
    if answer is None:
        return []
    detections = [answer] if isinstance(answer, Detection) else list(answer)
    for detection in detections:
        if not isinstance(detection, Detection):
            raise TypeError(f"a {type(detection).__name__} is no Detection")
    return detections


def _literal(snapshot: Document, values: Mapping[str, Mapping[str, Any]]) -> Iterable[Evidence]:
    """Give what readings say in the catalogue's own words."""
    from aicr_core.model.readings import readings

    for dimension, place, key, confidence in _LITERAL:
        for found, text in readings(snapshot, place, key):
            value = lookup(values, dimension, text)
            if found == key and value not in (None, ANY):
                yield Evidence(dimension, str(value), confidence, f"{place}.{key}", CORE, "")
    for place in _PRODUCTS:
        for key, text in readings(snapshot, place):
            value = _product(text, values) if key in _PRODUCT_KEYS else None
            if value:
                yield Evidence("accelerator", value, _PRODUCT, f"{place}.{key}", CORE, "")


def _product(name: str, values: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Give the accelerator whose name stands in a product's name as whole tokens, or None."""
    tokens = [token for token in _TOKENS.split(name.lower()) if token]
    for value in sorted(values.get("accelerator", {}), key=lambda value: (-len(value), value)):
        wanted = value.split("-")
        for start in range(len(tokens) - len(wanted) + 1):
            if tokens[start : start + len(wanted)] == wanted and value != ANY:
                return value
    return None


def _weigh(ranked: Sequence[Evidence]) -> tuple[str, list[Evidence]]:
    """Give the surest value, empty when two are as sure, and the evidence with what became of each."""
    if not ranked:
        return "", []
    surest = ranked[0].confidence
    top = {one.value for one in ranked if one.confidence == surest}
    value = ranked[0].value if len(top) == 1 else ""
    judged = []
    for one in ranked:
        if one.value == value:
            judged.append(one)
        elif not value and one.confidence == surest:
            judged.append(one._replace(unused="as sure as another value"))
        else:
            judged.append(one._replace(unused="less sure"))
    return value, judged


def _foreign(dimension: str, evidence: Sequence[Evidence]) -> list[str]:
    readings: dict[str, list[str]] = {}
    for one in evidence:
        readings.setdefault(one.value, []).append(one.reading)
    return [
        one_line(f"{dimension} {value} ({', '.join(places)}) is no value of the catalogue in use")
        for value, places in readings.items()
    ]


def _conflicts(dimension: str, value: str, judged: Sequence[Evidence]) -> list[str]:
    """Say which readings differ: those that leave the dimension unset, or those that lost."""
    mend = f"say which with --{dimension}"
    if not judged:
        return []
    if not value:
        tied = [str(one) for one in judged if one.confidence == judged[0].confidence]
        return [
            f"{dimension} is left unset: {' and '.join(tied)} are as sure as each other; {mend}"
        ]
    others = [str(one) for one in judged if one.value != value]
    if not others:
        return []
    return [f"{dimension} is {judged[0]}, though there is also {', '.join(others)}; {mend}"]


def reading(snapshot: Document, path: str) -> str:
    """Give the text of the reading ``Type.Subtype.Key`` (the key may hold dots).

    Raises AicrError: INVALID_REQUEST for a malformed path, NOT_FOUND for a reading that is not there.
    """
    parts = path.split(".", 2)
    if len(parts) < 3 or not all(parts):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{path}" is no reading', hint="write Type.Subtype.Key"
        )
    kind, name, key = parts
    for measurement in snapshot.get("measurements", ()):
        if measurement.get("type") == kind:
            for subtype in measurement.get("subtypes", ()):
                if subtype.get("subtype") == name:
                    data = subtype.get("data", {})
                    if key in data:
                        return as_text(data[key])
                    break
            break
    raise AicrError(Code.NOT_FOUND, f"the snapshot has no reading {path}")
