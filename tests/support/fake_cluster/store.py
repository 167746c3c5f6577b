"""Objects, versions and selectors of the emulated API server. Speaks no HTTP."""

from __future__ import annotations

import copy
import re
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Object = dict[str, Any]
Key = tuple[str, str, str, str]  # group, plural, namespace, name
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Resource(NamedTuple):
    """One resource the server has."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool


class ApiError(Exception):
    """What becomes a Status object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


BUILT_IN = [
    Resource("", "v1", "namespaces", "Namespace", False),
    Resource("", "v1", "nodes", "Node", False),
    Resource("", "v1", "pods", "Pod", True),
    Resource("", "v1", "configmaps", "ConfigMap", True),
    Resource("", "v1", "secrets", "Secret", True),
    Resource("", "v1", "services", "Service", True),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", True),
    Resource("", "v1", "events", "Event", True),
    Resource("batch", "v1", "jobs", "Job", True),
    Resource("batch", "v1", "cronjobs", "CronJob", True),
    Resource("apps", "v1", "deployments", "Deployment", True),
    Resource("apps", "v1", "daemonsets", "DaemonSet", True),
    Resource("apps", "v1", "statefulsets", "StatefulSet", True),
    Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", True),
    Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", True),
    Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False),
    Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", False),
    Resource(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
    ),
]


