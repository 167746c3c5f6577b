"""Fresh reads for assertions, shared: within one round each object and collection is asked for once.

A round begins at a moment; an answer that was asked for after it serves everyone whose round began before, also the
assertions of other components. The phase's own reads (``Target.get``) are not used: they never change. A list has the
group version and kind in each object, as a single object has.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.api import Cluster
    from aicr_validators.assertions.documents import Operation

    Object = dict[str, Any]


class Reader:
    """Answers for operations, each not older than the round it is asked for. Thread-safe."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], _Answer] = {}

    def get(self, operation: Operation, since: float) -> Object:
        """Give the object that an operation names. Raises what the cluster raises: NOT_FOUND, UNAUTHORIZED, ..."""
        path = self._path(operation, operation.name)
        found: Object = self._fresh((path, ""), since, lambda: self._cluster.get(path))
        return found

    def list(self, operation: Operation, since: float) -> list[Object]:
        """Give the objects that an operation without a name is about: those in its namespace with its labels."""
        path = self._path(operation, "")
        named = {"apiVersion": operation.api_version, "kind": operation.object_kind}
        selector = operation.selector

        def ask() -> list[Object]:
            return [{**named, **item} for item in self._cluster.list(path, label_selector=selector)]

        found: list[Object] = self._fresh((path, selector), since, ask)
        return found

    def served(self, operation: Operation) -> bool:
        """Tell whether the server has the kind of an operation."""
        try:
            self._cluster.resource_of(operation.api_version, operation.object_kind)
        except AicrError as error:
            if error.code is Code.NOT_FOUND:
                return False
            raise
        return True

    def _path(self, operation: Operation, name: str) -> str:
        resource, namespaced = self._cluster.resource_of(
            operation.api_version, operation.object_kind
        )
        if namespaced and name and not operation.namespace:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"{operation.object_kind} {name} lives in a namespace: metadata.namespace is missing",
                where=operation.place,
            )
        namespace = operation.namespace if namespaced else ""
        return self._cluster.path(operation.api_version, resource, namespace=namespace, name=name)

    def _fresh(self, key: tuple[str, str], since: float, ask: Callable[[], Any]) -> Any:
        with self._lock:
            answer = self._answers.setdefault(key, _Answer())
        with answer.lock:
            if answer.at < since:
                at = time.monotonic()
                answer.value, answer.error = None, None
                try:
                    answer.value = ask()
                except AicrError as error:
                    answer.error = error
                answer.at = at
            if answer.error is not None:
                raise answer.error
            return answer.value


class _Answer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = float("-inf")
        self.value: Any = None
        self.error: AicrError | None = None
