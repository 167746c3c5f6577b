"""Use case ``bundle``: a recipe and options in, a written bundle and its report out. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core._version import __version__
from aicr_core.app import sources
from aicr_core.engine import bundles, deployers, plan, schemas, setflags
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.paths import tree_files, write_tree
from aicr_core.model.bundle import BundlePlan, BundleReport
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_HISTORY = (".git", ".hg", ".svn", ".jj")


class BundleRequest(NamedTuple):
    """What a user asks for; texts as given, parsed here."""

    recipe: str
    output: str = "."
    deployer: str = "helm"
    repo: str = ""
    serial: bool = False
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    system_node_selector: tuple[str, ...] = ()
    system_node_tolerations: tuple[str, ...] = ()
    accelerated_node_selector: tuple[str, ...] = ()
    accelerated_node_tolerations: tuple[str, ...] = ()
    workload_gate: str = ""
    workload_selector: tuple[str, ...] = ()
    nodes: int = 0
    data: tuple[str, ...] = ()
    external_only: bool = False
    strict_values: bool = False
    lenient: bool = False
    force: bool = False
    jobs: int = 0
    kubeconfig: str = ""


def parse_options(request: BundleRequest) -> Document:
    """Parse selectors, tolerations, gate and node count. Raises AicrError naming the flag."""
    if request.nodes < 0:
        raise AicrError(Code.INVALID_REQUEST, "a number of nodes is not negative", where="--nodes")
    split = setflags.split_commas
    return {
        "system_node_selector": setflags.selectors(
            split(request.system_node_selector), "--system-node-selector"
        ),
        "accelerated_node_selector": setflags.selectors(
            split(request.accelerated_node_selector), "--accelerated-node-selector"
        ),
        "system_node_tolerations": setflags.tolerations(
            split(request.system_node_tolerations), "--system-node-toleration"
        ),
        "accelerated_node_tolerations": setflags.tolerations(
            split(request.accelerated_node_tolerations), "--accelerated-node-toleration"
        ),
        "workload_gate": setflags.gate(request.workload_gate) if request.workload_gate else "",
        "workload_selector": setflags.selectors(
            split(request.workload_selector), "--workload-selector"
        ),
        "nodes": request.nodes,
        "repo": request.repo,
        "strict_values": request.strict_values,
    }


def write_bundle(environment: Environment, request: BundleRequest) -> BundleReport:
    """Make the bundle and put it in place, whole or not at all. Raises AicrError."""
    target = request.output or "."
    if target.startswith("oci://"):
        raise AicrError(
            Code.INVALID_REQUEST,
            "this version writes directories only",
            where="--output",
            hint="give a directory; push it with a registry client",
        )
    deployer_name = request.deployer.strip().lower() or "helm"
    plugin, deployer = _deployer(environment, deployer_name)
    options = parse_options(request)
    of_components, of_deployer = deployers.split(setflags.split_overrides(request.set_values))
    chosen = deployers.settings(deployer_name, deployer.options, of_deployer)
    settings = _settings(request, of_components)
    recipe = load_recipe(environment, request.recipe, kubeconfig=request.kubeconfig)
    catalogue = environment.catalogue(request.data, external_only=request.external_only)
    overrides = plan.collect_overrides(settings, recipe, catalogue, lenient=request.lenient)
    selection = plan.select(recipe, catalogue, overrides, options, _patcher(environment, recipe))
    notes = [*selection.notes, *plan.validations(selection, options, _checks(environment))]
    if environment.manager_needed("aicr_policy"):
        from aicr_core.app.recipe import apply_policy

        notes.extend(apply_policy(environment, selection.recipe, "bundle"))
    whole = _plan(environment, selection, catalogue, options, request, notes)
    whole = attrs.evolve(whole, settings=chosen, serial=request.serial)
    call = resolve(deployer.call)
    files = bundles.deploy_files(whole, plugin, call, environment.settings, deployer.timeout)
    files = bundles.complete(files, selection.recipe, catalogue, "core")
    _put(target, files, force=request.force)
    directory = os.path.abspath(target)
    extra = tuple(resolve(deployer.notes)(whole)) if deployer.notes is not None else ()
    report = BundleReport(
        directory=directory,
        title=deployer.title,
        files=len(files),
        size=sum(len(file.data) for file in files),
        notes=(*extra, *notes),
        steps=tuple(resolve(deployer.steps)(whole, directory)),
    )
    if environment.manager_needed("aicr_bundle_written"):
        environment.manager.event("aicr_bundle_written", report=report)
    return report


def _settings(request: BundleRequest, set_values: Sequence[str]) -> list[plan.Setting]:
    """Parse what sets values and switches components, in the order of application. Raises AicrError."""
    texts = [("--set", text, False) for text in set_values]
    texts += [("--set-string", text, True) for text in request.set_strings]
    found = [
        plan.Setting(flag, text, setflags.override(text, flag), literal)
        for flag, text, literal in texts
    ]
    for flag, names, value in (
        ("--enable", request.enable, "true"),
        ("--disable", request.disable, "false"),
    ):
        found += [plan.Setting(flag, name, (name, "enabled", value)) for name in names]
    return found


def load_recipe(environment: Environment, uri: str, *, kubeconfig: str = "") -> Document:
    """Read a recipe, checked strictly. Raises AicrError naming file, line and column."""
    if "://" not in uri and uri != "-" and os.path.isdir(uri):
        raise AicrError(Code.INVALID_REQUEST, "the recipe is a directory", where=uri)
    source = sources.read(environment, uri, kubeconfig=kubeconfig, kind="recipe")
    return schemas.decode_document(
        source.data, source.name, schemas.RECIPE, "RecipeResult", fmt=source.fmt
    )


def _deployer(environment: Environment, name: str) -> tuple[str, Any]:
    manager = environment.manager
    known = manager.named("aicr_deployers", "name")
    if name not in known:
        error = manager.missing("deployer", name, sorted(known), _hints(environment))
        # A bad value of a flag, unless its plugin is simply not installed.
        code = Code.NOT_FOUND if name in _hints(environment) else Code.INVALID_REQUEST
        raise AicrError(code, error.message, where="--deployer", hint=error.hint)
    return known[name]


def _hints(environment: Environment) -> dict[str, str]:
    try:
        return dict(environment.catalogue().hints("deployer"))
    except AicrError:
        return {}


def _patcher(environment: Environment, recipe: Document) -> Any:
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
                values = values if answer is None else dict(answer)
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


def _put(target: str, files: list[bundles.File], *, force: bool) -> None:
    """Replace an older bundle of ours; refuse any other folder that holds something (F11, B-18)."""
    if os.path.islink(target) and not os.path.isdir(target):
        raise AicrError(Code.INVALID_REQUEST, "the output is a dangling link", where=target)
    if os.path.exists(target) and not os.path.isdir(target):
        raise AicrError(
            Code.INVALID_REQUEST, "the output is a file", where=target, hint="give a directory"
        )
    keep: list[str] = []
    if os.path.isdir(target):
        everything = tree_files(target)
        # The folder may be a checkout: its history is no part of the bundle, and not ours to remove.
        keep = [path for path in everything if path.partition("/")[0] in _HISTORY]
        present = [path for path in everything if path not in set(keep)]
        ours = bundles.INVENTORY in present and _is_ours(target)
        if present and not ours and not force:
            raise AicrError(
                Code.INVALID_REQUEST,
                "the directory holds files that are no bundle of aicr",
                where=target,
                hint="give another directory, or --force to add the bundle to it",
            )
        if present and not ours:
            new = {file.path for file in files}
            keep += [path for path in present if path not in new]
    write_tree(target, [(file.path, file.data, file.mode) for file in files], keep)


def _is_ours(target: str) -> bool:
    import json

    try:
        with open(os.path.join(target, bundles.INVENTORY), encoding="utf-8") as stream:
            return bool(json.load(stream).get("kind") == "BundleInventory")
    except (OSError, ValueError, AttributeError):
        return False
