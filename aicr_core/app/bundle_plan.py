"""From a request to a bundle's plan: the recipe read, components selected, bundlers run, the deployer found.

Whatever needs a plan without writing a bundle (mirror lists, a server) starts here. Nothing is written.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core._version import __version__
from aicr_core.app import sources
from aicr_core.app.bundle_request import only, parse_options, value_settings
from aicr_core.engine import bundles, deployers, overrides, plan, schemas, setflags
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.bundle import BundlePlan
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.plugins.providers import Deployer

Document = dict[str, Any]


class Planned(NamedTuple):
    """A plan and what it was made from: the filtered recipe, the catalogue, the deployer and its plugin."""

    plan: BundlePlan
    recipe: Document
    catalogue: Catalogue
    plugin: str
    deployer: Deployer


def make_plan(
    environment: Environment,
    request: BundleRequest,
    destination: str = "",
    *,
    recipe: Document | None = None,
    validate: bool = True,
) -> Planned:
    """Give the whole plan of a request. Raises AicrError.

    ``destination`` is where the bundle will be published; ``recipe`` is a document that was read already, in place of
    the request's source. A plan that nobody will deploy need not ``validate`` (whether selectors are missing, whether
    it installs anything).
    """
    name = request.deployer.strip().lower() or "helm"
    plugin, deployer = _deployer(environment, name)
    options = parse_options(request)
    given: Sequence[str] = request.set_values
    if not request.literal_commas:
        given = setflags.split_overrides(given)
    of_components, of_deployer = deployers.split(given)
    given = deployers.with_app_name(name, deployer.options, of_deployer, request.app_name)
    chosen = deployers.settings(name, deployer.options, given)
    settings = value_settings(request, of_components)
    left_open = tuple(overrides.dynamic_paths(request.dynamic))
    if left_open and not deployer.dynamic:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"deployer {name} cannot leave values open until the installation",
            where=f"--dynamic {left_open[0][0]}",
            hint="set the value now (--set), or choose another deployer",
        )
    if recipe is None:
        recipe = load_recipe(environment, request.recipe, kubeconfig=request.kubeconfig)
    settings += only(request.only, recipe)
    catalogue = environment.catalogue(request.data, external_only=request.external_only)
    wanted = overrides.collect(
        settings, recipe, catalogue, dynamic=left_open, lenient=request.lenient
    )
    selection = plan.select(recipe, catalogue, wanted, options, patcher(environment, recipe))
    notes = list(selection.notes)
    if validate:
        notes += plan.validations(selection, options, _checks(environment))
    if environment.manager_needed("aicr_policy"):
        from aicr_core.app.recipe import apply_policy

        notes.extend(apply_policy(environment, selection.recipe, "bundle"))
    whole = _plan(environment, selection, catalogue, options, request, notes)
    if validate and not any(
        release.kind != "manifests" or release.manifests for release in whole.releases
    ):
        raise AicrError(
            Code.INVALID_REQUEST,
            "nothing would be installed: no component has a chart's source or manifests",
            hint="give one a source, or manifestFiles that are not empty when they are rendered",
        )
    whole = attrs.evolve(whole, settings=chosen, serial=request.serial, destination=destination)
    return Planned(whole, selection.recipe, catalogue, plugin, deployer)


def load_recipe(
    environment: Environment, uri: str | sources.Source, *, kubeconfig: str = ""
) -> Document:
    """Read a recipe, checked strictly. Raises AicrError naming file, line and column."""
    if isinstance(uri, str) and "://" not in uri and uri != "-" and os.path.isdir(uri):
        raise AicrError(Code.INVALID_REQUEST, "the recipe is a directory", where=uri)
    source = sources.read(environment, uri, kubeconfig=kubeconfig, kind="recipe")
    return decode_recipe(source.data, source.name, source.fmt)


def decode_recipe(
    data: bytes, name: str, fmt: str = "yaml", *, dropped: list[str] | None = None
) -> Document:
    """Decode the text of a recipe, checked strictly. Raises AicrError naming file, line and column.

    With ``dropped``, unknown keys are noted there and left out.
    """
    return schemas.decode_document(
        data, name, schemas.RECIPE, "RecipeResult", fmt=fmt, dropped=dropped
    )


def held_once(recipe: Document, where: str) -> Document:
    """Give a recipe whose components are told by their names. Raises AicrError for one that it holds twice."""
    seen: set[str] = set()
    for ref in recipe.get("componentRefs") or ():
        if ref["name"] in seen:
            raise AicrError(
                Code.INVALID_REQUEST, f"the recipe holds component {ref['name']} twice", where=where,
                hint="leave one of them out",
            )  # fmt: skip
        seen.add(ref["name"])
    return recipe


def _deployer(environment: Environment, name: str) -> tuple[str, Any]:
    return environment.provider_of("aicr_deployers", "name", "deployer", name, flag="--deployer")


def patcher(
    environment: Environment,
    recipe: Document,
    seen: Callable[[str, str, Document], None] = lambda _component, _plugin, _values: None,
) -> Callable[[Document, Document], Document]:
    """Give the pipeline of plugins that change the values of a component, as ``engine.plan`` calls it.

    ``seen`` is told the component, the plugin and the values after each plugin that answered.
    """
    if not environment.manager_needed("aicr_patch_values"):
        return lambda _ref, values: values
    criteria = recipe.get("criteria") or {}
    manager = environment.manager

    def patch(ref: Document, values: Document) -> Document:
        for row in manager.rows_with("aicr_patch_values"):
            answers = manager.call(
                "aicr_patch_values",
                only=row["name"],
                component=ref,
                values=values,
                criteria=criteria,
            )
            for _, answer in answers:
                if answer is not None:
                    values = dict(answer)
                    seen(ref["name"], row["name"], values)
        return values

    return patch


def _checks(environment: Environment) -> Mapping[str, Any]:
    if not environment.manager_needed("aicr_bundle_checks"):
        return {}
    known = environment.manager.named("aicr_bundle_checks", "name")
    return {name: resolve(provider.call) for name, (_, provider) in known.items()}


def _plan(
    environment: Environment,
    selection: plan.Selection,
    catalogue: Catalogue,
    options: Document,
    request: BundleRequest,
    notes: list[str],
) -> BundlePlan:
    recipe = selection.recipe
    metadata = recipe.get("metadata") or {}
    start = BundlePlan(
        releases=(),
        recipe=recipe,
        recipe_version=metadata.get("version") or "",
        tool_version=__version__,
        criteria=recipe.get("criteria") or {},
        constraints=tuple(recipe.get("constraints") or ()),
        options=options,
        data=tuple(catalogue.data_files()),
        notes=tuple(notes),
    )

    def generic(_ctx: Any, ref: Document, values: Document, _plan: BundlePlan) -> Any:
        return bundles.generic(catalogue, ref, values)

    made = bundles.run_bundlers(
        selection,
        start,
        _bundlers(environment, {planned.ref["name"] for planned in selection.components}),
        generic,
        request.jobs or os.cpu_count() or 1,
        environment.settings,
    )
    made = {name: _with_manifests(catalogue, selection, name, item) for name, item in made.items()}
    return attrs.evolve(start, releases=bundles.releases(selection, made))


def _with_manifests(catalogue: Catalogue, selection: plan.Selection, name: str, item: Any) -> Any:
    """Give a vendor's bundle the recipe's manifests as well, rendered with the values it computed."""
    ref = next(planned.ref for planned in selection.components if planned.ref["name"] == name)
    paths = [*(ref.get("preManifestFiles") or []), *(ref.get("manifestFiles") or [])]
    if item.manifests or not paths:
        return item
    rendered = bundles.render_manifests(catalogue, ref, item.values, paths)
    return attrs.evolve(item, manifests=rendered)


def _bundlers(environment: Environment, components: set[str]) -> dict[str, tuple[str, Any, Any]]:
    known: dict[str, tuple[str, Any]] = {}
    if environment.manager_needed("aicr_bundlers"):
        known = environment.manager.named("aicr_bundlers", "component")
    _refuse_lost_bundlers(environment, components - set(known))
    return {
        name: (plugin, provider, resolve(provider.call))
        for name, (plugin, provider) in known.items()
    }


def _refuse_lost_bundlers(environment: Environment, components: set[str]) -> None:
    """Raise AicrError(NOT_FOUND) when a broken plugin has the bundler of one of ``components``.

    The generic bundler in its place would write values that its vendor did not mean.
    """
    manager = environment.manager
    reasons = {
        row["name"]: row["reason"] for row in environment.index.rows if row["state"] == "broken"
    }
    reasons |= {p.plugin: p.message for p in manager.unanswered("aicr_bundlers")}
    for row in environment.index.rows:
        for item in row["provides"] if row["name"] in reasons else ():
            if item["kind"] == "bundler" and item["name"] in components:
                raise AicrError(
                    Code.NOT_FOUND,
                    f"the bundler of {item['name']} cannot be used: {reasons[row['name']]}",
                    plugin=row["name"],
                    hint=f"see `aicr plugins doctor`, or leave the plugin out: --no-plugin {row['name']}",
                )
