"""Use case ``recipe explain``: where the values of a recipe come from, and why it is as it is. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import __version__
from aicr_core.app import criteria, sources
from aicr_core.app.recipe import RecipeRequest, catalogue_for, recipe_for
from aicr_core.engine import explain as provenance
from aicr_core.engine.explain_origin import Origin, Source, flag
from aicr_core.engine.explain_select import matching
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.engine.explain import Explanation

Document = dict[str, Any]


class ExplainRequest(NamedTuple):
    """What a user wants explained.

    The recipe is ``recipe`` (a source), or else what ``asked`` resolves to. With ``bundle``, values are those that
    a bundle of this request would hold. ``absolute`` adds where files lie on this machine.
    """

    asked: RecipeRequest = RecipeRequest()
    recipe: str | sources.Source = ""
    bundle: BundleRequest | None = None
    selectors: tuple[str, ...] = ()
    whole: bool = False
    why_not: tuple[str, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    constraints: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    absolute: bool = False


class Subject(NamedTuple):
    """The recipe that is explained, and what it was made from."""

    recipe: Document
    catalogue: Catalogue
    explanation: Explanation
    snapshot: Document | None
    notes: tuple[str, ...]


def explain(environment: Environment, request: ExplainRequest) -> tuple[Document, tuple[str, ...]]:
    """Answer a request; give the answers, and notes for the person.

    With ``whole`` the document is that of :func:`provenance_document`. It also has, each where it was asked for:
    ``values`` (rows of ``selector``, ``value``, ``origin``, ``history``), ``whyNot``, ``order``, ``constraints``,
    ``checks``. Raises AicrError: NOT_FOUND for a selector or name that is not there, whatever making the recipe raises.
    """
    subject = open_subject(environment, request)
    found = subject.explanation
    answer: Document = {}
    if request.whole:
        answer = provenance_document(subject, absolute=request.absolute)
    elif request.selectors:
        paths = matching(found, request.selectors)
        answer["values"] = [found.row(path, absolute=request.absolute) for path in paths]
    if request.why_not:
        from aicr_core.engine.explain_overlay import why_not

        answer["whyNot"] = [
            why_not(subject.catalogue, name, subject.recipe, absolute=request.absolute)
            for name in request.why_not
        ]
    if request.order:
        from aicr_core.engine.explain_order import order

        answer["order"] = [
            order(found, first, second, absolute=request.absolute)
            for first, second in request.order
        ]
    if request.constraints:
        from aicr_core.engine.explain_checks import constraint

        answer["constraints"] = [
            row
            for name in request.constraints
            for row in constraint(found, name, subject.snapshot, absolute=request.absolute)
        ]
    if request.checks:
        from aicr_core.app.explain_checks import check

        answer["checks"] = [check(environment, subject, n, request) for n in request.checks]
    return answer, subject.notes


def provenance_document(subject: Subject, *, absolute: bool = False) -> Document:
    """Give the provenance of a whole recipe as a document that is kept beside it.

    The same catalogue and recipe give the same bytes: files are relative to their layers, and there is no time.
    """
    found = subject.explanation
    layers = [
        {key: layer[key] for key in ("name", "distribution", "version") if layer[key]}
        for layer in subject.catalogue.layers
    ]
    return {
        "kind": "RecipeProvenance",
        "apiVersion": "aicr.run/v1",
        "metadata": {"version": __version__, "catalogue": subject.catalogue.fingerprint},
        "layers": layers,
        "values": [found.row(path, absolute=absolute) for path in found.trails],
    }


def open_subject(environment: Environment, request: ExplainRequest) -> Subject:
    """Read or resolve the recipe of a request, and explain it. Raises AicrError."""
    subject = _read(environment, request) if request.recipe else _resolved(environment, request)
    if request.bundle is None:
        return subject
    from aicr_core.app.explain_bundle import in_bundle

    explanation, notes = in_bundle(environment, subject, request.bundle)
    return subject._replace(explanation=explanation, notes=(*subject.notes, *notes))


def _resolved(environment: Environment, request: ExplainRequest) -> Subject:
    asked = request.asked
    if not (asked.flags or asked.nodes or asked.snapshot or asked.criteria):
        raise _no_subject(request.selectors)
    catalogue = catalogue_for(environment, asked)
    gathered = criteria.gather(environment, catalogue, asked)
    made = recipe_for(environment, asked, gathered)
    said = criteria_origins(gathered, made.document["criteria"])
    found = provenance.explain(catalogue, made.document, criteria=said)
    return Subject(
        made.document, catalogue, found, gathered.snapshot, (*made.warnings, *found.notes)
    )


def _no_subject(selectors: tuple[str, ...]) -> AicrError:
    """Make the error for neither recipe nor criteria; a first selector that is a file was meant for the recipe."""
    hint = "name a recipe first (a path that ends in .yaml or .json, or --recipe), or give criteria such as --service"
    first = selectors[0] if selectors else ""
    if os.path.isdir(first):
        hint = f"{first} is a directory: name the recipe.yaml in it"
    elif os.path.exists(first):
        hint = f"{first} was taken for a selector: write --recipe {first}"
    return AicrError(
        Code.INVALID_REQUEST, "no recipe and no criteria given: nothing to explain", hint=hint
    )


def criteria_origins(asked: criteria.Asked, came_to: Document) -> Mapping[str, Origin]:
    """Give who said each criterion: a flag, a reading of the snapshot, a criteria file.

    What was measured and then left out, as no overlay covers it, has said nothing of what the criteria ``came_to``.
    """
    return {
        row["dimension"]: _criterion(row)
        for row in asked.evidence
        if row["used"] and row["value"] == came_to.get(row["dimension"])
    }


def _criterion(row: Document) -> Origin:
    if row["source"] == "flag":
        return flag(row["reading"])
    if row["source"] == "file":
        name, _, key = row["reading"].rpartition(": ")
        return Origin(Source({"layer": "document", "file": name, "key": key}, {}))
    facts = {"layer": "snapshot", "reading": row["reading"], "matcher": row.get("matcher", "")}
    if "plugin" in row:
        facts["pack"] = row["plugin"]
    return Origin(Source(facts, {}))


def _read(environment: Environment, request: ExplainRequest) -> Subject:
    from aicr_core.app.bundle_plan import decode_recipe, held_once

    asked = request.asked
    if asked.flags or asked.nodes or asked.criteria:
        raise AicrError(
            Code.INVALID_REQUEST, "a recipe and criteria are given",
            hint="give a recipe that is there, or criteria to resolve",
        )  # fmt: skip
    source = sources.read(environment, request.recipe, kubeconfig=asked.kubeconfig, kind="recipe")
    catalogue = catalogue_for(environment, asked)
    odd: list[str] = []
    dropped = odd if asked.lenient else None
    recipe = decode_recipe(source.data, source.name, source.fmt, dropped=dropped)
    recipe = complete(held_once(recipe, source.name), catalogue)
    snapshot = None
    notes: list[str] = []
    if asked.snapshot:
        from aicr_core.app.drift import read_snapshot

        snapshot, notes = read_snapshot(environment, asked.snapshot, kubeconfig=asked.kubeconfig)
    found = provenance.explain(catalogue, recipe, document=_document(source))
    return Subject(
        recipe, catalogue, found, snapshot, (*odd, *notes, *catalogue.warnings, *found.notes)
    )


def complete(recipe: Document, catalogue: Catalogue) -> Document:
    """Give a recipe that somebody wrote with what every recipe of ours has."""
    nothing: Document = {"metadata": {}, "criteria": {}}
    refs = [{"type": "", "source": "", **ref} for ref in recipe.get("componentRefs") or ()]
    head = {"kind": "RecipeResult", "apiVersion": catalogue.api_version}
    return {**head, **nothing, **recipe, "componentRefs": refs}


def _document(source: sources.Source) -> Source:
    """Give a recipe file as a source; JSON is read as YAML once more, for its lines."""
    from aicr_core.engine.catalogue_build import positions
    from aicr_core.kit import yamlio

    try:
        node = yamlio.compose(source.data, source.name)
    except AicrError:
        node = None  # Some JSON is no YAML: it has values all the same, and no lines.
    folder, name = os.path.split(source.name)
    facts = {"layer": "document", "file": name}
    return Source(facts, {} if node is None else positions(node), folder or ".")
