"""What is installed: Helm releases, Argo CD applications, Flux releases (spec/snapshot.md 14.13).

Helm's own records are Secrets; they are not read. What charts and Helm write on their objects says enough:
metadata-only lists of workloads and custom resource definitions.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from aicr_core.api import Subtype
from aicr_kube.collect.parts import reason_of, status_of
from aicr_kube.failures import KubeError
from aicr_kube.parallel import each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_kube.client import Cluster
    from aicr_kube.discovery import Discovery, Resource

_WORKLOADS = (
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
)
_RELEASE = "meta.helm.sh/release-name"
_NAMESPACE = "meta.helm.sh/release-namespace"
_CHART = re.compile(r"^(?P<name>.+?)-(?P<version>v?\d+\.\d+\.\d+(?:[-+_].*)?)$")


def helm(cluster: Cluster, discovery: Discovery) -> Subtype:
    """Give ``helm``: ``<release>.{chart,version,namespace}``, and ``.charts`` when subcharts are seen too."""
    resources = [r for key in _WORKLOADS if (r := discovery.find(*key)) is not None]

    def ask(resource: Resource) -> list[dict[str, Any]]:
        found = cluster.metadata_list(resource.path())
        return [
            m for item in found if _RELEASE in ((m := item["metadata"]).get("annotations") or {})
        ]

    answers = each(ask, resources)
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    for error in errors:
        if not isinstance(error, KubeError) or len(errors) == len(answers):
            raise error
    metadata = [m for answer in answers if not isinstance(answer, Exception) for m in answer]
    data = releases(metadata)
    if errors:
        text = reason_of(errors[0]) if isinstance(errors[0], KubeError) else str(errors[0])
        return Subtype(name="helm", data=data, status="degraded", reason=text)
    return Subtype(name="helm", data=data)


def releases(metadata: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Give the releases that objects' metadata tell of."""
    charts: dict[tuple[str, str], Counter[str]] = {}
    for entry in metadata:
        annotations = entry["annotations"]
        release = (annotations.get(_NAMESPACE) or "", annotations[_RELEASE])
        chart = (entry.get("labels") or {}).get("helm.sh/chart")
        charts.setdefault(release, Counter()).update([chart] if chart else [])
    names = Counter(name for _, name in charts)
    data: dict[str, str] = {}
    for (namespace, name), counted in sorted(charts.items()):
        # A release's name is its own only within its namespace.
        key = name if names[name] == 1 else f"{namespace}/{name}"
        data[f"{key}.namespace"] = namespace
        if counted:
            chart, version = split_chart(_own_chart(name, counted))
            data[f"{key}.chart"] = chart
            if version:
                data[f"{key}.version"] = version
        if len(counted) > 1:
            data[f"{key}.charts"] = ",".join(sorted(counted))
    return data


def _own_chart(release: str, counted: Counter[str]) -> str:
    """Choose the release's chart among those of its subcharts: named like the release, else most objects."""

    def rank(chart: str) -> tuple[bool, bool, int, str]:
        name = split_chart(chart)[0]
        return (name == release, name in release or release in name, counted[chart], chart)

    return max(counted, key=rank)


def split_chart(label: str) -> tuple[str, str]:
    """Split a ``helm.sh/chart`` label into name and version; a label cannot hold ``+``, charts write ``_``."""
    match = _CHART.match(label)
    if not match:
        return label, ""
    return match["name"], match["version"].replace("_", "+")


def argocd(cluster: Cluster, resource: Resource) -> Subtype:
    """Give ``argocd``: ``<namespace>/<application>.{chart,version,revision,sync,health}`` of Argo CD."""
    data: dict[str, str] = {}
    for item in cluster.list(resource.path()):
        spec, status = item.get("spec") or {}, item.get("status") or {}
        source: dict[str, Any] = spec.get("source") or next(iter(spec.get("sources") or ()), {})
        sync = status.get("sync") or {}
        readings = {
            "chart": source.get("chart") or source.get("path"),
            "version": source.get("targetRevision"),
            "revision": sync.get("revision"),
            "sync": sync.get("status"),
            "health": (status.get("health") or {}).get("status"),
        }
        _add(data, item, readings)
    return Subtype(name="argocd", data=data)


def flux(cluster: Cluster, resource: Resource) -> Subtype:
    """Give ``flux``: ``<namespace>/<release>.{chart,version,ready}`` of Flux HelmReleases."""
    data: dict[str, str] = {}
    for item in cluster.list(resource.path()):
        chart = ((item.get("spec") or {}).get("chart") or {}).get("spec") or {}
        conditions = (item.get("status") or {}).get("conditions") or ()
        ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
        _add(
            data,
            item,
            {"chart": chart.get("chart"), "version": chart.get("version"), "ready": ready},
        )
    return Subtype(name="flux", data=data)


_DEPLOYERS = (
    ("argocd", "argoproj.io", "applications", argocd),
    ("flux", "helm.toolkit.fluxcd.io", "helmreleases", flux),
)


def deployers(cluster: Cluster, discovery: Discovery) -> tuple[Subtype, ...]:
    """Give ``argocd`` and ``flux`` where the cluster serves their kinds."""
    found = []
    for name, group, plural, call in _DEPLOYERS:
        resource = discovery.find(group, plural)
        if resource is None:
            continue
        source = f"GET {resource.path()}"
        try:
            found.append(call(cluster, resource))
        except KubeError as error:
            found.append(
                Subtype(
                    name=name, data=None, status=status_of(error), reason=reason_of(error), source=source
                )
            )  # fmt: skip
    return tuple(found)


def _add(data: dict[str, str], item: dict[str, Any], readings: dict[str, str | None]) -> None:
    metadata = item["metadata"]
    key = f"{metadata.get('namespace', '')}/{metadata['name']}"
    data |= {f"{key}.{name}": str(value) for name, value in readings.items() if value}
