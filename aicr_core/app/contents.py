"""What a plan needs from outside: its charts rendered, their images found, the plugins that had a part. Prints nothing.

Mirror lists and bills of materials are made of this one inventory. It is complete, or the errors say why it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_core._version import __version__
from aicr_core.app.charts import Rendering, digest
from aicr_core.engine import bundle_cluster, images, inventory
from aicr_core.kit.errors import AicrError, AicrErrors, Code
from aicr_core.model.inventory import Inventory, InventoryPlugin
from aicr_core.plugins.index import USABLE
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.charts import Charts
    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context
    from aicr_core.model.bundle import Artifact, Release
    from aicr_core.model.charts import PackagedChart
    from aicr_core.plugins.providers import InventoryWriter

    Causes = dict[tuple[str, str], AicrError]
    """Component and text of a problem, to the error that says more about it than a file that is the same everywhere."""

CORE = InventoryPlugin(distribution="aicr-core", version=__version__, licence="Apache-2.0")
_HOOKS = ("aicr_bundlers", "aicr_patch_values", "aicr_extra_images")
"""Hooks whose answers are in every bundle."""
PARTIAL = "give --allow-partial to have it all the same, with what is missing named in it"


class Stock(NamedTuple):
    """An inventory, and an error for each thing that keeps it from being complete, in deployment order."""

    inventory: Inventory
    errors: tuple[AicrError, ...]


def take_stock(
    environment: Environment,
    planned: Planned,
    charts: Charts | None,
    writers: Sequence[str] = (),
    written: Sequence[Artifact] = (),
    kubernetes: str = "",
) -> Stock:
    """Find out what a plan needs; ``charts`` may be None for a plan without charts.

    ``writers`` are the plugins of the writers that will write it, ``written`` the files of the bundle, if there are.
    Charts are rendered for the version ``kubernetes``, else for the lowest that the recipe allows, as
    ``aicr bundle check`` renders them.
    """
    causes: Causes = {}
    version = kubernetes or bundle_cluster.lowest_of_recipe(planned.recipe)
    releases = [release for release in planned.plan.releases if release.kind == "helm"]
    looked = _look(charts, releases, version, causes)
    declared = _declared(environment, planned, causes)
    used = {planned.plugin, *writers, *([charts.plugin] if charts is not None else [])}
    found = inventory.build(
        planned.plan, looked, declared, _plugins(environment, planned, used), written
    )
    errors: dict[str, AicrError] = {}
    for component in found.components:
        for text in component.problems:
            where = f"component {component.name}"
            error = causes.get((component.name, text))
            error = error or AicrError(Code.INVALID_REQUEST, text, where=where)
            errors.setdefault(str(error), error)
    return Stock(found, tuple(errors.values()))


def refuse_gaps(stock: Stock, what: str) -> None:
    """Raise AicrErrors with everything that is missing; ``what`` is the thing that would be incomplete."""
    if stock.errors:
        failure = AicrErrors(f"{what} would not be complete", stock.errors)
        hints = [*dict.fromkeys(error.hint for error in stock.errors if error.hint), PARTIAL]
        failure.hint = "; or ".join([hints[0], PARTIAL] if len(hints) > 1 else hints)
        raise failure


def writer_of(
    environment: Environment, purpose: str, name: str, flag: str
) -> tuple[str, InventoryWriter]:
    """Give plugin and writer of a format. Raises AicrError with the formats that are installed."""
    known = writers(environment, purpose)
    if name in known:
        return known[name]
    if not known:
        hint = environment.index.way_to("inventory", "*") or "install a plugin that writes one"
        raise AicrError(
            Code.NOT_FOUND, f"no plugin is installed that writes {purpose} formats", where=flag, hint=hint
        )  # fmt: skip
    error = environment.manager.missing("format", name, sorted(known), {})
    raise AicrError(Code.INVALID_REQUEST, error.message, where=flag, hint=error.hint)


def writers(environment: Environment, purpose: str) -> dict[str, tuple[str, InventoryWriter]]:
    """Give (plugin, writer) of the formats for ``purpose`` by name. Raises AicrError for a name used twice."""
    hook = "aicr_inventory_writers"
    known = environment.manager.named(hook, "key") if environment.manager_needed(hook) else {}
    return {found[1].name: found for found in known.values() if found[1].purpose == purpose}


def written_by(plugin: str, writer: InventoryWriter, found: Inventory) -> str:
    """Give the text of an inventory in the writer's format. Raises AicrError(INTERNAL) when the writer fails."""
    try:
        text = resolve(writer.write)(found)
    except AicrError as error:
        error.plugin = error.plugin or plugin
        raise
    except Exception as error:
        raise AicrError(
            Code.INTERNAL, f"format {writer.name}: {type(error).__name__}: {error}", plugin=plugin
        ) from error
    if not isinstance(text, str):
        raise AicrError(
            Code.INTERNAL,
            f"format {writer.name} gave a {type(text).__name__}, no text",
            plugin=plugin,
        )
    return text


