"""The API of the emulated cluster: one request in, one answer or stream out. Speaks no HTTP."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from fake_cluster import discovery, patches, rbac, selectors
from fake_cluster.refused import Refused, invalid, missing
from fake_cluster.validate import MAX_REQUEST, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_cluster.cluster import FakeCluster
    from fake_cluster.kinds import Kind

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
        fixed = self._fixed(asked, parts)
        if fixed is not None:
            return Answer(200, fixed)
        place = self._place(parts)
        if place.kind.plural == "selfsubjectaccessreviews" and asked.method == "POST":
            return Answer(201, self._review(asked))  # everybody may ask what he may
        self._check_access(asked, place)
        if place.sub == "log":
            return self._log(asked, place)
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
        if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
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

    def _demand(self, asked: Asked, access: rbac.Access) -> None:
        if not rbac.allowed(self._cluster.rules(asked.user), access):
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
        item = self._objects.get(place.kind, place.namespace, place.name)
        if "as=PartialObjectMetadata;" in asked.headers.get("accept", ""):
            return Answer(200, _metadata_only(item))
        return Answer(200, item)

    def _collection(self, asked: Asked, place: _Place) -> Answer:
        test = selectors.selector(
            place.kind, asked.query.get("labelSelector", ""), asked.query.get("fieldSelector", "")
        )
        if asked.query.get("watch") in ("true", "1"):
            return Answer(200, stream=self._watch(asked, place, test))
        return Answer(200, self._list(asked, place, test))

    def _list(self, asked: Asked, place: _Place, test: selectors.Test) -> Item:
        with self._objects.changed:
            found = [item for item in self._objects.all(place.kind, place.namespace) if test(item)]
            version = self._objects.version
            oldest = self._objects.compacted
        metadata: Item = {"resourceVersion": str(version)}
        token = asked.query.get("continue")
        if token:
            after, since = _token(token)
            if since < oldest:
                raise Refused(
                    410, "The provided continue parameter is too old to display a consistent list"
                )
            found = [item for item in found if _order(item) > after]
        limit = int(asked.query.get("limit") or 0)
        if limit and len(found) > limit:
            last = _order(found[limit - 1])
            text = json.dumps({"v": version, "after": last})
            metadata["continue"] = base64.urlsafe_b64encode(text.encode()).decode()
            metadata["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        accept = asked.headers.get("accept", "")
        if "as=PartialObjectMetadataList" in accept:
            items = [_metadata_only(item) for item in found]
            return {
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            }  # fmt: skip
        return {
            "kind": f"{place.kind.kind}List", "apiVersion": place.kind.api_version, "metadata": metadata,
            # As the real server: objects of a list do not repeat their kind, unless they are custom ones.
            "items": found if place.kind.custom else [_bare(item) for item in found],
        }  # fmt: skip

    def _watch(self, asked: Asked, place: _Place, test: selectors.Test) -> Iterator[bytes]:
        objects = self._objects
        end = time.monotonic() + float(asked.query.get("timeoutSeconds") or 1800)
        given = asked.query.get("resourceVersion", "")

        def ours(item: Item | None) -> bool:
            if item is None or (
                place.namespace and item["metadata"].get("namespace") != place.namespace
            ):
                return False
            return test(item)

        with objects.changed:
            if given in ("", "0"):
                first = [item for item in objects.all(place.kind, place.namespace) if test(item)]
                at = len(objects.history)
            elif int(given) < objects.compacted:
                refused = Refused(410, f"too old resource version: {given} ({objects.compacted})")
                yield _event("ERROR", refused.document())
                return
            else:
                first = []
                at = next(
                    (n for n, change in enumerate(objects.history) if change.version > int(given)),
                    len(objects.history),
                )
        for item in first:
            yield _event("ADDED", item)
        while True:
            with objects.changed:
                while at >= len(objects.history):
                    left = end - time.monotonic()
                    if left <= 0 or objects.stopped:
                        return
                    objects.changed.wait(min(left, 1.0))
                changes = objects.history[at:]
                at = len(objects.history)
            for change in changes:
                if change.kind.key != place.kind.key:
                    continue
                was, now = ours(change.before), ours(change.after)
                if now:
                    yield _event("MODIFIED" if was else "ADDED", change.after)
                elif was:
                    yield _event("DELETED", change.after or change.before)

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
            raise Refused(400, f'container "{container}" in pod "{place.name}" is waiting to start: ContainerCreating')  # fmt: skip
        tail = asked.query.get("tailLines")
        follow = asked.query.get("follow") in ("true", "1")
        lines = log.read(follow=follow, tail=None if tail is None else int(tail))
        return Answer(200, stream=lines, content_type="text/plain")

    # --- writing ----------------------------------------------------------------------------------

    def _create(self, asked: Asked, place: _Place) -> Answer:
        item = _body(asked, place)
        if place.kind.namespaced and not place.namespace:
            raise Refused(405, "the server does not allow this method on the requested resource")
        self._admit(asked, place, item, create=True)
        if place.kind.status and not place.kind.custom:
            item.pop("status", None)
        manager = asked.query.get("fieldManager") or "unknown"
        item = patches.wrote(place.kind, None, item, manager)
        return Answer(201, self._objects.create(place.kind, item))

    def _replace(self, asked: Asked, place: _Place) -> Answer:
        item = _body(asked, place)
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
            raise Refused(409, f'Precondition failed: UID in precondition: {uid}, UID in object meta: {before["metadata"]["uid"]}')  # fmt: skip
        if place.sub == "status":
            item = {**copy.deepcopy(before), "status": item.get("status")}
            item["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
            return Answer(200, self._objects.update(place.kind, item))
        if place.kind.status and "status" in before:
            item = {**item, "status": before["status"]}
        self._admit(asked, place, item)
        _immutable(place.kind, before, item)
        manager = asked.query.get("fieldManager") or "unknown"
        item = patches.wrote(place.kind, before, item, manager)
        return Answer(200, self._objects.update(place.kind, item))

    def _apply(self, asked: Asked, place: _Place) -> Answer:
        manager = asked.query.get("fieldManager", "")
        if not manager:
            raise Refused(422, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")  # fmt: skip
        patch = _body(asked, place)
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
            _immutable(place.kind, before, item)
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
            raise invalid(place.kind.kind, "", "metadata.name", "Required value: name or generateName is required")  # fmt: skip
        if item["metadata"].get("name"):
            validate(place.kind, item)
        rbac.check_escalation(
            self._objects, self._cluster.by_plural, asked.user, self._cluster.rules(asked.user),
            place.kind, item,
        )  # fmt: skip
        for admission in self._cluster.admission:
            admission("create" if create else "update", place.kind, item)


def _body(asked: Asked, place: _Place) -> Item:
    try:
        item = json.loads(asked.body)
    except ValueError:
        from aicr_core.kit import yamlio

        item = yamlio.load(asked.body, "body")
    if not isinstance(item, dict):
        raise Refused(400, "couldn't get version/kind; json parse error")
    kind = place.kind
    if (
        item.get("kind", kind.kind) != kind.kind
        or item.get("apiVersion", kind.api_version) != kind.api_version
    ):
        raise Refused(400, f'{item.get("apiVersion")}/{item.get("kind")} in the body does not match {kind.kind}')  # fmt: skip
    item["apiVersion"], item["kind"] = kind.api_version, kind.kind
    metadata = item.setdefault("metadata", {})
    if place.name and metadata.setdefault("name", place.name) != place.name:
        raise Refused(400, f"the name of the object ({metadata['name']}) does not match the name on the URL ({place.name})")  # fmt: skip
    if metadata.get("namespace", place.namespace) != place.namespace:
        raise Refused(400, f"the namespace of the provided object does not match the namespace sent on the request ({place.namespace})")  # fmt: skip
    if place.namespace:
        metadata["namespace"] = place.namespace
    return item


def _immutable(kind: Kind, before: Item, item: Item) -> None:
    name = item["metadata"]["name"]
    if before.get("immutable"):
        for field in ("data", "binaryData", "immutable"):
            if item.get(field) != before.get(field):
                raise invalid(
                    kind.kind, name, field, "Forbidden: field is immutable when `immutable` is set"
                )
    if kind.plural == "jobs" and item["spec"].get("template") != before["spec"].get("template"):
        raise invalid(kind.kind, name, "spec.template", "Invalid value: field is immutable")
    if kind.plural.endswith("rolebindings") and item["roleRef"] != before["roleRef"]:
        raise invalid(kind.kind, name, "roleRef", "Invalid value: cannot change roleRef")


def _no_path() -> Any:
    raise Refused(404, "the server could not find the requested resource")


def _order(item: Item) -> list[str]:
    return [item["metadata"].get("namespace", ""), item["metadata"]["name"]]


def _token(text: str) -> tuple[list[str], int]:
    try:
        token = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        raise Refused(400, "continue key is not valid") from None
    return token["after"], token["v"]


def _bare(item: Item) -> Item:
    return {k: v for k, v in item.items() if k not in ("kind", "apiVersion")}


def _metadata_only(item: Item) -> Item:
    return {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"],
    }  # fmt: skip


def _event(word: str, item: Item | None) -> bytes:
    return json.dumps({"type": word, "object": item}).encode() + b"\n"


__all__ = ["Answer", "Api", "Asked", "missing"]
