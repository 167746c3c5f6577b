"""A cluster with nodes and agents that answer, for tests of the agent: what a pod does is said by a function."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from aicr_kube.agent.run import run
from aicr_kube.jobs.watching import Pace
from emulated_cluster import Controllers, FakeCluster, Fate, node, patches
from emulated_cluster.scheduling import choose

from aicr_core.api import AgentRequest, AgentResult, Context, Settings, write_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from emulated_cluster import Asked, Rule

    from aicr_core.api import NodeResult

Object = dict[str, Any]
PACE = Pace(grace=0.4, outage=2.0, pause=0.02, tick=0.02, watch=5.0, drain=0.3)

# What befalls a pod, in the words of the emulated kubelet, by the reason a user is shown.
_FATES = {
    "ok": "run",
    "hang": "run",
    "fail": "fail",
    "OOMKilled": "oom",
    "ImagePullBackOff": "image",
    "CreateContainerConfigError": "config",
    "Unschedulable": "unschedulable",
    "FailedCreate": "refused",
}


class Outcome(NamedTuple):
    """How a pod fares: one of ``_FATES``; ``hang`` logs and then runs until it is deleted."""

    kind: str = "ok"
    logs: Sequence[str] = ()
    message: str = ""
    done: threading.Event | None = None
    """When given, the pod runs until it is set."""


def document(node: str, gpus: int = 8) -> Object:
    """What an agent on ``node`` finds."""
    smi = {"subtype": "smi", "data": {"gpu-count": gpus, "driver": "570.86.15"}}
    return {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": node},
        "measurements": [{"type": "GPU", "subtypes": [smi]}],
        "collection": [{"collector": "gpu", "status": "ok", "durationMs": 1}],
    }


def frames(node: str, gpus: int = 8) -> list[str]:
    """The log of an agent that found that."""
    return list(write_frames(json.dumps(document(node, gpus)).encode()))


def good(_pod: Object, node: str) -> Outcome:
    """Run, say a line, give the answer."""
    return Outcome("ok", ["reading the host", *frames(node)])


def real(pod: Object, _node: str) -> Outcome:
    """Run the container's own command line, as a kubelet would, and keep what it writes."""
    container = pod["spec"]["containers"][0]
    env = {item["name"]: item.get("value", "worker") for item in container["env"]}
    home = pathlib.Path(sys.executable).parent
    env |= {
        "PATH": f"{home}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "AICR_INDEX_DIR": "/nonexistent/index",
    }
    # This machine stands for the node: there is no mount of a host.
    env.pop("AICR_HOST_ROOT", None)
    argv = [*container["command"], *container["args"]]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    return Outcome("fail" if done.returncode else "ok", (done.stderr + done.stdout).splitlines())


class Player:
    """Tells the emulated controllers what ``behave(pod, node)`` says; it is asked once for each pod."""

    def __init__(self, cluster: FakeCluster, behave: Callable[[Object, str], Outcome]) -> None:
        self.cluster = cluster
        self.behave = behave
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], Outcome] = {}
        self.controllers = Controllers(cluster, self._produce, self._fate)

    def _outcome(self, pod: Object) -> Outcome:
        place = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if place not in self._said:
            node, _ = choose(pod, self.cluster.all("nodes"), {})
            self._said[place] = self.behave(pod, node)
        return self._said[place]

    def _fate(self, pod: Object) -> Fate:
        outcome = self._outcome(pod)
        return Fate(_FATES[outcome.kind], outcome.message)

    def _produce(self, pod: Object, _container: Object) -> Iterator[str]:
        outcome = self._outcome(pod)
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            yield from outcome.logs
            if outcome.done is not None:
                outcome.done.wait(20)
        finally:
            with self._lock:
                self.running -= 1
        if outcome.kind == "hang":
            self._until_gone(pod)

    def _until_gone(self, pod: Object) -> None:
        objects = self.cluster.objects
        with objects.changed:
            while not objects.stopped and any(
                item["metadata"]["uid"] == pod["metadata"]["uid"]
                for item in self.cluster.all("pods")
            ):
                objects.changed.wait(1.0)


