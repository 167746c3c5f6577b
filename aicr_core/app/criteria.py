"""Use case ``--explain-criteria``, and its first half, which every recipe needs: what is asked for, and who says so.

Criteria come from a snapshot or a file; flags override them field by field (spec/recipe.md 3). Prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import criteria as criteria_of
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.engine.catalogue import Catalogue

    Values = Mapping[str, Mapping[str, dict[str, Any]]]

Document = dict[str, Any]
TEXT_WIDTH = 80
"""Characters of a reading that an explanation quotes: a label's text lists all its nodes."""


class Asked(NamedTuple):
    """What a request asks for.

    ``stated`` are the dimensions that a person gave; the others were detected. ``evidence`` has one entry for each
    thing that was said about a dimension, used or not.
    """

    wanted: Document
    stated: set[str]
    snapshot: Document | None
    notes: list[str]
    evidence: list[Document]


def known_values(environment: Environment, catalogue: Catalogue, *, strict: bool) -> Values:
    """Give the criteria values a user may name; when strict, none that only ``--data`` declares."""
    values = catalogue.criteria_values()
    if not (strict or environment.settings.criteria_strict):
        return values
    return {
        dimension: {value: entry for value, entry in known.items() if not entry["external"]}
        for dimension, known in values.items()
    }


def gather(environment: Environment, catalogue: Catalogue, request: RecipeRequest) -> Asked:
    """Give the criteria of a request. Raises AicrError for a value nobody knows, and for no criteria at all."""
    asked = Asked({}, set(), None, [], [])
    values = known_values(environment, catalogue, strict=request.criteria_strict)
    if request.snapshot:
        asked = _from_snapshot(environment, values, request)
    elif request.criteria:
        asked = _from_file(environment, values, request)
    way_to = environment.index.way_to
    for dimension, text in request.flags.items():
        if text.strip():
            value = criteria_of.parse(values, way_to, dimension, text, f"--{dimension}")
            _override(asked, dimension, value, f"--{dimension}")
    if request.nodes > 0:
        _override(asked, "nodes", request.nodes, "--nodes")
    if not asked.wanted and not request.snapshot and not request.criteria:
        raise AicrError(
            Code.INVALID_REQUEST,
            "no criteria given",
            hint="give at least one of --service, --accelerator, --intent, --os, --platform, --nodes",
        )
    return asked


def explain(
    environment: Environment, catalogue: Catalogue, request: RecipeRequest
) -> tuple[Document, list[str]]:
    """Give where each criterion of a request comes from, and the notes.

    ``criteria`` holds what the recipe is resolved for; ``evidence`` what was said about each dimension, in order of
    dimensions, what is used first. No recipe is resolved. Raises AicrError as :func:`gather`.
    """
    asked = gather(environment, catalogue, request)
    order = {name: number for number, name in enumerate(criteria_of.DIMENSIONS)}
    evidence = sorted(asked.evidence, key=lambda row: (order[row["dimension"]], not row["used"]))
    criteria = criteria_of.spelled_out(asked.wanted)
    return {"criteria": criteria, "evidence": evidence}, asked.notes


def _override(asked: Asked, dimension: str, value: Any, flag: str) -> None:
    """Let a flag decide a dimension; note what of a snapshot it overrides, which nobody stated."""
    known = asked.wanted.pop(dimension, None)
    asked.stated.discard(dimension)
    if value != criteria_of.ANY:
        asked.wanted[dimension] = value
        asked.stated.add(dimension)
    former = [row for row in asked.evidence if row["dimension"] == dimension and row["used"]]
    for row in former:
        row.update(used=False, unused=f"{flag} overrides it")
    if asked.snapshot is not None and known not in (None, value):
        place = former[0]["reading"]
        asked.notes.append(f"{flag} {value} overrides {known} of the snapshot ({place})")
    asked.evidence.append(_row(dimension, value, "flag", flag, str(value)))


def _row(dimension: str, value: Any, source: str, reading: str, text: str) -> Document:
    return {
        "dimension": dimension,
        "value": value,
        "source": source,
        "reading": reading,
        "text": text if len(text) <= TEXT_WIDTH else f"{text[: TEXT_WIDTH - 3]}...",
        "used": True,
    }


def _from_snapshot(environment: Environment, values: Values, request: RecipeRequest) -> Asked:
    from aicr_core.app.drift import read_snapshot
    from aicr_core.engine import match

    snapshot, odd = read_snapshot(environment, request.snapshot, kubeconfig=request.kubeconfig)
    matchers = []
    if environment.manager_needed("aicr_matchers"):
        matchers = list(environment.manager.named("aicr_matchers", "name").values())
    found = match.detect(snapshot, values, matchers)
    evidence = [
        _row(one.dimension, one.value, "snapshot", one.reading, _quoted(snapshot, one.reading))
        | {"confidence": one.confidence, "matcher": one.matcher}
        | ({"plugin": one.plugin} if one.plugin else {})
        | ({"used": False, "unused": one.unused} if one.unused else {})
        for one in found.evidence
    ]
    # Where a flag decides, nobody needs to hear what the snapshot is unsure of.
    decided = {dimension for dimension, text in request.flags.items() if text.strip()}
    said = list(found.notes)
    if "fleet" in snapshot:
        said += match.of_other_groups(snapshot, found, values, matchers)
    notes = [text for dimension, text in said if dimension not in decided]
    return Asked(found.criteria, set(), snapshot, [*odd, *notes], evidence)


def _quoted(snapshot: Document, path: str) -> str:
    """Give the text of a reading, empty for a path that leads nowhere."""
    from aicr_core.model.readings import readings

    kind, name, key = [*path.split(".", 2), "", ""][:3]
    return next(
        (text for found, text in readings(snapshot, f"{kind}.{name}", key) if found == key), ""
    )


def _from_file(environment: Environment, values: Values, request: RecipeRequest) -> Asked:
    from aicr_core.app import sources
    from aicr_core.engine import schemas

    source = sources.read(environment, request.criteria, kubeconfig=request.kubeconfig)
    schema, kind = schemas.CRITERIA_FILE, "RecipeCriteria"
    notes: list[str] = []
    dropped = notes if request.lenient else None
    document = schemas.decode_document(
        source.data, source.name, schema, kind, fmt=source.fmt, dropped=dropped
    )
    spec = document.get("spec", {})
    way_to = environment.index.way_to
    found: Document = {}
    for dimension in criteria_of.TEXT_DIMENSIONS:
        if dimension in spec:
            where = f"{source.name}: spec.{dimension}"
            found[dimension] = criteria_of.parse(values, way_to, dimension, spec[dimension], where)
    if spec.get("nodes", 0) < 0:
        raise AicrError(
            Code.INVALID_REQUEST, f"nodes is {spec['nodes']}", where=f"{source.name}: spec.nodes",
            hint="give a positive number, or leave it out",
        )  # fmt: skip
    found["nodes"] = spec.get("nodes", 0)
    wanted = criteria_of.concrete(found)
    evidence = [
        _row(name, value, "file", f"{source.name}: spec.{name}", str(spec[name]))
        for name, value in wanted.items()
    ]
    return Asked(wanted, set(wanted), None, notes, evidence)