class Store:
    """All objects, with one resourceVersion counter and a history that watches read."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.resources: list[Resource] = list(BUILT_IN)
        self.objects: dict[Key, Object] = {}
        self.history: list[tuple[int, str, Key, Object]] = []
        self.version = 1000
        self.forgotten = 0
        self.created: list[Callable[[Key, Object], None]] = []

    def resource(self, group: str, plural: str) -> Resource:
        for item in self.resources:
            if (item.group, item.plural) == (group, plural):
                return item
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    def get(self, key: Key) -> Object:
        with self.changed:
            if key not in self.objects:
                group = f".{key[0]}" if key[0] else ""
                raise ApiError(404, "NotFound", f'{key[1]}{group} "{key[3]}" not found')
            return copy.deepcopy(self.objects[key])

    def create(self, key: Key, body: Object) -> Object:
        resource = self.resource(key[0], key[1])
        name = key[3]
        if not name:
            prefix = body.get("metadata", {}).get("generateName", "")
            if not prefix:
                raise ApiError(
                    422,
                    "Invalid",
                    "metadata.name: Required value: name or generateName is required",
                )
            name = prefix + uuid.uuid4().hex[:5]
        if len(name) > 253 or not NAME.fullmatch(name):
            raise ApiError(
                422, "Invalid", f'{resource.kind} "{name}" is invalid: metadata.name: Invalid value'
            )
        self._check_size(body)
        with self.changed:
            if resource.namespaced and ("", "namespaces", "", key[2]) not in self.objects:
                raise ApiError(404, "NotFound", f'namespaces "{key[2]}" not found')
            key = (key[0], key[1], key[2], name)
            if key in self.objects:
                raise ApiError(409, "AlreadyExists", f'{key[1]} "{name}" already exists')
            item = copy.deepcopy(body)
            item.setdefault("apiVersion", f"{resource.group}/{resource.version}".lstrip("/"))
            item.setdefault("kind", resource.kind)
            metadata = item.setdefault("metadata", {})
            metadata["name"] = name
            metadata["uid"] = str(uuid.uuid4())
            metadata["creationTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            if resource.namespaced:
                metadata["namespace"] = key[2]
            self._put("ADDED", key, item)
        for callback in self.created:
            callback(key, copy.deepcopy(item))
        return copy.deepcopy(item)

    def update(self, key: Key, body: Object, *, merge: bool = False) -> Object:
        self._check_size(body)
        with self.changed:
            old = self.get(key)
            wanted = body.get("metadata", {}).get("resourceVersion")
            if wanted and wanted != old["metadata"]["resourceVersion"]:
                raise ApiError(
                    409,
                    "Conflict",
                    "the object has been modified; please apply your changes to the latest",
                )
            item = merged(old, body) if merge else copy.deepcopy(body)
            metadata = item.setdefault("metadata", {})
            for field in ("name", "namespace", "uid", "creationTimestamp"):
                if field in old["metadata"]:
                    metadata[field] = old["metadata"][field]
            if merge and {**item, "metadata": {**metadata}} == old:
                return old
            self._put("MODIFIED", key, item)
            return copy.deepcopy(item)

    def delete(self, key: Key, uid: str = "") -> Object:
        with self.changed:
            item = self.get(key)
            if uid and item["metadata"]["uid"] != uid:
                raise ApiError(409, "Conflict", f"Precondition failed: UID in precondition: {uid}")
            del self.objects[key]
            self._note("DELETED", key, item)
            owned = [
                other for other, value in self.objects.items()
                if any(ref.get("uid") == item["metadata"]["uid"]
                       for ref in value["metadata"].get("ownerReferences", ()))
            ]  # fmt: skip
            for other in owned:
                if other in self.objects:
                    self.delete(other)
            if key[:2] == ("", "namespaces"):
                for other in [other for other in self.objects if other[2] == key[3]]:
                    self.delete(other)
            return item

    def select(
        self, group: str, plural: str, namespace: str, labels: str, fields: str
    ) -> list[Object]:
        with self.changed:
            found = [
                copy.deepcopy(item)
                for key, item in sorted(self.objects.items())
                if key[:2] == (group, plural) and namespace in ("", key[2])
            ]
        return [item for item in found if matches(item, labels, fields)]

    def since(self, version: int) -> Iterator[tuple[int, str, Key, Object]]:
        with self.changed:
            yield from [entry for entry in self.history if entry[0] > version]

    def _put(self, event: str, key: Key, item: Object) -> None:
        self.objects[key] = item
        self._note(event, key, item)

    def _note(self, event: str, key: Key, item: Object) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((self.version, event, key, copy.deepcopy(item)))
        self.changed.notify_all()

    @staticmethod
    def _check_size(body: Object) -> None:
        if body.get("kind") == "ConfigMap":
            size = sum(len(k) + len(v.encode()) for k, v in (body.get("data") or {}).items())
            size += sum(len(k) + len(v) * 3 // 4 for k, v in (body.get("binaryData") or {}).items())
            if size > 1_048_576:
                raise ApiError(
                    422,
                    "Invalid",
                    "ConfigMap is invalid: []: Too long: may not be more than 1048576 bytes",
                )


def merged(old: Any, new: Any) -> Any:
    """JSON merge patch."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(old.get(key), value)
    return result


def matches(item: Object, labels: str, fields: str) -> bool:
    """Label and field selectors: ``a=b``, ``a==b``, ``a!=b``, ``a``, ``!a``, ``a in (b,c)``, ``a notin (b)``."""
    have = item["metadata"].get("labels") or {}
    for part in re.split(r",(?![^(]*\))", labels):
        part = part.strip()
        if not part:
            continue
        group = re.fullmatch(r"(\S+) (in|notin) \((.*)\)", part)
        if group:
            inside = have.get(group[1]) in [value.strip() for value in group[3].split(",")]
            good = inside == (group[2] == "in")
        elif "!=" in part:
            key, _, value = part.partition("!=")
            good = have.get(key) != value
        elif "=" in part:
            key, _, value = part.replace("==", "=").partition("=")
            good = have.get(key) == value
        else:
            good = (part[1:] not in have) if part.startswith("!") else (part in have)
        if not good:
            return False
    for part in filter(None, fields.split(",")):
        key, _, value = part.replace("==", "=").partition("=")
        found: Any = item
        for step in key.split("."):
            found = (found or {}).get(step) if isinstance(found, dict) else None
        if str(found or "") != value:
            return False
    return True