class Lab:
    """One emulated cluster, its players, and the log that a user sees."""

    def __init__(self, cluster: FakeCluster, folder: pathlib.Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.log: list[str] = []
        self.player: Player | None = None
        self._open = contextlib.ExitStack()
        self._writing = threading.Lock()

    def play(self, behave: Callable[[Object, str], Outcome] = good) -> Player:
        """Let pods behave so."""
        self.player = Player(self.cluster, behave)
        self._open.enter_context(self.player.controllers)
        return self.player

    def close(self) -> None:
        """End the play."""
        self._open.close()

    # --- the agent --------------------------------------------------------------------------------

    def context(self, user: str = "admin", timeout: float = 60.0, **more: Any) -> Context:
        """What the core gives to an agent."""
        path = self.folder / f"kubeconfig-{re.sub(r'[^a-z0-9-]', '_', user)}"
        # Written once: two runs at the same time must not read what the other is just writing.
        with self._writing:
            if not path.exists():
                self.cluster.kubeconfig(path, f"{user}-token")
        return Context(
            settings=Settings(env={}), timeout=timeout, log=self.log.append, options={"kubeconfig": str(path)}, **more
        )  # fmt: skip

    def run(
        self, user: str = "admin", pace: Pace = PACE, ctx: Context | None = None, **fields: Any
    ) -> AgentResult:
        """Run the agent."""
        return run(ctx or self.context(user), AgentRequest(**fields), pace)

    def one(self, **fields: Any) -> NodeResult:
        """Run the agent on one node; give its result."""
        (result,) = self.run(**fields).results
        return result

    # --- the cluster ------------------------------------------------------------------------------

    def add(self, group: str, plural: str, body: Object) -> Object:
        """Put an object there, of the resource with this name."""
        kind = self.cluster.by_plural[plural]
        assert kind.group == group
        return self.cluster.add({"apiVersion": kind.api_version, "kind": kind.kind, **body})

    def node(self, name: str, labels: dict[str, str] | None = None, **fields: Any) -> Object:
        """Put a node there."""
        return self.cluster.add({**node(name, labels=labels), **fields})

    def user(self, name: str, *rules: Rule) -> str:
        """Make a user with these rights and no others; give the name."""
        self.cluster.user(name, rules)
        return name

    def names(self, plural: str) -> list[str]:
        """The names of the objects of a kind."""
        return [item["metadata"]["name"] for item in self.cluster.all(plural)]

    def edit(self, plural: str, name: str, patch: Object) -> None:
        """Change an object of the namespace ``default``, status and all, as a controller does."""
        kind = self.cluster.by_plural[plural]

        def merge(item: Object) -> None:
            merged = patches.merge(item, patch)
            item.clear()
            item.update(merged)

        assert self.cluster.objects.change(kind, "default", name, merge) is not None

    def delete(self, plural: str, name: str) -> Object:
        """Delete an object of the namespace ``default``."""
        return self.cluster.objects.delete(self.cluster.by_plural[plural], "default", name)

    def date(self, stamp: str, *plurals: str) -> None:
        """Say that all objects (of these kinds) were made then."""
        with self.cluster.objects.changed:
            for kind, item in self.cluster.objects.every():
                if not plurals or kind.plural in plurals:
                    item["metadata"]["creationTimestamp"] = stamp

    def when(
        self, plural: str, ready: Callable[[Object], bool], act: Callable[[Object], None]
    ) -> None:
        """Do ``act`` with the first object of a kind that is ``ready``, as soon as there is one."""

        def wait() -> None:
            objects = self.cluster.objects
            with objects.changed:
                while not objects.stopped:
                    found = next((item for item in self.cluster.all(plural) if ready(item)), None)
                    if found is not None:
                        break
                    objects.changed.wait(0.2)
                else:
                    return
            act(found)

        threading.Thread(target=wait, daemon=True).start()

    def left(self) -> list[str]:
        """What is in the cluster that an agent run could have made, as ``plural/name``."""
        kinds = ("jobs", "pods", "serviceaccounts", "configmaps", "roles", "rolebindings")
        return [f"{plural}/{name}" for plural in kinds for name in self.names(plural)]

    # --- what was asked ---------------------------------------------------------------------------

    def sent(self, method: str = "", part: str = "") -> list[str]:
        """The requests of that method (empty: any) as ``METHOD path?query``, where that contains ``part``."""
        lines = [_line(asked) for asked in list(self.cluster.requests)]
        return [line for line in lines if line.startswith(method) and part in line]

    def created(self, plural: str) -> list[Object]:
        """The bodies of the objects that were created in a collection of that name."""
        return [
            asked.json for asked in list(self.cluster.requests)
            if asked.method == "POST" and asked.path.endswith(f"/{plural}")
        ]  # fmt: skip


def _line(asked: Asked) -> str:
    query = "&".join(f"{key}={value}" for key, value in asked.query.items())
    return f"{asked.method} {unquote(asked.path)}" + (f"?{query}" if query else "")


@contextlib.contextmanager
def lab(folder: pathlib.Path, nodes: int = 1, **labels: str) -> Iterator[Lab]:
    """A cluster with ``nodes`` nodes, node-00 and so on, that have ``labels``."""
    with FakeCluster() as cluster:
        made = Lab(cluster, folder)
        for number in range(nodes):
            made.node(f"node-{number:02}", {key.replace("__", "/"): value for key, value in labels.items()})  # fmt: skip
        try:
            yield made
        finally:
            made.close()
