"""The cluster of a manual page: an emulated one with the objects that the page shows, and the containers it shows.

A fenced block after ``<!-- cluster -->`` holds objects; one after ``<!-- container: IMAGE -->`` is the script that is
run as a container of that image, with the mounts, variables and arguments of its pod. No tests in here.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from emulated_cluster import ACCELERATED, Controllers, Exit, FakeCluster, node

from aicr_core.api import load_all

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

    Item = dict[str, Any]

BLOCK = re.compile(
    r"<!-- (?P<what>cluster|container)(?:: (?P<argument>[^>]+?))? -->\n```\w*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@contextlib.contextmanager
def cluster_of(text: str, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """Run the cluster of a page, if it has one; give the variables that its commands get."""
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        yield {}
        return
    scripts = {b["argument"].strip(): b["body"] for b in blocks if b["what"] == "container"}
    with FakeCluster() as cluster, Controllers(cluster, _Containers(cluster, folder, scripts)):
        cluster.serve(*ACCELERATED)
        for block in blocks:
            if block["what"] == "cluster":
                for item in load_all(block["body"], "the page"):
                    cluster.add(_whole(item))
        yield {"KUBECONFIG": cluster.kubeconfig(folder / "kubeconfig"), "AICR_WAIT_FACTOR": "0.01"}


def _whole(item: Item) -> Item:
    """Give a node what every node has; a page shows only what matters to it."""
    if item["kind"] != "Node":
        return item
    usual = node(item["metadata"]["name"], labels=item["metadata"].get("labels"))
    status = {**usual["status"], **item.get("status", {})}
    labels = usual["metadata"]["labels"]
    return {**usual, **item, "metadata": {**item["metadata"], "labels": labels}, "status": status}


class _Containers:
    """Runs the script of a container's image; an image that the page does not show ends with status 127."""

    def __init__(self, cluster: FakeCluster, folder: pathlib.Path, scripts: dict[str, str]) -> None:
        self._cluster, self._folder, self._scripts = cluster, folder, scripts

    def __call__(self, pod: Item, container: Item) -> Iterable[str]:
        if container["image"] not in self._scripts:
            raise Exit(127, f"the page has no container {container['image']}")
        metadata = pod["metadata"]
        place = self._folder / metadata["name"]
        for volume in pod["spec"].get("volumes") or ():
            if "configMap" in volume:
                name = volume["configMap"]["name"]
                held = self._cluster.get("configmaps", metadata["namespace"], name)
                (place / volume["name"]).mkdir(parents=True)
                for key, content in held["data"].items():
                    (place / volume["name"] / key).write_text(content, "utf-8")
        end = place / "termination-log"
        script = self._scripts[container["image"]].replace("/dev/termination-log", str(end))
        env = {"PATH": os.environ["PATH"]}
        for entry in container.get("env") or ():
            value = entry.get("value", metadata["namespace"])
            env[entry["name"]] = value.replace("/data/", f"{place}/")
        words = ["bash", "-c", script.replace("/data/", f"{place}/"), "container"]
        ended = subprocess.run(
            [*words, *container.get("args", ())], env=env, capture_output=True, text=True
        )
        yield from (ended.stdout + ended.stderr).splitlines()
        raise Exit(ended.returncode, end.read_text("utf-8") if end.exists() else "")
