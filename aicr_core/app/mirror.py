"""Use case ``mirror list``: a recipe in, the text of a list of everything to mirror out. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_core.app.bundle_plan import decode_recipe, make_plan
from aicr_core.app.bundle_request import BundleRequest
from aicr_core.app.charts import ChartPlace, Charts
from aicr_core.app.contents import refuse_gaps, take_stock, writer_of, written_by
from aicr_core.engine import bundle_cluster
from aicr_core.kit.emit import to_yaml

if TYPE_CHECKING:
    from aicr_core.app.charts import Progress
    from aicr_core.app.environment import Environment
    from aicr_core.app.recipe import RecipeRequest
    from aicr_core.kit.errors import AicrError

PURPOSE = "mirror"


class MirrorRequest(NamedTuple):
    """What a user asks for: ``recipe`` is a source, or empty where ``criteria`` say which recipe to resolve."""

    recipe: str = ""
    criteria: RecipeRequest | None = None
    format: str = "yaml"
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    set_files: tuple[str, ...] = ()
    set_jsons: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    external_only: bool = False
    lenient: bool = False
    kubeconfig: str = ""
    charts: tuple[str, ...] = ()
    offline: bool = False
    kubernetes: str = ""
    allow_partial: bool = False
    jobs: int = 0


class MirrorList(NamedTuple):
    """The list as text, the usual end of a file's name, and what it does not hold (with ``allow_partial`` only)."""

    text: str
    suffix: str
    errors: tuple[AicrError, ...]
    notes: tuple[str, ...]


def mirror_list(
    environment: Environment, request: MirrorRequest, progress: Progress | None = None
) -> MirrorList:
    """List the charts and images that a recipe's bundle needs.

    Raises AicrErrors, naming everything that could not be found out, unless ``allow_partial``; AicrError otherwise.
    """
    plugin, writer = writer_of(environment, PURPOSE, request.format, "--format")
    kubernetes = bundle_cluster.asked_version(request.kubernetes, "--kubernetes-version")
    recipe = None
    notes: tuple[str, ...] = ()
    if request.criteria is not None:
        from aicr_core.app.recipe import build_recipe

        resolution = build_recipe(environment, request.criteria)
        # By way of its text, as `aicr recipe | aicr mirror list -r -` takes it.
        recipe = decode_recipe(to_yaml(resolution.document).encode("utf-8"), "the recipe")
        notes = tuple(resolution.warnings)
    planned = make_plan(environment, _bundle(environment, request), recipe=recipe, validate=False)
    charts = None
    if any(release.kind == "helm" for release in planned.plan.releases):
        place = ChartPlace(request.charts, request.offline)
        charts = Charts(environment, place, jobs=request.jobs, progress=progress)
    stock = take_stock(environment, planned, charts, [plugin], kubernetes=kubernetes)
    if not request.allow_partial:
        refuse_gaps(stock, "the list")
    text = written_by(plugin, writer, stock.inventory)
    return MirrorList(text, writer.suffix, stock.errors, (*notes, *planned.plan.notes))


def _bundle(environment: Environment, request: MirrorRequest) -> BundleRequest:
    """Give the bundle whose needs are listed; they are the same for every deployer, so any one will do."""
    known: list[str] = []
    if environment.manager_needed("aicr_deployers"):
        known = sorted(environment.manager.named("aicr_deployers", "name"))
    standard = BundleRequest(recipe="").deployer
    deployer = standard if standard in known or not known else known[0]
    return BundleRequest(
        recipe=request.recipe,
        deployer=deployer,
        set_values=request.set_values,
        set_strings=request.set_strings,
        set_files=request.set_files,
        set_jsons=request.set_jsons,
        enable=request.enable,
        disable=request.disable,
        data=request.data,
        external_only=request.external_only,
        lenient=request.lenient,
        kubeconfig=request.kubeconfig,
        jobs=request.jobs,
    )
