"""What the world does when an object appears or is changed: a controller's work as a table, done at once.

A reaction is a mapping: ``kind``, ``name`` (regular expression, whole), ``on`` (``create``, the default, or
``update``), ``times``; then ``set`` is merged into the object, the objects of ``also`` are made or merged (``_log`` is
the log of such a pod), ``log`` becomes the pod's log. ``{name}``, ``{namespace}``, ``{suffix}`` are replaced. With
``after_gets: n``, ``set`` takes effect at the n+1st read.
"""

from __future__ import annotations

import copy
import re
import secrets
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulated_cluster.cluster import FakeCluster
    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]


class Reactions:
    """The reactions of a cluster; the first that fits is used."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self._table: list[Item] = []
        self._used: dict[int, int] = {}
        self._late: dict[tuple[str, str, str], tuple[int, Item]] = {}
        self._lock = threading.Lock()

    def add(self, *reactions: Item) -> None:
        """React so from now on."""
        self._table.extend(reactions)

    def wrote(self, kind: Kind, item: Item, on: str) -> None:
        """React to a write of a client."""
        found = self._fitting(kind, item, on)
        if found is None:
            return
        metadata = item["metadata"]
        words = {
            "name": metadata["name"], "namespace": metadata.get("namespace", ""),
            "suffix": secrets.token_hex(4),
        }  # fmt: skip
        reaction = _filled(found, words)
        place = (kind.plural, words["namespace"], words["name"])
        if reaction.get("set"):
            if reaction.get("after_gets"):
                with self._lock:
                    self._late[place] = (reaction["after_gets"], reaction["set"])
            else:
                self._merge(kind, item, reaction["set"])
        if reaction.get("log") is not None:
            self._log(item, reaction["log"])
        for other in reaction.get("also") or ():
            self._also(other)

    def reads(self, kind: Kind, namespace: str, name: str) -> None:
        """Note that a client reads an object: what waits for that happens first."""
        place = (kind.plural, namespace, name)
        with self._lock:
            if place not in self._late:
                return
            left, change = self._late[place]
            if left > 0:
                self._late[place] = (left - 1, change)
                return
            del self._late[place]
        self._merge(kind, {"metadata": {"namespace": namespace, "name": name}}, change)

    def _fitting(self, kind: Kind, item: Item, on: str) -> Item | None:
        with self._lock:
            for number, reaction in enumerate(self._table):
                if (reaction["kind"], reaction.get("on", "create")) != (kind.kind, on):
                    continue
                if not re.fullmatch(reaction.get("name", ".*"), item["metadata"]["name"]):
                    continue
                used = self._used.get(number, 0)
                if used >= reaction.get("times", used + 1):
                    continue
                self._used[number] = used + 1
                return reaction
        return None

    def _merge(self, kind: Kind, item: Item, change: Item) -> None:
        metadata = item["metadata"]
        self._cluster.objects.change(
            kind, metadata.get("namespace", ""), metadata["name"], lambda i: merge(i, change)
        )

    def _also(self, other: Item) -> None:
        log = other.pop("_log", None)
        kind = self._cluster.kind_of(other)
        metadata = other["metadata"]
        change = {k: v for k, v in other.items() if k != "metadata"}
        place = (kind, metadata.get("namespace", ""), metadata["name"])
        changed = self._cluster.objects.change(*place, lambda i: merge(i, change))
        item = changed if changed is not None else self._cluster.add(other)
        if log is not None:
            self._log(item, log)

    def _log(self, pod: Item, text: str) -> None:
        metadata = pod["metadata"]
        for container in pod["spec"].get("containers") or ():
            log = self._cluster.log(metadata["namespace"], metadata["name"], container["name"])
            for line in text.splitlines():
                log.write(line)
            log.close()


def merge(item: Item, change: Item) -> None:
    """Merge a change into an object where it is: mappings deeply, everything else is replaced."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(item.get(key), dict):
            merge(item[key], value)
        else:
            item[key] = copy.deepcopy(value)


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
        return value
    if isinstance(value, dict):
        return {key: _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    return value
