"""Stage B of ``bundle check``: find, read and render the charts of a bundle, with the values that it holds.

A chart that is not at hand is said; one that refuses the values is a finding. The charts that the bundle brings along
are taken from there.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.charts import ChartPlace, Charts
from aicr_core.engine.bundle_findings import RENDER, YAML
from aicr_core.engine.bundle_reading import MAIN, step_of
from aicr_core.kit.archive import pack
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.rendered import rendered_object, rendered_texts
from aicr_core.kit.yamlio import load_all
from aicr_core.model.bundle import Release
from aicr_core.model.charts import ChartFacts, PackagedChart
from aicr_core.model.lint import BundleObject, BundleRelease, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.app.bundle_check import CheckRequest
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


class _Looked(NamedTuple):
    facts: ChartFacts
    text: str
    error: AicrError | None
    unused: tuple[str, ...]


def render_all(
    environment: Environment,
    request: CheckRequest,
    contents: Contents,
    kubernetes: str,
    files: Mapping[str, bytes],
) -> Rendered:
    """Render what can be rendered. Raises AicrError for folders of charts that are not there."""
    wanted = [r for r in contents.releases if r.kind == "helm" and r.chart]
    if not wanted and not contents.charts:
        return Rendered(ran=True)
    try:
        charts = Charts(environment, ChartPlace(request.charts, request.offline))
    except AicrError as error:
        if request.charts and error.where is not None:
            raise
        hint = f" ({error.hint})" if error.hint else ""
        return Rendered(missing=(f"{error.message}{hint}",))
    look = functools.partial(_look, charts, contents, kubernetes, request.dead_values, files)
    local = [
        Release(name=f"{chart.folder or '.'}/", kind="local", namespace="default", values={})
        for chart in contents.charts
    ]
    asked = [*(_release(release) for release in wanted), *local]
    outcomes = dict(zip((r.name for r in asked), charts.each(asked, look), strict=True))
    return _joined(contents, wanted, outcomes)


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


def _look(
    charts: Charts,
    contents: Contents,
    kubernetes: str,
    dead_values: bool,
    files: Mapping[str, bytes],
    ctx: Context,
    release: Release,
) -> _Looked:
    if release.kind == "local":
        chart = _local(release.name.rstrip("/").removeprefix("."), files)
    elif release.name in contents.vendored:
        path = contents.vendored[release.name]
        data = files[path]
        digest = hashlib.sha256(data).hexdigest()
        chart = PackagedChart(
            name=release.chart, version=release.version, data=data, source=path, sha256=digest
        )
    else:
        chart = charts.find(ctx, release)
    facts = charts.describe(ctx, chart)
    try:
        text = charts.render(ctx, chart, release, kubernetes=kubernetes)
    except AicrError as error:
        if error.code is not Code.INVALID_REQUEST:
            raise
        return _Looked(facts, "", error, ())
    unused = charts.unused(ctx, chart, release, kubernetes=kubernetes) if dead_values else ()
    return _Looked(facts, text, None, unused)


def _local(folder: str, files: Mapping[str, bytes]) -> PackagedChart:
    """Package a chart that lies in the bundle as a folder."""
    prefix = f"{folder}/" if folder else ""
    inside = {path[len(prefix) :]: files[path] for path in files if path.startswith(prefix)}
    data = pack({f"chart/{path}": inside[path] for path in inside})
    return PackagedChart(
        name=folder or "bundle", version="", data=data, source=folder or ".",
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def _joined(
    contents: Contents, wanted: Sequence[BundleRelease], outcomes: Mapping[str, Any]
) -> Rendered:
    objects: list[BundleObject] = []
    findings: list[Finding] = []
    facts: dict[str, ChartFacts] = {}
    unused: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    hints: dict[str, None] = {}
    refused: list[str] = []
    values = {release.name: release.values_path for release in wanted}
    for name, outcome in outcomes.items():
        if outcome.error is not None:
            missing.append(_reason(name.rstrip("/"), outcome.error))
            hints[outcome.error.hint or ""] = None
            continue
        looked: _Looked = outcome.value
        component = name if name in values else ""
        facts[name], unused[name] = looked.facts, looked.unused
        if looked.error is not None and not component:
            # A chart of the bundle's own may ask for values that are given when it is installed.
            missing.append(_reason(name.rstrip("/"), looked.error))
            continue
        if looked.error is not None:
            refused.append(name)
            findings.append(
                Finding(
                    rule=RENDER, severity="error", component=component,
                    message=looked.error.message, path=values.get(name, ""),
                    hint=looked.error.hint or "the deployer's tool stops at this component",
                )
            )  # fmt: skip
            continue
        step = step_of(contents.releases, component, MAIN)
        for item in _objects(looked, component, step):
            (objects if isinstance(item, BundleObject) else findings).append(item)  # type: ignore[arg-type]
    ran = bool(facts)
    return Rendered(
        ran,
        tuple(objects),
        tuple(findings),
        facts,
        unused,
        (*missing, *filter(None, hints)),
        tuple(refused),
    )


def _objects(looked: _Looked, component: str, step: int) -> Iterator[BundleObject | Finding]:
    for number, text in enumerate(looked.facts.crds, 1):
        try:
            documents = load_all(text, f"crds/{number}")
        except AicrError as error:
            yield _no_yaml(component, error)
            continue
        for document in documents:
            if isinstance(document, dict) and document.get("kind"):
                yield BundleObject(
                    document=document, path="crds", component=component, step=step,
                    rendered=True, crd=True,
                )  # fmt: skip
    for source, text in rendered_texts(looked.text):
        try:
            document = rendered_object(text, source)
        except AicrError as error:
            yield _no_yaml(component, error)
            continue
        if isinstance(document, dict) and document.get("kind"):
            yield BundleObject(
                document=document, path=source, component=component, step=step, rendered=True
            )


def _no_yaml(component: str, error: AicrError) -> Finding:
    return Finding(
        rule=YAML, severity="error", component=component, message=f"the chart renders to what is {error.message}",
        path=(error.where or "").partition(":")[0],
    )  # fmt: skip


def _reason(name: str, error: AicrError) -> str:
    where = f"{error.where}: " if error.where else ""
    return f"{name}: {where}{error.message}"
