"""Collector ``k8s``: server, images, policies, node, and what is installed (spec/snapshot.md 6, 14.12, 14.13).

Each part is read by itself: one that is forbidden or fails says so, and the others stay. No Secret is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Item, Measurement, Subtype
from aicr_kube.client import Cluster
from aicr_kube.gotext import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aicr_core.api import Context

Object = dict[str, Any]
_PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke"}
_STATUS = {Code.UNAUTHORIZED: "forbidden", Code.TIMEOUT: "timeout"}
_OWNERS = ("deployments", "daemonsets", "statefulsets")


def connect(ctx: Context) -> Cluster:
    """Open the cluster of this run. Raises AicrError."""
    env = ctx.settings.env if ctx.settings is not None else None
    return Cluster.open(str(ctx.options.get("kubeconfig") or ""), env=env, remaining=ctx.remaining)


def collect(ctx: Context) -> Measurement:
    """Measure the cluster that the run's kubeconfig names."""
    try:
        cluster = connect(ctx)
    except AicrError as error:
        status = "skipped" if error.code is Code.NOT_FOUND else "failed"
        # The four parts of the schema are there, empty, also without a cluster (golden/degraded).
        names = ("server", "image", "policy", "node")
        missing = (
            Subtype(name=name, data={}, status=status, reason=error.message) for name in names
        )
        return Measurement(type="K8s", subtypes=tuple(missing))
    pods = Pods(cluster)
    parts: tuple[tuple[str, Callable[[], Subtype]], ...] = (
        ("server", lambda: server(cluster)),
        ("image", lambda: image(pods)),
        ("policy", lambda: policy(cluster)),
        ("node", lambda: node(cluster, str(ctx.options.get("node") or ""))),
        ("images", lambda: images(pods)),
        ("helm", lambda: helm(cluster)),
    )
    subtypes = []
    for name, part in parts:
        try:
            subtypes.append(part())
        except AicrError as error:
            empty: dict[str, Any] | None = {} if name in ("image", "policy", "node") else None
            if name == "server":
                empty = dict.fromkeys(("version", "platform", "goVersion"), "<nil>")
            subtypes.append(
                Subtype(
                    name=name,
                    data=empty,
                    status=_STATUS.get(error.code, "failed"),
                    reason=str(error),
                )
            )
    return Measurement(type="K8s", subtypes=tuple(subtypes))


def server(cluster: Cluster) -> Subtype:
    """Version, platform and Go version of the API server."""
    found = cluster.version()
    data = {"version": found.get("gitVersion", ""), "platform": found.get("platform", ""),
            "goVersion": found.get("goVersion", "")}  # fmt: skip
    return Subtype(name="server", data=data, source="/version")


class Pods:
    """The images of all pods, listed once for the two parts that need them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._found: list[tuple[str, str]] | None = None
        self._error: AicrError | None = None

    def references(self) -> list[tuple[str, str]]:
        """Give (namespace, image reference) of every container of every pod. Raises AicrError, each time."""
        if self._error is not None:
            raise self._error
        if self._found is None:
            try:
                self._found = list(_references(self._cluster))
            except AicrError as error:
                self._error = error
                raise
        return self._found


def _references(cluster: Cluster) -> Iterable[tuple[str, str]]:
    for pod in cluster.list("/api/v1/pods"):
        spec = pod.get("spec") or {}
        namespace = (pod.get("metadata") or {}).get("namespace", "")
        for field in ("containers", "initContainers", "ephemeralContainers"):
            for container in spec.get(field) or ():
                if container.get("image"):
                    yield namespace, container["image"]


def split_image(reference: str) -> tuple[str, str]:
    """Give the last part of an image's name and its tag, ``latest`` when it has none (spec/snapshot.md 6.3)."""
    last = reference.rpartition("/")[2].partition("@")[0]
    name, colon, tag = last.rpartition(":")
    return (name, tag) if colon else (last, "latest")


def image(pods: Pods) -> Subtype:
    """One reading an image name; of several tags the greatest, so that the order of pods does not matter."""
    tags: dict[str, set[str]] = {}
    for _, reference in pods.references():
        name, tag = split_image(reference)
        tags.setdefault(name, set()).add(tag)
    data = {name: max(found, key=_version_key) for name, found in tags.items()}
    several = sorted(name for name, found in tags.items() if len(found) > 1)
    reason = (
        f"several tags of {', '.join(several[:5])}: the greatest is shown, all are in K8s.images"
        if several
        else ""
    )
    return Subtype(name="image", data=data, source="/api/v1/pods", reason=reason)


def _version_key(tag: str) -> tuple[list[int], str]:
    numbers, word = [], ""
    for char in tag:
        if char.isdecimal():
            word += char
        elif word:
            numbers.append(int(word[-18:]))
            word = ""
    return ([*numbers, int(word[-18:])] if word else numbers), tag


