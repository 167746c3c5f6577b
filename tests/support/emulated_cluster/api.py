"""The API of the emulated cluster: one request in, one answer or stream out. Speaks no HTTP."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import unquote

from emulated_cluster import discovery, patches, rbac, selectors
from emulated_cluster.bodies import body_of, check_immutable, check_type
from emulated_cluster.reading import list_of, metadata_only, watch
from emulated_cluster.refused import Refused, invalid
from emulated_cluster.validate import MAX_REQUEST, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulated_cluster.cluster import FakeCluster
    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]


class Asked(NamedTuple):
    """One request as it came in; what the recorder keeps."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    user: str

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body) if self.body else None

    @property
    def line(self) -> str:
        """Method and path, for comparisons."""
        return f"{self.method} {self.path}"


class Answer(NamedTuple):
    """A document, or lines of a stream."""

    status: int
    document: Any = None
    stream: Iterator[bytes] | None = None
    content_type: str = "application/json"
    data: bytes | None = None
    """The body word for word, in place of a document."""


class _Place(NamedTuple):
    kind: Kind
    namespace: str
    name: str
    sub: str


class Api:
    """Answers requests for a cluster."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self._objects = cluster.objects

    def answer(self, asked: Asked) -> Answer:
        """Answer, or raise Refused."""
        if not asked.user:
            raise Refused(401, "Unauthorized")
        if len(asked.body) > MAX_REQUEST:
            raise Refused(413, "Request entity too large: limit is 3145728")
        parts = [unquote(part) for part in asked.path.strip("/").split("/")]
        if asked.method == "GET":
            reply = self._cluster.raw.take("/" + "/".join(parts))
            if reply is not None:
                self._may_read(asked, parts)
                return Answer(reply.status, data=reply.data, content_type=reply.content_type)
        fixed = self._fixed(asked, parts)
        if fixed is not None:
            # Clients tell the two forms of discovery apart by this.
            aggregated = fixed.get("kind") == "APIGroupDiscoveryList"
            form = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" if aggregated else ""
            return Answer(200, fixed, content_type=f"application/json{form}")
        place = self._place(parts)
        if asked.method in ("POST", "PUT"):
            check_type(asked.headers.get("content-type", ""))
        if place.kind.plural == "selfsubjectaccessreviews" and asked.method == "POST":
            return Answer(201, self._review(asked))  # everybody may ask what he may
        self._check_access(asked, place)
        if place.sub == "log":
            return self._log(asked, place)
        if place.sub == "proxy":
            return self._proxy(place, parts)
        handler = {
            "GET": self._get if place.name else self._collection,
            "POST": self._create,
            "PUT": self._replace,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }.get(asked.method)
        misplaced = asked.method != "GET" and bool(place.name) == (asked.method == "POST")
        if handler is None or misplaced:
            raise Refused(405, "the server does not allow this method on the requested resource")
        return handler(asked, place)

    # --- what is served ---------------------------------------------------------------------------

    def _fixed(self, asked: Asked, parts: list[str]) -> Any:
        kinds = self._cluster.served()
        wanted = "APIGroupDiscoveryList" in asked.headers.get("accept", "")
        aggregated = wanted and self._cluster.aggregated
        if asked.method != "GET":
            return None
        if parts == ["version"]:
            return self._cluster.version
        if parts == ["api"]:
            return (
                discovery.aggregated(kinds, core=True) if aggregated else discovery.api_versions()
            )
        if parts == ["apis"]:
            return (
                discovery.aggregated(kinds, core=False)
                if aggregated
                else discovery.group_list(kinds)
            )
        if parts[0] == "api" and len(parts) == 2:
            return discovery.resource_list(kinds, "", parts[1]) or _no_path()
        if parts[0] == "apis" and len(parts) == 3:
            return discovery.resource_list(kinds, parts[1], parts[2]) or _no_path()
        return None

    def _place(self, parts: list[str]) -> _Place:
        if parts[0] == "api" and len(parts) > 2:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            _no_path()
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, sub = [*rest, "", ""][:3]
        kind = self._cluster.kind(group, version, plural)
        deep = len(rest) > 3 and sub != "proxy"
        if kind is None or deep or (namespace and not kind.namespaced):
            _no_path()
        if sub and not (sub == "status" and kind.status) and sub not in kind.subresources:
            _no_path()
        if kind.namespaced and name and not namespace:
            _no_path()
        return _Place(kind, namespace, name, sub)

    # --- who may ----------------------------------------------------------------------------------

    def _check_access(self, asked: Asked, place: _Place) -> None:
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(
            asked.method
        )
        if verb is None:
            watch = asked.query.get("watch") in ("true", "1")
            verb = "get" if place.name else "watch" if watch else "list"
        elif verb == "delete" and not place.name:
            verb = "deletecollection"
        name = place.name
        if not name and verb in ("list", "watch"):
            # A list narrowed to one name by a field selector counts as one of that name.
            field = asked.query.get("fieldSelector", "")
            name = (
                field.removeprefix("metadata.name=") if field.startswith("metadata.name=") else ""
            )
        access = rbac.Access(
            verb, place.kind.group, place.kind.plural, place.namespace, name, place.sub
        )
        self._demand(asked, access)
        apply = asked.method == "PATCH" and "apply-patch" in asked.headers.get("content-type", "")
        if apply and not self._exists(place):
            self._demand(asked, access._replace(verb="create", name=""))

    def _may_read(self, asked: Asked, parts: list[str]) -> None:
        """Hold an aggregated API's path against the user's rights; discovery is everybody's."""
        if parts[0] != "apis" or len(parts) < 4:
            return
        group, rest, namespace = parts[1], parts[3:], ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, sub = [*rest, "", ""][:3]
        access = rbac.Access("get" if name else "list", group, plural, namespace, name, sub)
        self._demand(asked, access)

    def _demand(self, asked: Asked, access: rbac.Access) -> None:
        if not rbac.allowed(self._cluster.rules(asked.user), access):
            self._cluster.denied.append(access)
            raise rbac.forbidden(asked.user, access)

    def _exists(self, place: _Place) -> bool:
        try:
            self._objects.get(place.kind, place.namespace, place.name)
        except Refused:
            return False
        return True

    def _review(self, asked: Asked) -> Item:
        review: Item = asked.json
        wanted = (review.get("spec") or {}).get("resourceAttributes") or {}
        access = rbac.Access(
            wanted.get("verb", ""), wanted.get("group", ""), wanted.get("resource", ""),
            wanted.get("namespace", ""), wanted.get("name", ""), wanted.get("subresource", ""),
        )  # fmt: skip
        yes = rbac.allowed(self._cluster.rules(asked.user), access)
        return {**review, "status": {"allowed": yes, "reason": ""}}

    # --- reading ----------------------------------------------------------------------------------

    def _get(self, asked: Asked, place: _Place) -> Answer:
        self._cluster.reactions.reads(place.kind, place.namespace, place.name)
        item = self._objects.get(place.kind, place.namespace, place.name)
        if "as=PartialObjectMetadata;" in asked.headers.get("accept", ""):
            return Answer(200, metadata_only(item))
        return Answer(200, item)

    def _collection(self, asked: Asked, place: _Place) -> Answer:
        test = selectors.selector(
            place.kind, asked.query.get("labelSelector", ""), asked.query.get("fieldSelector", "")
        )
        what = (self._objects, asked, place.kind, place.namespace, test)
        if asked.query.get("watch") in ("true", "1"):
            return Answer(200, stream=watch(*what))
        return Answer(200, list_of(*what))

    def _log(self, asked: Asked, place: _Place) -> Answer:
        item = self._objects.get(place.kind, place.namespace, place.name)
        container = asked.query.get("container", "")
        spec = item["spec"]
        names = [c["name"] for f in ("initContainers", "containers") for c in spec.get(f) or ()]
        if not container:
            if len(spec.get("containers") or ()) > 1:
                text = f"a container name must be specified for pod {place.name}, choose one of: {names}"
                raise Refused(400, text)
            container = spec["containers"][0]["name"]
        if container not in names:
            raise Refused(400, f"container {container} is not valid for pod {place.name}")
        log = self._cluster.logs.get((place.namespace, place.name, container))
        if log is None:
            text = f'container "{container}" in pod "{place.name}" is waiting to start'
            raise Refused(400, f"{text}: ContainerCreating")
        tail = asked.query.get("tailLines")
        follow = asked.query.get("follow") in ("true", "1")
        lines = log.read(follow=follow, tail=None if tail is None else int(tail))
        return Answer(200, stream=lines, content_type="text/plain")

    def _proxy(self, place: _Place, parts: list[str]) -> Answer:
        named = place.name.partition(":")[0]
        there = self._exists(place._replace(name=named))
        path = "/" + "/".join(parts[parts.index("proxy", 6) + 1 :])
        reply = self._cluster.backends.answer(place.namespace, place.name, path, there=there)
        return Answer(reply.status, data=reply.data, content_type=reply.content_type)

    # --- writing ----------------------------------------------------------------------------------

    def _create(self, asked: Asked, place: _Place) -> Answer:
        item = body_of(asked.body, place.kind, place.namespace, place.name)
        if place.kind.namespaced and not place.namespace:
            raise Refused(405, "the server does not allow this method on the requested resource")
        self._admit(asked, place, item, create=True)
        if place.kind.status and not place.kind.custom:
            item.pop("status", None)
        manager = asked.query.get("fieldManager") or "unknown"
        item = patches.wrote(place.kind, None, item, manager)
        made = self._objects.create(place.kind, item)
        self._cluster.reactions.wrote(place.kind, made, "create")
        return Answer(201, made)

    def _replace(self, asked: Asked, place: _Place) -> Answer:
        item = body_of(asked.body, place.kind, place.namespace, place.name)
        with self._objects.changed:
            return self._write(asked, place, item)

    def _patch(self, asked: Asked, place: _Place) -> Answer:
        word = asked.headers.get("content-type", "").split(";")[0]
        if word == "application/apply-patch+yaml":
            return self._apply(asked, place)
        with self._objects.changed:
            before = self._objects.get(place.kind, place.namespace, place.name)
            if word == "application/merge-patch+json":
                item = patches.merge(before, asked.json)
            elif word == "application/strategic-merge-patch+json" and not place.kind.custom:
                item = patches.strategic(before, asked.json)
            elif word == "application/json-patch+json":
                item = patches.json_patch(before, asked.json)
            else:
                raise Refused(415, "the body of the request was in an unknown format - accepted media types "
                              "include: application/json-patch+json, application/merge-patch+json, "
                              "application/apply-patch+yaml")  # fmt: skip
            return self._write(asked, place, item)

    def _write(self, asked: Asked, place: _Place, item: Item) -> Answer:
        before = self._objects.get(place.kind, place.namespace, place.name)
        uid = item["metadata"].get("uid")
        if uid and uid != before["metadata"]["uid"]:
            have = before["metadata"]["uid"]
            text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {have}"
            raise Refused(409, text)
        if place.sub == "status":
            item = {**copy.deepcopy(before), "status": item.get("status")}
            item["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
            return Answer(200, self._objects.update(place.kind, item))
        if place.kind.status and "status" in before:
            item = {**item, "status": before["status"]}
        self._admit(asked, place, item)
        check_immutable(place.kind, before, item)
        manager = asked.query.get("fieldManager") or "unknown"
        item = patches.wrote(place.kind, before, item, manager)
        changed = self._objects.update(place.kind, item)
        self._cluster.reactions.wrote(place.kind, changed, "update")
        return Answer(200, changed)

    def _apply(self, asked: Asked, place: _Place) -> Answer:
        manager = asked.query.get("fieldManager", "")
        if not manager:
            text = "Required value: is required for apply patch"
            raise invalid("PatchOptions.meta.k8s.io", "", "fieldManager", text)
        patch = body_of(asked.body, place.kind, place.namespace, place.name)
        if patch["metadata"].get("managedFields"):
            raise Refused(400, "metadata.managedFields must be nil")
        force = asked.query.get("force") == "true"
        with self._objects.changed:
            before = (
                self._objects.get(place.kind, place.namespace, place.name)
                if self._exists(place)
                else None
            )
            item = patches.apply(place.kind, before, patch, manager, force=force)
            self._admit(asked, place, item, create=before is None)
            if before is None:
                return Answer(201, self._objects.create(place.kind, item))
            check_immutable(place.kind, before, item)
            return Answer(200, self._objects.update(place.kind, item))

    def _delete(self, asked: Asked, place: _Place) -> Answer:
        options = asked.json or {}
        word = (
            options.get("propagationPolicy") or asked.query.get("propagationPolicy") or "Background"
        )
        if not place.name:
            raise Refused(405, "the server does not allow this method on the requested resource")
        with self._objects.changed:
            item = self._objects.get(place.kind, place.namespace, place.name)
            wanted = (options.get("preconditions") or {}).get("uid")
            if wanted and wanted != item["metadata"]["uid"]:
                raise Refused(409, f'Operation cannot be fulfilled on {place.kind.qualified} "{place.name}": the '
                              f"UID in the precondition ({wanted}) does not match the UID in record "
                              f'({item["metadata"]["uid"]})')  # fmt: skip
            self._objects.delete(place.kind, place.namespace, place.name, word)
        details = {"name": place.name, "kind": place.kind.plural, "uid": item["metadata"]["uid"]}
        return Answer(
            200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details}
        )

    def _admit(self, asked: Asked, place: _Place, item: Item, *, create: bool = False) -> None:
        if create and place.namespace:
            spaces = self._cluster.kind("", "v1", "namespaces")
            assert spaces is not None
            self._objects.get(spaces, "", place.namespace)
        if not item["metadata"].get("name") and not item["metadata"].get("generateName"):
            text = "Required value: name or generateName is required"
            raise invalid(place.kind.kind, "", "metadata.name", text)
        if item["metadata"].get("name"):
            validate(place.kind, item)
        rbac.check_escalation(
            self._objects, self._cluster.by_plural, asked.user, self._cluster.rules(asked.user),
            place.kind, item,
        )  # fmt: skip
        for admission in self._cluster.admission:
            admission("create" if create else "update", place.kind, item)


def _no_path() -> NoReturn:
    raise Refused(404, "the server could not find the requested resource")
