"""Stage B of ``bundle check``: find, read and render the charts of a bundle, with the values that it holds.

A chart that is not at hand is said; one that refuses the values is a finding. The charts that the bundle brings along
are taken from there. All charts are read before the first is rendered: what a chart renders may depend on the kinds
that others define.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.app.charts import ChartPlace, Charts, Rendering
from aicr_core.engine.bundle_definitions import definitions, served
from aicr_core.engine.bundle_findings import RENDER, YAML
from aicr_core.engine.bundle_reading import MAIN, step_of
from aicr_core.kit.archive import pack
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.rendered import rendered_object, rendered_texts
from aicr_core.model.bundle import Release
from aicr_core.model.charts import ChartFacts, PackagedChart
from aicr_core.model.lint import BundleObject, BundleRelease, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.app.bundle_tree import Tree
    from aicr_core.app.charts import Progress
    from aicr_core.app.environment import Environment
    from aicr_core.engine.bundle_reading import Contents
    from aicr_core.kit.run import Context


class Rendered(NamedTuple):
    """What the charts of a bundle render to.

    ``missing`` says why charts could not be tried, ``refused`` are components whose chart refuses its values.
    """

    ran: bool = False
    objects: tuple[BundleObject, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, ChartFacts] = {}
    unused: Mapping[str, tuple[str, ...]] = {}
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class _Described(NamedTuple):
    chart: PackagedChart
    facts: ChartFacts
    step: int
    crds: tuple[BundleObject, ...]


class _Looked(NamedTuple):
    text: str
    error: AicrError | None
    unused: tuple[str, ...]


class Wish(NamedTuple):
    """How to render: where charts may be found, for which Kubernetes, whether to try values out, how many at once."""

    place: ChartPlace
    kubernetes: str
    dead_values: bool
    jobs: int = 0
    progress: Progress | None = None


def render_all(environment: Environment, contents: Contents, tree: Tree, wish: Wish) -> Rendered:
    """Render what can be rendered. Raises AicrError for folders of charts that are not there."""
    wanted = [r for r in contents.releases if r.kind == "helm" and r.chart]
    if not wanted and not contents.charts:
        return Rendered(ran=True)
    try:
        charts = Charts(environment, wish.place, jobs=wish.jobs, progress=wish.progress)
    except AicrError as error:
        if wish.place.folders and error.where is not None:
            raise
        hint = f" ({error.hint})" if error.hint else ""
        return Rendered(missing=(f"{error.message}{hint}",))
    local = [
        Release(name=f"{chart.folder or '.'}/", kind="local", namespace="default", values={})
        for chart in contents.charts
    ]
    asked = [*(_release(release) for release in wanted), *local]
    find = functools.partial(_describe, charts, contents, tree)
    described = dict(zip((r.name for r in asked), charts.each(asked, find), strict=True))
    known = {name: outcome.value for name, outcome in described.items() if outcome.error is None}
    crds = [item for one in known.values() for item in one.crds]
    look = functools.partial(_render, charts, known, served([*contents.objects, *crds]), wish)
    rest = [release for release in asked if release.name in known]
    looked = dict(zip((r.name for r in rest), charts.each(rest, look), strict=True))
    errors = {n: o.error for n, o in {**described, **looked}.items() if o.error is not None}
    found = {name: outcome.value for name, outcome in looked.items() if outcome.error is None}
    return _joined(contents, known, found, errors)


def _release(release: BundleRelease) -> Release:
    return Release(
        name=release.name,
        kind="helm",
        namespace=release.namespace or "default",
        chart=release.chart,
        repository=release.repository,
        version=release.version,
        values=release.values,
    )


def _describe(
    charts: Charts, contents: Contents, tree: Tree, ctx: Context, release: Release
) -> _Described:
    if release.kind == "local":
        chart = _local(release.name.rstrip("/").removeprefix("."), tree)
    elif release.name in contents.vendored:
        path = contents.vendored[release.name]
        data = tree.read(path) or b""
        digest = hashlib.sha256(data).hexdigest()
        chart = PackagedChart(
            name=release.chart, version=release.version, data=data, source=path, sha256=digest
        )
    else:
        chart = charts.find(ctx, release)
    facts = charts.describe(ctx, chart)
    component = release.name if release.kind == "helm" else ""
    step = step_of(contents.releases, component, MAIN)
    return _Described(chart, facts, step, tuple(definitions(facts.crds, component, step)))


def _render(
    charts: Charts,
    known: Mapping[str, _Described],
    versions: Sequence[tuple[int, str]],
    wish: Wish,
    ctx: Context,
    release: Release,
) -> _Looked:
    chart, _, step, _ = known[release.name]
    # What the chart may count on: kinds of releases before it, and those in its own crds/.
    how = Rendering(wish.kubernetes, tuple(dict.fromkeys(v for at, v in versions if at <= step)))
    try:
        text = charts.render(ctx, chart, release, how)
    except AicrError as error:
        if error.code is not Code.INVALID_REQUEST:
            raise
        return _Looked("", error, ())
    unused = charts.unused(ctx, chart, release, how) if wish.dead_values else ()
    return _Looked(text, None, unused)


def _local(folder: str, tree: Tree) -> PackagedChart:
    """Package a chart that lies in the bundle as a folder."""
    prefix = f"{folder}/" if folder else ""
    inside = [path for path in sorted(tree.seen) if path.startswith(prefix)]
    files = {f"chart/{path[len(prefix) :]}": tree.read(path) or b"" for path in inside}
    data = pack(files)
    return PackagedChart(
        name=folder or "bundle", version="", data=data, source=folder or ".",
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def _joined(
    contents: Contents,
    known: Mapping[str, _Described],
    looked: Mapping[str, _Looked],
    errors: Mapping[str, AicrError],
) -> Rendered:
    objects: list[BundleObject] = [item for one in known.values() for item in one.crds]
    findings: list[Finding] = []
    missing = [_reason(name, error) for name, error in errors.items()]
    hints = [error.hint for error in errors.values() if error.hint]
    refused: list[str] = []
    values = {release.name: release.values_path for release in contents.releases}
    for name, one in looked.items():
        component = name if name in values else ""
        if one.error is None:
            for item in _objects(one.text, component, known[name].step):
                (objects if isinstance(item, BundleObject) else findings).append(item)  # type: ignore[arg-type]
        elif component:
            refused.append(name)
            findings.append(
                Finding(
                    rule=RENDER, severity="error", component=name, path=values[name],
                    message=one.error.message,
                    hint=one.error.hint or "the deployer's tool stops at this component",
                )
            )  # fmt: skip
        else:
            # A chart of the bundle's own may ask for values that are given when it is installed.
            missing.append(_reason(name, one.error))
    return Rendered(
        ran=bool(looked),
        objects=tuple(objects),
        findings=tuple(findings),
        facts={name: one.facts for name, one in known.items()},
        unused={name: one.unused for name, one in looked.items()},
        missing=(*missing, *dict.fromkeys(hints)),
        refused=tuple(refused),
    )


def _objects(text: str, component: str, step: int) -> Iterator[BundleObject | Finding]:
    for source, part in rendered_texts(text):
        try:
            document = rendered_object(part, source)
        except AicrError as error:
            yield Finding(
                rule=YAML, severity="error", component=component, path=source,
                message=f"the chart renders to what is {error.message}",
                hint="the deployer's tool cannot read it either",
            )  # fmt: skip
            continue
        if isinstance(document, dict) and document.get("kind"):
            yield BundleObject(
                document=document, path=source, component=component, step=step, rendered=True
            )


def _reason(name: str, error: AicrError) -> str:
    where = f"{error.where}: " if error.where else ""
    return f"{name.rstrip('/')}: {where}{error.message}"
