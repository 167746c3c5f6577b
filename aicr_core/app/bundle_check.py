"""Use case ``bundle check``: find what is wrong in a bundle before anybody deploys it. Prints nothing.

Stage A looks at the bundle as it lies there; stage B renders its charts with its values. What is wrong is a finding;
an error is raised only for what is wrong with the request. What a rule is about only the plugins' lints know.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.app.bundle_rendering import Rendered, Wish, render_all
from aicr_core.app.charts import ChartPlace
from aicr_core.engine import bundle_cluster, bundle_reading
from aicr_core.engine.bundle_findings import (
    CORE_RULES,
    INTACT,
    LINT,
    NOT_RUN,
    PARTLY,
    RAN,
    STAGE,
    CheckReport,
    Stage,
    ordered,
)
from aicr_core.engine.bundle_names import CHECKSUMS, HISTORY, INVENTORY
from aicr_core.engine.verify import integrity
from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.run import Runner, Task
from aicr_core.model.lint import SEVERITIES, BundleView, Finding
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aicr_core.app.bundle_tree import Tree
    from aicr_core.app.charts import Progress
    from aicr_core.app.environment import Environment
    from aicr_core.engine.bundle_reading import Contents
    from aicr_core.plugins.providers import BundleLint

Document = dict[str, Any]
STAGES = {"A": "the bundle as it lies there", "B": "charts rendered"}


class CheckRequest(NamedTuple):
    """What a user asks for; texts as given. ``stage`` is the last one to run, empty for all."""

    bundle: str
    charts: tuple[str, ...] = ()
    offline: bool = False
    snapshot: str = ""
    kubernetes: str = ""
    stage: str = ""
    require: tuple[str, ...] = ()
    severity: str = "error"
    ignore: tuple[str, ...] = ()
    dead_values: bool = False
    jobs: int = 0
    kubeconfig: str = ""
    plain_http: bool = False
    insecure_tls: bool = False


class _Cluster(NamedTuple):
    version: str = ""
    source: str = ""
    nodes: tuple[Document, ...] | None = None


def check_bundle(
    environment: Environment, request: CheckRequest, progress: Progress | None = None
) -> tuple[CheckReport, list[str]]:
    """Check a bundle; give the report and what to warn of. Raises AicrError: see the module."""
    lints = _lints(environment)
    rules = {**CORE_RULES, **{rule: text for _, lint in lints for rule, text in lint.rules.items()}}
    _known(request.ignore, rules)
    asked = bundle_cluster.asked_version(request.kubernetes, "--kubernetes-version")
    tree = _tree(environment, request)
    paths = [path for path in tree.seen if path.partition("/")[0] not in HISTORY]
    contents = bundle_reading.read(paths, tree.read, request.bundle)
    cluster, warnings = _cluster(environment, request, asked, contents)
    findings = [*_integrity(tree), *contents.findings]
    last, stages = _stage_a(contents, paths, cluster)
    if request.stage != "A":
        place = ChartPlace(request.charts, request.offline)
        wish = Wish(place, cluster.version, request.dead_values, request.jobs, progress)
        rendered = render_all(environment, contents, tree, wish)
        findings += rendered.findings
        stages.append(_stage_b(rendered, contents))
        if rendered.ran:
            last = _with_charts(last, rendered, contents)
    else:
        stages.append(Stage("B", STAGES["B"], NOT_RUN, ("--stage A leaves it out",)))
    findings += _found(environment, lints, last)
    findings += _required(request, stages)
    names = [release.name for release in contents.releases]
    kept = [finding for finding in findings if finding.rule not in request.ignore]
    return CheckReport(
        bundle=request.bundle,
        deployer=contents.deployer,
        findings=ordered(kept, names),
        stages=tuple(stages),
        rules=rules,
        kubernetes=cluster.version,
        kubernetes_from=cluster.source,
        nodes=None if cluster.nodes is None else len(cluster.nodes),
        components=tuple(names),
        objects=len(last.objects),
        ignored=len(dict.fromkeys(findings)) - len(dict.fromkeys(kept)),
        threshold=request.severity,
        files=frozenset(paths),
    ), warnings


# --- what is given --------------------------------------------------------------------------------


def _known(ignored: Iterable[str], rules: Iterable[str]) -> None:
    for rule in ignored:
        if rule not in rules:
            close = nearest(rule, rules)
            raise AicrError(
                Code.INVALID_REQUEST, f'there is no rule "{rule}"', where="--ignore",
                hint=f'did you mean "{close}"?' if close else "the manual's page on bundle check lists them",
            )  # fmt: skip


def _tree(environment: Environment, request: CheckRequest) -> Tree:
    from aicr_core.app.bundle_tree import Folder, Memory

    if "://" in request.bundle:
        from aicr_core.app.bundle_place import pull

        options = {"plain_http": request.plain_http, "insecure_tls": request.insecure_tls}
        return Memory(pull(environment, request.bundle, options))
    if not os.path.isdir(request.bundle):
        there = os.path.exists(request.bundle)
        raise AicrError(
            Code.INVALID_REQUEST if there else Code.NOT_FOUND,
            "this is no directory" if there else "there is no such directory",
            where=request.bundle, hint="name the directory of a bundle",
        )  # fmt: skip
    return Folder(request.bundle)


def _integrity(tree: Tree) -> list[Finding]:
    """Hold the files to their lists, but for modes, which Git does not keep."""
    lists = [tree.read(path) if path in tree.seen else None for path in (CHECKSUMS, INVENTORY)]
    found = integrity(tree.seen, lists[0], lists[1], modes=False)
    hint = "`aicr verify` says more; make the bundle anew, or --ignore AB001 while you edit it"
    return [
        Finding(rule=INTACT, severity="error", message=text, hint=hint) for text in found.errors
    ]


def _cluster(
    environment: Environment, request: CheckRequest, asked: str, contents: Contents
) -> tuple[_Cluster, list[str]]:
    version, source, nodes = asked, "as asked", None
    warnings: list[str] = []
    if request.snapshot:
        from aicr_core.app.validation_inputs import read_snapshot

        snapshot, _, warnings = read_snapshot(
            environment, request.snapshot, kubeconfig=request.kubeconfig
        )
        nodes = bundle_cluster.nodes_of_snapshot(snapshot)
        if nodes is None:
            warnings.append("the snapshot does not know all nodes: rules about nodes do not run")
        if not version:
            version, source = bundle_cluster.version_of_snapshot(snapshot), "of the snapshot"
    if not version:
        version = bundle_cluster.lowest_of_recipe(contents.recipe)
        source = "the lowest that the recipe allows"
    return _Cluster(version, source if version else "", nodes), warnings


# --- stages ---------------------------------------------------------------------------------------


def _stage_a(
    contents: Contents,
    paths: Sequence[str],
    cluster: _Cluster,
) -> tuple[BundleView, list[Stage]]:
    view = BundleView(
        deployer=contents.deployer,
        stage="A",
        releases=contents.releases,
        objects=contents.objects,
        files=tuple(paths),
        recipe=contents.recipe,
        kubernetes=cluster.version,
        nodes=cluster.nodes,
        texts=contents.texts,
        complete=not contents.charts and all(r.kind == "manifests" for r in contents.releases),
    )
    return view, [Stage("A", STAGES["A"], RAN)]


def _stage_b(rendered: Rendered, contents: Contents) -> Stage:
    wanted = sum(r.kind == "helm" for r in contents.releases) + len(contents.charts)
    if not rendered.missing:
        reasons = () if wanted else ("the bundle has no charts",)
        return Stage("B", STAGES["B"], RAN, reasons)
    status = PARTLY if rendered.ran else NOT_RUN
    return Stage("B", STAGES["B"], status, rendered.missing)


def _with_charts(view: BundleView, rendered: Rendered, contents: Contents) -> BundleView:
    facts, unused = rendered.facts, rendered.unused
    releases = tuple(
        attrs.evolve(r, facts=facts.get(r.name), unused=unused.get(r.name, ()))
        for r in contents.releases
    )
    return attrs.evolve(
        view,
        stage="B",
        releases=releases,
        objects=(*view.objects, *rendered.objects),
        complete=not rendered.missing and not rendered.refused,
    )


def _required(request: CheckRequest, stages: Iterable[Stage]) -> list[Finding]:
    words = {PARTLY: "ran only in part", NOT_RUN: "did not run"}
    return [
        Finding(
            rule=STAGE, severity="error",
            message=f"stage {stage.name} is required and {words.get(stage.status)}",
            hint=stage.reasons[0] if stage.reasons else "",
        )
        for stage in stages
        if stage.name in request.require and stage.status != RAN
    ]  # fmt: skip


# --- lints ----------------------------------------------------------------------------------------


def _lints(environment: Environment) -> list[tuple[str, BundleLint]]:
    """Give (plugin, lint) of all plugins.

    Raises AicrError: NOT_FOUND without any, for a check without rules would find nothing wrong with anything;
    INVALID_REQUEST for a rule that two plugins call their own.
    """
    hook = "aicr_bundle_lints"
    if not environment.manager_needed(hook):
        hint = environment.index.way_to("lint", "*") or "install a plugin that brings rules"
        raise AicrError(
            Code.NOT_FOUND, "no plugin is installed that has rules for bundles", hint=hint
        )
    owners = dict.fromkeys(CORE_RULES, "the core")
    lints = []
    for plugin, lint in environment.manager.providers(hook):
        for rule in lint.rules:
            if owners.setdefault(rule, plugin) != plugin:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'the rule "{rule}" is registered by {owners[rule]} and by {plugin}', plugin=plugin,
                    hint=f"leave one of them out: --no-plugin {plugin}",
                )  # fmt: skip
        lints.append((plugin, lint))
    return lints


def _found(
    environment: Environment, lints: Sequence[tuple[str, BundleLint]], view: BundleView
) -> list[Finding]:
    """Call every lint once, with all that is known; one that fails, or that answers nonsense, is a finding itself."""
    tasks = [
        Task(lint.name, plugin, _calling(lint, view), limits.COMPONENT)
        for plugin, lint in lints
        if view.stage in lint.stages
    ]
    found: list[Finding] = []
    for outcome in Runner(1, settings=environment.settings).run(tasks):
        if outcome.error is not None:
            text = f"the lint {outcome.name} of plugin {outcome.plugin} failed: {outcome.error.message}"
            found.append(Finding(rule=LINT, severity="error", message=text))
        else:
            found += outcome.value
    hook = "aicr_bundle_lints"
    problems = environment.manager.unanswered(hook) if environment.manager_needed(hook) else []
    found += [
        Finding(rule=LINT, severity="error", message=f"plugin {p.plugin} is broken: {p.message}")
        for p in problems
    ]
    return found


def _calling(lint: BundleLint, view: BundleView) -> Any:
    def call(context: Any) -> list[Finding]:
        answer = list(resolve(lint.call)(context, view))
        for item in answer:
            if not isinstance(item, Finding) or item.severity not in SEVERITIES:
                raise AicrError(Code.INTERNAL, f"{item!r} is no finding")
            if item.rule not in lint.rules:
                raise AicrError(Code.INTERNAL, f"it has no rule {item.rule}")
        return answer

    return call
