"""API paths: putting them together, and reading back what a request is about. No I/O."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Target(NamedTuple):
    """What a request does to what, in the words of Kubernetes' access rules."""

    path: str
    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource_text(self) -> str:
        """The resource for a person: ``jobs.batch in namespace x``; a path when it is no resource."""
        if not self.resource:
            return self.path
        text = self.resource + (f"/{self.subresource}" if self.subresource else "")
        text += f".{self.group}" if self.group else ""
        return text + (f" in namespace {self.namespace}" if self.namespace else " (cluster-wide)")


def object_path(
    group: str, version: str, resource: str, *, namespace: str = "", name: str = "", sub: str = ""
) -> str:
    """Give the path of a collection or object: ``/apis/batch/v1/namespaces/x/jobs/y``; names are escaped."""
    parts = ["", "apis", group, version] if group else ["", "api", version]
    if namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource)
    if name:
        parts.append(quote(name, safe=""))
    if sub:
        parts.append(sub)
    return "/".join(parts)


def target_of(method: str, path: str, *, watch: bool = False) -> Target:
    """Read a path back; a path that is no resource gives a target without one."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    else:
        return Target(path, method.lower())
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, sub = [*rest, "", ""][:3]
    if method == "GET":
        verb = "watch" if watch else "get" if name else "list"
    elif method == "DELETE" and not name:
        verb = "deletecollection"
    else:
        verb = _VERBS.get(method, method.lower())
    return Target(path, verb, group, resource, namespace, name, sub)
