"""Find a chart: in the user's folders, in the cache, then in its repository. Offline never makes a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aicr_charts.archive import packaged
from aicr_charts.cache import Cache
from aicr_charts.folders import find_in_folders, same_version
from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.api import ChartWanted, Context, PackagedChart


def find(ctx: Context, wanted: ChartWanted) -> PackagedChart:
    """Give the package of a chart (``ctx.options``: ``charts``, ``offline``).

    Raises AicrError: NOT_FOUND says where it was looked for; see :func:`aicr_charts.repository.fetch_chart` for what a
    repository can do.
    """
    # Recipes of older data name a chart with its repository's alias: `jetstack/cert-manager`.
    wanted = attrs.evolve(wanted, name=wanted.name.rpartition("/")[2])
    folders = tuple(ctx.options.get("charts") or ())
    found = find_in_folders(folders, wanted)
    if found is not None:
        return found
    cache = Cache.of(ctx.settings)
    kept = cache.get(wanted)
    if kept is not None:
        return packaged(kept, wanted.repository)
    looked = ", ".join([*folders, *([cache.root] if cache.root else [])])
    if ctx.options.get("offline"):
        raise AicrError(
            Code.NOT_FOUND, f"the chart {wanted.name} {wanted.version} is not in {looked or 'any folder'}",
            hint="put NAME-VERSION.tgz into a folder, --charts DIR; or leave --offline out",
        )  # fmt: skip
    data = _fetched(ctx, wanted)
    chart = packaged(data, wanted.repository)
    if chart.name != wanted.name or not same_version(chart.version, wanted.version):
        raise AicrError(
            Code.UNAUTHORIZED, f"the repository gives {chart.name} {chart.version} for {wanted.name} {wanted.version}",
            where=wanted.repository,
        )  # fmt: skip
    cache.put(wanted, data)
    return chart


def _fetched(ctx: Context, wanted: ChartWanted) -> bytes:
    scheme = wanted.repository.partition("://")[0]
    if scheme in ("http", "https"):
        from aicr_charts.repository import fetch_chart

        return fetch_chart(ctx, wanted)
    if scheme == "oci":
        from aicr_charts.registry import pull_chart

        return pull_chart(ctx, wanted)
    raise AicrError(
        Code.INVALID_REQUEST, "this is no chart repository", where=wanted.repository or wanted.name,
        hint="`source` of a component is an https:// or oci:// address",
    )  # fmt: skip