def images(pods: Pods) -> Subtype:
    """Every image as it is referred to, with its namespaces and how often it runs."""
    found: dict[str, list[str]] = {}
    for namespace, reference in pods.references():
        found.setdefault(reference, []).append(namespace)
    items = []
    for reference, namespaces in sorted(found.items()):
        rest, _, digest = reference.partition("@")
        name, tag = split_image(reference)
        registry, slash, _ = rest.partition("/")
        own = slash and ("." in registry or ":" in registry or registry == "localhost")
        data: dict[str, Any] = {
            "ref": reference,
            "registry": registry if own else "docker.io",
            "count": len(namespaces),
            "namespaces": ",".join(sorted(set(namespaces))),
        }
        data |= {"digest": digest} if digest else {"tag": tag}
        items.append(Item(context={"name": name}, data=data))
    return Subtype(name="images", data={}, items=tuple(items), source="/api/v1/pods")


def policy(cluster: Cluster) -> Subtype:
    """The specs of all ClusterPolicy objects, flattened into one map; of equal keys the later object's wins."""
    data: dict[str, str] = {}
    unread = []
    for group, version, plural in _policy_resources(cluster):
        try:
            for item in cluster.list(f"/apis/{group}/{version}/{plural}"):
                if isinstance(item.get("spec"), dict):
                    data |= flatten(item["spec"])
        except AicrError as error:
            unread.append(f"{plural}.{group}: {error.message}")
    status = "degraded" if unread else "ok"
    return Subtype(
        name="policy", data=data, status=status, reason="; ".join(unread), source="ClusterPolicy"
    )


def _policy_resources(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Give group, version and plural of the kind ClusterPolicy in every group, in the server's order of groups.

    The preferred version counts; another one only if the preferred has no such kind.
    """
    found = []
    for group in cluster.get("/apis").get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version", "")
        versions = [item.get("version", "") for item in group.get("versions") or ()]
        for version in [preferred, *(item for item in versions if item != preferred)]:
            try:
                resources = cluster.get(f"/apis/{group['name']}/{version}").get("resources") or ()
            except AicrError as error:
                # An aggregated API that is down costs only its own group.
                if error.code in (Code.TIMEOUT,):
                    raise
                continue
            names = [
                item["name"]
                for item in resources
                if item.get("kind") == "ClusterPolicy" and "/" not in item["name"]
            ]
            if names:
                found += [(group["name"], version, name) for name in names]
                break
    return found


def node(cluster: Cluster, name: str) -> Subtype:
    """The node this run is about: provider, runtime, kubelet, kernel, image."""
    if not name:
        return Subtype(
            name="node",
            data={},
            status="skipped",
            reason="the name of the node is not known: set NODE_NAME",
        )
    found = cluster.get(f"/api/v1/nodes/{name}")
    data: dict[str, str] = {"source-node": name}
    identifier = (found.get("spec") or {}).get("providerID") or ""
    if identifier:
        scheme = identifier.partition(":")[0].strip().lower()
        data["provider-id"] = identifier
        data["provider"] = (
            "oke" if identifier.startswith("ocid1.") else _PROVIDERS.get(scheme, scheme)
        )
    info = (found.get("status") or {}).get("nodeInfo") or {}
    runtime = info.get("containerRuntimeVersion") or ""
    if runtime:
        data["container-runtime-id"] = runtime
    if "://" in runtime:
        data["container-runtime-name"], _, data["container-runtime-version"] = runtime.partition(
            "://"
        )
    for key, field in (("kubelet-version", "kubeletVersion"), ("kernel-version", "kernelVersion"),
                       ("operating-system", "operatingSystem"), ("os-image", "osImage")):  # fmt: skip
        if info.get(field):
            data[key] = info[field]
    return Subtype(name="node", data=data, source=f"/api/v1/nodes/{name}")


def helm(cluster: Cluster) -> Subtype:
    """Helm releases, by the labels and annotations that Helm leaves on workloads; Secrets are not read."""
    data: dict[str, str] = {}
    for plural in _OWNERS:
        for item in cluster.list(
            f"/apis/apps/v1/{plural}",
            label_selector="app.kubernetes.io/managed-by=Helm",
            metadata_only=True,
        ):
            metadata = item.get("metadata") or {}
            annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
            release = annotations.get("meta.helm.sh/release-name")
            if not release:
                continue
            data[f"{release}.namespace"] = annotations.get(
                "meta.helm.sh/release-namespace", metadata.get("namespace", "")
            )
            chart, _, version = str(labels.get("helm.sh/chart", "")).rpartition("-")
            # Chart names hold dashes too, and so may versions: a version starts with a digit or "v" and a digit.
            while chart and not version.lstrip("v")[:1].isdecimal() and "-" in chart:
                chart, _, more = chart.rpartition("-")
                version = f"{more}-{version}"
            if chart:
                data[f"{release}.chart"] = chart
                data[f"{release}.version"] = version.replace("_", "+")
    return Subtype(name="helm", data=data, source="labels of workloads")
