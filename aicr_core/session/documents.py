"""What a session does with documents: bytes and values in and out, nothing read that a document names.

The half that the HTTP server uses; what touches files, clusters and registries is in ``session.places``. The use cases
are those of ``aicr_core.app``; nothing is decided here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Literal, Self

from aicr_core._version import __version__
from aicr_core.app.environment import Environment
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.model.settings import Settings
from aicr_core.session.results import Bundle, BundleFile, Resolved, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.app.sources import Source
    from aicr_core.model.check import Report

Document = dict[str, Any]


def _says(text: str) -> bool:
    """Tell whether the text of a criterion states anything."""
    return text.strip().lower() not in ("", "any")


def _only(settings: Settings, packs: Collection[str]) -> Settings:
    """Use these plugins alone, and of them only what ``AICR_PLUGINS`` lets through. Raises AicrError."""
    if isinstance(packs, str):
        raise AicrError(
            Code.INVALID_REQUEST, f"{packs!r} is one text", where="packs", hint=f"write [{packs!r}]"
        )
    names = frozenset(packs)
    known = {row["name"] for row in Environment(settings).index.rows}
    for name in sorted(names - known):
        close = nearest(name, sorted(known))
        hint = f'did you mean "{close}"?' if close else "aicr plugins list"
        raise AicrError(
            Code.NOT_FOUND, f'no plugin "{name}" is installed', where="packs", hint=hint
        )
    return settings._replace(only=names if settings.only is None else names & settings.only)


class Documents:
    """The part of a session that works on documents alone."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        packs: Literal["installed"] | Collection[str] = "installed",
        data: Sequence[str] = (),
        warn: Callable[[str], None] | None = None,
    ) -> None:
        """Open a session; ``env`` are the ``AICR_*`` variables (default: the process's), ``data`` further catalogues.

        ``packs`` are the names of the plugins to use, all that are installed when nothing is said; what they require
        has to be among them. Raises AicrError for a variable that cannot be read, and for a name that nobody has.
        """
        settings = Settings.from_env(os.environ if env is None else env)
        if packs != "installed":
            settings = _only(settings, packs)
        self._begin(Environment(settings, warn), data)

    def _begin(self, environment: Environment, data: Sequence[str]) -> None:
        self._environment = environment
        self._data = tuple(data)
        self._lock = threading.Lock()

    def under_test(self, name: str) -> Self:
        """Give a session in which no policy asks for the conformance report of ``name``: for the kit that makes it."""
        settings = self._environment.settings._replace(tested=name)
        other = type(self).__new__(type(self))
        other._begin(self._environment.with_settings(settings), self._data)
        return other

    version = __version__

    def warm(self) -> None:
        """Load index, catalogue and the plugins that bundles need. Raises AicrError for what cannot be used."""
        with self._lock:
            catalogue = self._environment.catalogue(self._data)
            for name in catalogue.names():
                catalogue.overlay(name)
            for hook in ("aicr_bundlers", "aicr_deployers", "aicr_phases", "aicr_checks"):
                if self._environment.manager_needed(hook):
                    for row in self._environment.manager.rows_with(hook):
                        self._environment.manager.load(row)

    def criteria_values(self) -> dict[str, dict[str, Document]]:
        """Give the criteria values by dimension: value to {aliases, layer}."""
        from aicr_core.app.criteria import known_values

        catalogue = self._environment.catalogue(self._data)
        known = known_values(self._environment, catalogue, strict=False)
        return {name: dict(values) for name, values in known.items()}

    def schemas(self, *, nulls: bool = False) -> dict[str, Document]:
        """Give the JSON Schema of ``RecipeResult``, ``RecipeCriteria`` and ``Snapshot``.

        With ``nulls`` as they are read, where null says the same as nothing; without as they are written.
        """
        from aicr_core.engine import schemas
        from aicr_core.kit.jsonschema import json_schema

        tables = {
            "RecipeResult": schemas.RECIPE, "RecipeCriteria": schemas.CRITERIA_FILE, "Snapshot": schemas.SNAPSHOT,
        }  # fmt: skip
        return {name: json_schema(table, nulls=nulls) for name, table in tables.items()}

    def recipe(
        self,
        criteria: Mapping[str, str] | None = None,
        *,
        nodes: int = 0,
        document: Text | None = None,
        snapshot: Text | None = None,
        allow_partial: bool = False,
        lenient: bool = False,
    ) -> Resolved:
        """Resolve criteria, a ``RecipeCriteria`` document or a snapshot to one recipe; ``criteria`` decide over both.

        ``allow_partial`` gives a recipe also where no overlay covers a dimension that is stated. Raises AicrError.
        """
        from aicr_core.app.recipe import build_recipe

        request = self._request(criteria or {}, nodes, document, snapshot, allow_partial, lenient)
        found = build_recipe(self._environment, request)
        return Resolved(found.document, found.warnings)

    def _request(
        self,
        criteria: Mapping[str, str],
        nodes: int,
        document: Text | None,
        snapshot: Text | None,
        allow_partial: bool,
        lenient: bool,
    ) -> RecipeRequest:
        from aicr_core.app.recipe import RecipeRequest

        return RecipeRequest(
            flags=dict(criteria),
            nodes=nodes,
            criteria=document.source if document else "",
            snapshot=snapshot.source if snapshot else "",
            data=self._data,
            allow_partial=allow_partial,
            lenient=lenient,
        )

    def hydrated(self, recipe: Document) -> Document:
        """Give a recipe with the values of every component in place. Raises AicrError."""
        from aicr_core.engine.query import hydrated

        return hydrated(self._environment.catalogue(self._data), recipe)

    def select(self, document: Document, selector: str) -> Any:
        """Give the value a selector names. Raises AicrError(NOT_FOUND)."""
        from aicr_core.engine.query import select

        return select(document, selector)

    def check(self, request: BundleRequest) -> None:
        """Parse the texts of a bundle's request, without a recipe. Raises AicrError that names the flag."""
        from aicr_core.app.bundle_request import parse_options, value_settings

        parse_options(request)
        value_settings(request, request.set_values)

    def bundle(self, request: BundleRequest) -> Bundle:
        """Make a bundle in memory; the request's ``recipe`` is a source, its ``output`` counts for nothing.

        Raises AicrError.
        """
        from aicr_core.app.bundle import bundle_files
        from aicr_core.app.bundle_plan import make_plan
        from aicr_core.plugins.manager import resolve

        planned = make_plan(self._environment, request._replace(data=self._data))
        files = bundle_files(self._environment, planned)
        plan, deployer = planned.plan, planned.deployer
        notes = tuple(resolve(deployer.notes)(plan)) if deployer.notes is not None else ()
        return Bundle(
            tuple(BundleFile(file.path, file.data, file.mode) for file in files),
            deployer.title,
            (*notes, *plan.notes),
        )

    def validate(self, recipe: Text, snapshot: Text, phases: Sequence[str] = ()) -> Report:
        """Hold a recipe's constraints to a snapshot; no cluster is asked. Raises AicrError."""
        from aicr_core.app import validation_inputs
        from aicr_core.app.drift import read_snapshot
        from aicr_core.app.validate import ValidateRequest, validate

        environment = self._environment
        inputs = validation_inputs.gather(environment, recipe.source, data=self._data)
        document, _ = read_snapshot(environment, snapshot.source)
        request = ValidateRequest(phases=tuple(phases), no_cluster=True)
        outcome = validate(environment, inputs, document, request, json=snapshot.fmt == "json")
        return outcome.report

    def report(self, report: Report, fmt: str = "ctrf") -> str:
        """Give the text of a report in a format that a plugin writes. Raises AicrError for one that nobody writes."""
        from aicr_core.app.validation_outputs import report_text

        plugin, writer = self._environment.provider_of(
            "aicr_report_writers", "name", "report", fmt, flag="--format"
        )
        return report_text(plugin, writer, report)

    def diff(
        self, before: Text | Mapping[str, Any], after: Text | Mapping[str, Any]
    ) -> tuple[Document, list[str]]:
        """Compare two recipes, each a document or criteria (``nodes`` a number); give the differences and warnings.

        Raises AicrError.
        """
        from aicr_core.app.recipediff import RecipeDiff, compare

        def side(given: Text | Mapping[str, Any]) -> Source | RecipeRequest:
            if isinstance(given, Text):
                return given.source
            nodes = int(given.get("nodes") or 0)
            texts = {name: text for name, text in given.items() if name != "nodes"}
            # Criteria that say nothing mean the base recipe, which a document that names none says.
            nothing = None if nodes or any(map(_says, texts.values())) else Text(b"{}")
            return self._request(texts, nodes, nothing, None, True, False)

        return compare(self._environment, RecipeDiff(side(before), side(after), self._data))

    def choices(self, criteria: Mapping[str, Any], values: Mapping[str, Sequence[str]]) -> Document:
        """Give what may still be chosen, of ``values``, beside criteria, and which of those nothing covers yet."""
        from aicr_core.app.choices import offered

        return offered(self._environment.catalogue(self._data), criteria, values)

    def origins(self, recipe: Document) -> Document:
        """Give, by component of a recipe that this session made, who names it and who set each of its values."""
        from aicr_core.engine.explain_components import by_component

        return by_component(self._environment.catalogue(self._data), recipe)

    def explain(
        self, recipe: Text | Mapping[str, str], selectors: Sequence[str] = ()
    ) -> list[Document]:
        """Give where values of a recipe come from: ``selector``, ``value``, ``origin``, ``history`` of each.

        ``recipe`` is a recipe document, or criteria that resolve to one. Selectors may hold wildcards; none means all
        values. Raises AicrError(NOT_FOUND) for one that matches nothing.
        """
        from aicr_core.app.recipe_explain import ExplainRequest, explain

        criteria = {} if isinstance(recipe, Text) else recipe
        request = ExplainRequest(
            self._request(criteria, 0, None, None, True, False),
            recipe.source if isinstance(recipe, Text) else "",
            selectors=tuple(selectors),
            whole=not selectors,
        )
        rows: list[Document] = explain(self._environment, request)[0]["values"]
        return rows

    @property
    def fingerprint(self) -> str:
        """A digest of the catalogue: it changes with everything that a recipe is made from."""
        return self._environment.catalogue(self._data).fingerprint

    def overlays(self, *, health: bool = False) -> list[Document]:
        """Give the overlays of the catalogue: name, criteria, base, where each comes from."""
        from aicr_core.app.listing import overlays
        from aicr_core.app.recipe import RecipeRequest

        return overlays(self._environment, RecipeRequest(data=self._data), health=health)

    def coverage(
        self, criteria: Mapping[str, str] | None = None, dimensions: Sequence[str] = ()
    ) -> Document:
        """Give the matrix of criteria (``aicr recipe coverage``); ``criteria`` narrow it. Raises AicrError."""
        from aicr_core.app.recipe import RecipeRequest
        from aicr_core.app.recipe_coverage import DIMENSIONS, CoverageRequest, coverage

        recipe = RecipeRequest(flags=dict(criteria or {}), data=self._data)
        return coverage(self._environment, CoverageRequest(recipe, tuple(dimensions) or DIMENSIONS))

    def components(self) -> dict[str, Document]:
        """Give the component registry: name to entry."""
        return dict(self._environment.catalogue(self._data).registry())

    def component_facts(self) -> list[Document]:
        """Give the components by name: what each is called, where its chart is, which versions recipes can bring."""
        from aicr_core.app.listing import components
        from aicr_core.app.recipe import RecipeRequest

        return components(self._environment, RecipeRequest(data=self._data))

    def deployers(self) -> list[str]:
        """Give the names of the installed deployers."""
        if not self._environment.manager_needed("aicr_deployers"):
            return []
        return sorted(self._environment.manager.named("aicr_deployers", "name"))

    def deployer_titles(self) -> dict[str, str]:
        """Give what each installed deployer calls itself, by name."""
        known = (
            self._environment.manager.named("aicr_deployers", "name") if self.deployers() else {}
        )
        return {name: provider.title for name, (_, provider) in sorted(known.items())}
