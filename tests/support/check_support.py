"""What the tests of checks share: an emulated cluster with what checks read, a target, and the clean-up of the core.

No tests in here.
"""

from __future__ import annotations

import contextlib
import copy
import re
import threading
from typing import TYPE_CHECKING, Any

from aicr_kube.client import Cluster
from emulated_cluster import ACCELERATED, FakeCluster, Rule

from aicr_core.api import RUN_NAMESPACE, Context, Target
from aicr_core.model.ledger import Ledger
from aicr_core.model.reads import Reads

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from emulated_cluster import Kind

    from aicr_core.api import Right

    Item = dict[str, Any]


class Lab:
    """A check's surroundings: ``cluster`` is the emulated one, ``target`` and ``ctx`` what the check gets."""

    def __init__(
        self, fake: FakeCluster, client: Cluster, *, timeout: float = 300.0, recipe: Item | None = None,
        **target: Any,
    ) -> None:  # fmt: skip
        self.fake = fake
        if not set(ACCELERATED) & set(fake.served()):
            fake.serve(*ACCELERATED)
        if not any(item["metadata"]["name"] == "val" for item in fake.all("namespaces")):
            fake.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "val"}})
        self.stop = threading.Event()
        self.ctx = Context(timeout=timeout, cancelled=self.stop)
        self.ledger = Ledger()
        self.client = client
        self.target = Target(
            self.ctx, client, recipe=recipe or {}, snapshot={}, namespace="val", run="r1",
            reads=Reads(), ledger=self.ledger, pace=0.002, **target,
        )  # fmt: skip

    def clean(self) -> list[str]:
        """Delete what the check made, as the core does; give the paths."""
        paths = self.ledger.close()
        for path in paths:
            self.client.delete(path, missing_ok=True)
        return paths

    def all(self, plural: str) -> list[Item]:
        """Every object of a kind that is served, by its plural name."""
        kind = next(kind for kind in self.fake.served() if kind.plural == plural)
        return self.fake.objects.all(kind)

    @property
    def evidence(self) -> str:
        """Everything that was kept as evidence."""
        return "\n".join(line for seen in self.target.seen for line in seen.lines())


def open_client(fake: FakeCluster, folder: pathlib.Path, token: str = "admin-token") -> Cluster:
    """A client of the emulated cluster, with the rights of a token."""
    return Cluster.open(fake.kubeconfig(folder / f"kubeconfig-{token}", token), timeout=10.0)


class Reactor:
    """Plays whoever acts on new objects: a context manager.

    ``rules`` are (kind, beginning of the name, change); the first that fits a new object edits it in place, and may
    be called for several objects at once. ``logs`` gives the lines of pods by the beginning of their name.
    """

    def __init__(
        self,
        fake: FakeCluster,
        rules: Sequence[tuple[str, str, Callable[[Item], None]]],
        logs: Mapping[str, str] | None = None,
    ) -> None:
        self._fake = fake
        self._rules = rules
        self._logs = logs or {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Reactor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        at = 0
        objects = self._fake.objects
        while not self._stop.is_set():
            with objects.changed:
                if at >= len(objects.history):
                    objects.changed.wait(0.05)
                changes, at = objects.history[at:], len(objects.history)
            for change in changes:
                if change.before is None and change.after is not None:
                    self._react(change.kind, change.after)

    def _react(self, kind: Kind, item: Item) -> None:
        namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
        for begin, text in self._logs.items():
            if kind.plural == "pods" and name.startswith(begin):
                log = self._fake.log(namespace, name, item["spec"]["containers"][0]["name"])
                for line in text.splitlines():
                    log.write(line)
                log.close()
        for wanted, begin, edit in self._rules:
            if kind.kind == wanted and name.startswith(begin):
                self._fake.objects.change(kind, namespace, name, edit)
                return


def becomes(node: str = "n1", **status: Any) -> Callable[[Item], None]:
    """Give a change for the reactor: the pod gets this status, and this node (empty: none)."""

    def edit(pod: Item) -> None:
        pod["status"] = copy.deepcopy(status)
        if node:
            pod["spec"]["nodeName"] = node

    return edit


def ends(code: int = 0, node: str = "n1", container: str = "c") -> Callable[[Item], None]:
    """Give a change for the reactor: the pod's container ended with this status."""
    state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
    return becomes(
        node,
        phase="Failed" if code else "Succeeded",
        containerStatuses=[{"name": container, "image": "i", "state": state}],
    )


def waits(reason: str, message: str, *, init: bool = False) -> Callable[[Item], None]:
    """Give a change for the reactor: a container of the pod waits for this reason."""
    status = {
        "name": "c",
        "image": "reg/img:1",
        "state": {"waiting": {"reason": reason, "message": message}},
    }
    return becomes(
        phase="Pending", **{"initContainerStatuses" if init else "containerStatuses": [status]}
    )


def unschedulable(message: str) -> Callable[[Item], None]:
    """Give a change for the reactor: the scheduler finds no node for the pod."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }
    return becomes("", phase="Pending", conditions=[condition])


# --- objects and users ----------------------------------------------------------------------------


def workload(kind: str, namespace: str, name: str, *, up: int = 1, of: int = 1) -> Item:
    """Give a Deployment or DaemonSet of which ``up`` of ``of`` pods are up."""
    counted = (
        {"availableReplicas": up, "replicas": of}
        if kind == "Deployment"
        else {"numberReady": up, "desiredNumberScheduled": of}
    )
    template = {"spec": {"containers": [{"name": "c", "image": f"reg.example/{name}:v1"}]}}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": of, "template": template}, "status": counted,
    }  # fmt: skip


def resource_slice(
    name: str,
    *,
    driver: str = "gpu.nvidia.com",
    pool: str = "n1",
    devices: int = 1,
    generation: int = 1,
) -> Item:
    """Give a ResourceSlice."""
    return {
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name},
        "spec": {"driver": driver, "nodeName": pool, "pool": {"name": pool, "generation": generation},
                 "devices": [{"name": f"gpu-{i}"} for i in range(devices)]},
    }  # fmt: skip


def claim(
    name: str, pool: str, device: str, *, driver: str = "gpu.nvidia.com", **more: Any
) -> Item:
    """Give a ResourceClaim that has been given a device."""
    result = {"driver": driver, "pool": pool, "device": device, "request": "gpu", **more}
    return {
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "other"},
        "status": {"allocation": {"devices": {"results": [result]}}},
    }  # fmt: skip


def unserve(fake: FakeCluster, group: str, version: str) -> None:
    """Have the cluster not serve a group version (any more)."""
    fake.faults.add("GET", f"/apis/{re.escape(group)}/{version}", status=404, reason="NotFound")


@contextlib.contextmanager
def lab_as(
    fake: FakeCluster, folder: pathlib.Path, rights: Iterable[Right], **more: Any
) -> Iterator[Lab]:
    """Give a lab whose client has these rights and no others."""
    rules = [
        Rule(right.verbs, (right.group,), right.resources, names=right.names,
             namespace="val" if right.namespace == RUN_NAMESPACE else right.namespace)
        for right in rights
    ]  # fmt: skip
    with open_client(fake, folder, fake.user("limited", rules)) as client:
        yield Lab(fake, client, **more)


def crd(name: str) -> Item:
    """Give a CustomResourceDefinition by its name."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
    }  # fmt: skip
