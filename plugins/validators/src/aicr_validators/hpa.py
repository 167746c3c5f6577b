"""A test workload that a HorizontalPodAutoscaler scales on a GPU metric: bodies, waits, what went wrong.

A trial is a namespace with a Deployment and an autoscaler, all of one random name. Everything is made with
``target.create``, so the core removes it. What a wait that came to nothing means is for the check to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Right
from aicr_validators.metrics_apis import EXTERNAL_METRIC
from aicr_validators.testpods import entries, section
from aicr_validators.workloads import number, replicas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import Target

    Object = dict[str, Any]

HPA_API, HPAS = "autoscaling/v2", "horizontalpodautoscalers"
EVERY = 10.0
"""Seconds between two looks."""
LOW, HIGH = "10", "999999"
"""Targets of the metric that every GPU is above, and below: watts."""
_BUSY = (Code.SERVICE_UNAVAILABLE, Code.RATE_LIMIT_EXCEEDED)
_EXISTS = ({"operator": "Exists"},)
_TRIES = 5


class Trial:
    """One test workload; ``name`` is that of its namespace, Deployment and autoscaler."""

    def __init__(self, target: Target, prefix: str) -> None:
        self.target = target
        self.name = f"{prefix}-{target.suffix()}"

    # --- bodies -----------------------------------------------------------------------------------

    def namespace(self) -> Object:
        """Give the body of the namespace."""
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}

    def deployment(self, container: Mapping[str, Any], pod: Mapping[str, Any]) -> Object:
        """Give the body of the Deployment: one replica of ``container``, ``pod`` are further fields of the pod.

        What the user wants on pods is added: node selector (that of ``pod`` wins), tolerations, pull secrets.
        """
        target, spec = self.target, {"containers": [dict(container)], **pod}
        if target.node_selector:
            spec["nodeSelector"] = {**target.node_selector, **(pod.get("nodeSelector") or {})}
        if target.tolerations != _EXISTS:
            own = list(pod.get("tolerations") or ())
            spec["tolerations"] = [*own, *(dict(entry) for entry in target.tolerations)]
        if target.image_pull_secrets:
            spec["imagePullSecrets"] = [{"name": secret} for secret in target.image_pull_secrets]
        labels = {"app": self.name}
        return {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": self._metadata(),
            "spec": {
                "replicas": 1, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }  # fmt: skip

    def autoscaler(self, most: int, **spec: Any) -> Object:
        """Give the body of the autoscaler: 1 to ``most`` replicas, for a metric that is above its target."""
        return {
            "apiVersion": HPA_API, "kind": "HorizontalPodAutoscaler", "metadata": self._metadata(),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                "minReplicas": 1, "maxReplicas": most, "metrics": _metrics(LOW), **spec,
            },
        }  # fmt: skip

    def _metadata(self) -> Object:
        return {"name": self.name, "namespace": self.name}

    # --- in the cluster ---------------------------------------------------------------------------

    def make_namespace(self) -> None:
        """Make the namespace, before everything else."""
        self.target.create("namespaces", self.namespace())

    def make(self, deployment: Object, autoscaler: Object) -> None:
        """Make the workload and its autoscaler."""
        self.target.create("deployments", deployment)
        self.target.create(HPAS, autoscaler)

    def remove(self) -> None:
        """Remove the trial before the check ends: autoscaler first, so that nothing scales what goes."""
        self.target.delete(HPA_API, HPAS, self.name, self.name)
        self.target.delete("apps/v1", "deployments", self.name, self.name)
        self.target.delete("v1", "namespaces", self.name)

    @property
    def hpa_path(self) -> str:
        """The path of the autoscaler."""
        return self.target.cluster.path(HPA_API, HPAS, namespace=self.name, name=self.name)

    def intent(self, limit: float) -> tuple[int, int] | None:
        """Wait for the autoscaler to want more replicas than there are; give (desired, current), or None.

        One that has got what it wanted between two looks is seen by more than one current replica.
        """

        def probe() -> tuple[int, int] | None:
            status = section(read(self.target, self.hpa_path), "status")
            desired, current = (
                number(status.get("desiredReplicas")),
                number(status.get("currentReplicas")),
            )
            return (desired, current) if desired > current or min(desired, current) > 1 else None

        return self.target.wait(limit, EVERY, probe)

    def scaled(self, limit: float, *, up: bool) -> int | None:
        """Wait for the Deployment to have more than one replica, or (not ``up``) no more than one; None: it has not."""
        path = self.target.cluster.path(
            "apps/v1", "deployments", namespace=self.name, name=self.name
        )

        def probe() -> int | None:
            found = read(self.target, path)
            if found is None:
                return None
            count = replicas(found, "replicas")
            return count if (count > 1) is up else None

        return self.target.wait(limit, EVERY, probe)

    def lower(self) -> None:
        """Set the metric's target so high that one replica is enough.

        The controller writes the same object; when it was faster, the change is made again on what it wrote.
        """
        for left in reversed(range(_TRIES)):
            found = self.target.cluster.get(self.hpa_path)
            wanted = {**found, "spec": {**section(found, "spec"), "metrics": _metrics(HIGH)}}
            try:
                self.target.cluster.replace(self.hpa_path, wanted)
                return
            except AicrError as error:
                if getattr(error, "status", 0) != 409 or not left:
                    raise

    def account(self) -> str:
        """Give what the autoscaler says of itself: replicas, and its conditions with their reasons."""
        try:
            status = section(self.target.cluster.get(self.hpa_path), "status")
        except AicrError as error:
            return f"the autoscaler cannot be read: {error}"
        lines = [f"desired={number(status.get('desiredReplicas'))} "
                 f"current={number(status.get('currentReplicas'))}"]  # fmt: skip
        for entry in entries(status, "conditions"):
            lines.append(
                f"{entry.get('type')}={entry.get('status')} {entry.get('reason')}: {entry.get('message')}"
            )
        return "\n".join(lines)


def read(target: Target, path: str) -> Object | None:
    """Read an object that changes; None while the server is too busy to say."""
    try:
        return target.cluster.get(path)
    except AicrError as error:
        if error.code in _BUSY:
            return None
        raise


def rights() -> Iterable[Right]:
    """Give the rights that a trial needs. Its names are random, so they are for the whole cluster."""
    yield Right(verbs=("create", "get", "delete"), resources=("namespaces",))
    yield Right(verbs=("create", "get", "delete"), group="apps", resources=("deployments",))
    yield Right(verbs=("create", "get", "update", "delete"), group="autoscaling", resources=(HPAS,))


def _metrics(value: str) -> list[Object]:
    return [
        {
            "type": "External",
            "external": {
                "metric": {"name": EXTERNAL_METRIC},
                "target": {"type": "AverageValue", "averageValue": value},
            },
        }
    ]
