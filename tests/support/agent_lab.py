"""A cluster with nodes and agents that answer, for tests of the agent: what a pod does is said by a function."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from aicr_kube.agent.run import run
from aicr_kube.agent.watching import Pace
from fake_cluster import FakeCluster, Outcome, Player

from aicr_core.api import AgentRequest, AgentResult, Context, Settings, write_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aicr_core.api import NodeResult

Object = dict[str, Any]
PACE = Pace(grace=0.4, outage=2.0, pause=0.02, tick=0.02, watch=5.0, drain=0.3)
Behave = "Callable[[Object, str], Outcome]"


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


class Lab:
    """One emulated cluster, its players, and the log that a user sees."""

    def __init__(self, cluster: FakeCluster, folder: pathlib.Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.log: list[str] = []
        self.player: Player | None = None

    def play(self, behave: Callable[[Object, str], Outcome] = good) -> Player:
        """Let pods behave so."""
        self.player = Player(self.cluster, behave)
        return self.player

    def context(self, user: str = "admin", timeout: float = 60.0, **more: Any) -> Context:
        """What the core gives to an agent."""
        config = self.cluster.kubeconfig(self.folder / f"kubeconfig-{user}", user)
        return Context(
            settings=Settings(env={}), timeout=timeout, log=self.log.append, options={"kubeconfig": config}, **more
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

    def when(
        self, plural: str, ready: Callable[[Object], bool], act: Callable[[Object], None]
    ) -> None:
        """Do ``act`` with the first object of a kind that is ``ready``, as soon as there is one."""

        def wait() -> None:
            store = self.cluster.store
            with store.changed:
                while not self.cluster.stopping:
                    items = store.select("batch" if plural == "jobs" else "", plural, "", "", "")
                    found = next((item for item in items if ready(item)), None)
                    if found is not None:
                        break
                    store.changed.wait(0.2)
                else:
                    return
            act(found)

        threading.Thread(target=wait, daemon=True).start()

    def left(self) -> list[str]:
        """What is in the cluster that an agent run could have made, as ``plural/name``."""
        kinds = (("batch", "jobs"), ("", "pods"), ("", "serviceaccounts"), ("", "configmaps"),
                 ("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "rolebindings"))  # fmt: skip
        return [
            f"{plural}/{name}"
            for group, plural in kinds
            for name in self.cluster.names(group, plural)
        ]

    def sent(self, method: str, ending: str = "") -> list[str]:
        """The requests of that method whose path contains ``ending``."""
        return [
            line
            for line in self.cluster.requests
            if line.startswith(f"{method} ") and ending in line
        ]

    def created(self, plural: str) -> list[Object]:
        """The bodies of the objects that were created in a collection of that name."""
        return [
            body for line, body in self.cluster.bodies
            if line.startswith("POST ") and line.partition("?")[0].endswith(f"/{plural}")
        ]  # fmt: skip


@contextlib.contextmanager
def lab(folder: pathlib.Path, nodes: int = 1, **labels: str) -> Iterator[Lab]:
    """A cluster with ``nodes`` nodes, node-00 and so on, that have ``labels``."""
    with FakeCluster() as cluster:
        for number in range(nodes):
            cluster.node(f"node-{number:02}", {key.replace("__", "/"): value for key, value in labels.items()})  # fmt: skip
        yield Lab(cluster, folder)
