"""The collector ``k8s``: measurement type K8s (spec/snapshot.md 6).

Subtypes ``server``, ``image``, ``policy``, ``node`` as in the reference, always all four; then ``images``,
``helm`` and what else was found. The sources are asked at once; each stands for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Measurement, Subtype
from aicr_kube.collect import images, installed, node, policy
from aicr_kube.collect.parts import cluster_of, lost, read
from aicr_kube.parallel import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import Context
    from aicr_kube.client import Cluster

_SERVER = {"version": "gitVersion", "platform": "platform", "goVersion": "goVersion"}
_FIRST = ("server", "image", "policy", "node", "images", "helm")
_PODS = "/api/v1/pods"


def collect(ctx: Context) -> Measurement:
    """Give the measurement; without a cluster to ask, its parts are there, empty, and skipped."""
    try:
        with cluster_of(ctx) as cluster:
            return _measure(ctx, cluster)
    except AicrError as error:
        return Measurement(
            type="K8s", subtypes=tuple(lost(name, error, "kubeconfig", {}) for name in _FIRST[:4])
        )


def _measure(ctx: Context, cluster: Cluster) -> Measurement:
    name = str(ctx.options.get("node") or "")
    parts: list[Callable[[], tuple[Subtype, ...]]] = [
        lambda: (read("server", "GET /version", lambda: _server(cluster)),),
        lambda: _images(ctx, cluster),
        lambda: _discovered(ctx, cluster),
        lambda: (read("node", f"GET /api/v1/nodes/{name}", lambda: node.subtype(cluster, name)),),
    ]
    found: list[Subtype] = []
    for answer in each(lambda part: part(), parts):
        if isinstance(answer, Exception):
            raise answer  # no part raises what it read badly: this is a defect
        found.extend(answer)
    order = {first: number for number, first in enumerate(_FIRST)}
    found.sort(key=lambda s: (order.get(s.name, len(order)), s.name))
    return Measurement(type="K8s", subtypes=tuple(found))


def _server(cluster: Cluster) -> Subtype:
    version = cluster.version()
    return Subtype(
        name="server",
        data={key: str(version[field]) for key, field in _SERVER.items() if version.get(field)},
    )


def _images(ctx: Context, cluster: Cluster) -> tuple[Subtype, ...]:
    both: list[Subtype] = []

    def image() -> Subtype:
        both.extend(images.subtypes(cluster.list(_PODS), ctx.log))
        return both[0]

    first = read("image", f"GET {_PODS}", image)
    if not both:
        return (
            first,
            Subtype(
                name="images",
                data=None,
                status=first.status,
                reason=first.reason,
                source=first.source,
            ),
        )
    return (first, read("images", f"GET {_PODS}", lambda: both[1]))


def _discovered(ctx: Context, cluster: Cluster) -> tuple[Subtype, ...]:
    """Give what needs to know first what is served: policies and installed software."""
    try:
        discovery = cluster.discover()
    except AicrError as error:
        source = "GET /apis"
        return (lost("policy", error, source, {}), lost("helm", error, source, None))
    except (KeyError, TypeError, AttributeError) as error:
        wrong = AicrError(Code.INTERNAL, f"discovery answered something else: {error!r}")
        return (lost("policy", wrong, "GET /apis", {}), lost("helm", wrong, "GET /apis", None))
    compat = bool(ctx.options.get("compat"))
    calls: list[Callable[[], tuple[Subtype, ...]]] = [
        lambda: _policies(cluster, discovery, compat=compat),
        lambda: (
            read("helm", "metadata of workloads", lambda: installed.helm(cluster, discovery)),
        ),
        lambda: installed.deployers(cluster, discovery),
    ]
    found: list[Subtype] = []
    for answer in each(lambda call: call(), calls):
        if isinstance(answer, Exception):
            raise answer
        found.extend(answer)
    return tuple(found)


def _policies(cluster: Cluster, discovery: Any, *, compat: bool) -> tuple[Subtype, ...]:
    rest: list[Subtype] = []

    def first() -> Subtype:
        own, *others = policy.subtypes(cluster, discovery, compat=compat)
        rest.extend(others)
        return own

    return (read("policy", f"GET {policy.KIND}", first), *rest)
