"""What a run asks of the cluster's client: objects, lists to watch from, streams, and how a failure is meant.

All calls of a run share one :class:`Budget`; a single call never waits longer than :data:`CALL`, so that a server that
hangs is an outage to be ridden out and not the end of the run.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code
from aicr_kube import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aicr_core.api import Cluster, Context

Object = dict[str, Any]
CALL = 30.0
CLEANUP = 30.0
"""Seconds for removing everything (spec/snapshot.md 18)."""
_STATUS = re.compile(r" answered (\d{3}):")
_OUTAGE = (Code.SERVICE_UNAVAILABLE, Code.TIMEOUT, Code.RATE_LIMIT_EXCEEDED)


class Budget:
    """The seconds that calls may take: those of the context, until cleaning up starts with its own."""

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining
        self._end: float | None = None

    def start_cleanup(self, seconds: float = CLEANUP) -> None:
        """Give cleaning up its own time, however little the context has left."""
        self._end = time.monotonic() + seconds

    def __call__(self) -> float:
        """Seconds that the next call may take."""
        left = self._remaining() if self._end is None else self._end - time.monotonic()
        return max(0.0, min(CALL, left))


class Api:
    """One cluster, as a run uses it. Every method raises AicrError."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @classmethod
    def open(cls, ctx: Context, remaining: Callable[[], float]) -> Api:
        """Connect with the kubeconfig of ``ctx``, within ``remaining`` seconds for all calls."""
        return cls(client.Cluster.of(ctx, timeout=remaining))

    def get(self, path: str) -> Object:
        """Give one object."""
        return self._cluster.get(path)

    def find(self, path: str) -> Object | None:
        """Give one object, None when there is none of that name."""
        try:
            return self._cluster.get(path)
        except AicrError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    def objects(self, path: str, selector: str = "") -> Iterator[Object]:
        """Give the objects of a collection, page by page."""
        return self._cluster.list(path, label_selector=selector)

    def first(self, path: str, selector: str) -> Object | None:
        """Give one object of a collection; only one is asked for."""
        query = {"labelSelector": selector, "limit": "1"}
        items = self._cluster.get(path, query=query).get("items") or [None]
        found: Object | None = items[0]
        return found

    def listed(self, path: str, selector: str) -> tuple[list[Object], str]:
        """Give the objects of a collection and the version to watch from."""
        answer = self._cluster.get(path, query={"labelSelector": selector} if selector else {})
        version = str((answer.get("metadata") or {}).get("resourceVersion") or "")
        return list(answer.get("items") or ()), version

    def watch(self, path: str, selector: str, version: str, timeout: float) -> Iterator[Object]:
        """Give events since ``version`` until the server ends the watch, or it breaks."""
        return self._cluster.watch(
            path, resource_version=version, label_selector=selector, timeout=timeout
        )

    def logs(self, namespace: str, pod: str, *, follow: bool) -> Iterator[str]:
        """Give the lines of a pod's log."""
        return self._cluster.logs(namespace, pod, follow=follow)

    def text(self, path: str, query: Mapping[str, str], limit: int) -> str:
        """Give at most ``limit`` bytes of what ``path`` answers."""
        return self._cluster.text(path, query=query, limit=limit)

    def apply(self, path: str, body: Object) -> Object:
        """Create or change an object by server-side apply."""
        return self._cluster.apply(path, body)

    def create(self, path: str, body: Object) -> Object:
        """Create an object in a collection."""
        return self._cluster.create(path, body)

    def patch(self, path: str, body: Object) -> Object:
        """Merge ``body`` into an object."""
        return self._cluster.patch(path, body)

    def delete(self, path: str, uid: str) -> None:
        """Delete the object of that ``uid``; another one of its name, or none, is left as it is."""
        try:
            self._cluster.delete(path, uid=uid)
        except AicrError as error:
            if status(error) not in (404, 409):
                raise

    def can_i(
        self, verb: str, group: str, resource: str, *, subresource: str, namespace: str, name: str
    ) -> bool:
        """Tell whether the caller has a right."""
        return self._cluster.can_i(
            verb, group, resource, subresource=subresource, namespace=namespace, name=name
        )

    def serves(self, group: str) -> bool:
        """Tell whether the server has an API group."""
        groups = self._cluster.get("/apis").get("groups") or ()
        return any(item.get("name") == group for item in groups)


def status(error: AicrError) -> int:
    """Give the HTTP status behind an error; 0 when there was no answer."""
    given = getattr(error, "status", None)
    if isinstance(given, int):
        return given
    found = _STATUS.search(error.message)
    return int(found[1]) if found else 0


def is_outage(error: AicrError) -> bool:
    """Tell whether the server may just be away: worth another try, for a while."""
    return error.code in _OUTAGE or status(error) >= 500


def is_expired(error: AicrError) -> bool:
    """Tell whether a watch began at a version that the server has forgotten."""
    return status(error) == 410 or "expired" in error.message


def namespaced(group_version: str, namespace: str, plural: str, *further: str) -> str:
    """Give the path of a namespaced collection, object or subresource; ``v1`` is the core group."""
    root = "api" if "/" not in group_version else "apis"
    return "/".join(("", root, group_version, "namespaces", namespace, plural, *further))


def collection_of(item: Mapping[str, Any]) -> str:
    """Give the collection that an object of ours is created in."""
    plural = f"{item['kind'].lower()}s"
    namespace = item["metadata"].get("namespace")
    if namespace:
        return namespaced(item["apiVersion"], namespace, plural)
    root = "api" if "/" not in item["apiVersion"] else "apis"
    return f"/{root}/{item['apiVersion']}/{plural}"