def _look(
    charts: Charts | None, releases: Sequence[Release], kubernetes: str, causes: Causes
) -> dict[str, inventory.Looked]:
    """Find, read and render the charts of releases; give what was found by component."""
    if charts is None or not releases:
        return {}

    known: dict[str, PackagedChart] = {}

    def look(ctx: Context, release: Release) -> inventory.Looked:
        chart = known[release.name] = charts.find(ctx, release)
        facts = charts.describe(ctx, chart)
        about = inventory.chart_of(release, digest(chart), facts.licence)
        text = charts.render(ctx, chart, release, Rendering(kubernetes))
        place = f"chart {release.chart} {release.version}"
        parts = [images.in_text(part, place) for part in (text, *facts.crds)]
        return inventory.Looked(about, _joined(parts))

    looked: dict[str, inventory.Looked] = {}
    for release, outcome in zip(releases, charts.each(releases, look), strict=True):
        if outcome.error is None:
            looked[release.name] = outcome.value
            continue
        error = outcome.error
        error.where = f"component {release.name}{f': {error.where}' if error.where else ''}"
        chart = known.get(release.name)
        what = "could not be read" if chart is None else "could not be rendered"
        if chart is None and error.code is Code.NOT_FOUND:
            what = "was not found"
        text = f"its chart {what}, so its images are guessed from its values"
        causes[release.name, text] = error
        guess = images.Found(images.in_values(dict(release.values)).images, (text,))
        about = inventory.chart_of(release, digest(chart) if chart is not None else "")
        looked[release.name] = inventory.Looked(about, guess)
    return looked


def _joined(parts: Sequence[images.Found]) -> images.Found:
    return images.Found(
        tuple(sorted({text for part in parts for text in part.images})),
        tuple(sorted({text for part in parts for text in part.problems})),
    )


def _declared(
    environment: Environment, planned: Planned, causes: Causes
) -> dict[str, images.Found]:
    """Give images that no rendering shows, by component: those of manifests, and those that plugins are asked for."""
    hook = "aicr_extra_images"
    listed = [row["images"] for row in environment.index.rows if row["state"] in USABLE]
    asked = environment.manager_needed(hook)
    if not asked and not any(listed):
        return {}
    refs = {ref["name"]: ref for ref in planned.recipe["componentRefs"]}
    found = {}
    for release in planned.plan.releases:
        texts = [text for images_of in listed for text in images_of.get(release.name, ())]
        if asked:
            answers = environment.manager.providers(
                hook, component=refs[release.name], values=release.values
            )
            texts += [str(text) for _, text in answers]
        found[release.name] = inventory.declaration(texts)
    for problem in environment.manager.unanswered(hook) if asked else ():
        text = f"the images that plugin {problem.plugin} declares are not known"
        error = AicrError(Code.INTERNAL, problem.message, plugin=problem.plugin)
        causes |= {(name, text): error for name in found}
        found = {n: images.Found(f.images, (*f.problems, text)) for n, f in found.items()}
    return found


def _plugins(environment: Environment, planned: Planned, used: set[str]) -> list[InventoryPlugin]:
    """Give the distributions that had a part: ``used``, those of the recipe's data, those whose hooks shape bundles."""
    names = {release.name for release in planned.plan.releases}
    overlays = (planned.recipe.get("metadata") or {}).get("appliedOverlays") or ()
    bodies = [planned.catalogue.overlay(name) for name in overlays]
    used = used | {body["layer"] for body in bodies if body is not None}
    for hook in _HOOKS:
        if environment.manager_needed(hook):
            used |= {row["name"] for row in environment.manager.rows_with(hook)}
    found = {CORE.distribution: CORE}
    for row in environment.index.rows:
        brings = {item["name"] for item in row["provides"] if item["kind"] == "component"}
        if row["name"] in used or brings & names:
            found[row["distribution"]] = InventoryPlugin(
                distribution=row["distribution"],
                version=row["version"],
                licence=row["license"] or "",
            )
    return list(found.values())
