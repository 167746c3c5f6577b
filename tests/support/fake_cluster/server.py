"""The HTTP side of the emulated API server: REST, watch, logs, discovery, access reviews, faults on demand.

RBAC is on: a token names a user, and what no rule allows is 403 in the words of the real server. Every request is
recorded as ``METHOD path?query``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from fake_cluster.store import ApiError, Key, Object, Resource, Store

VERSION = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.4",
    "platform": "linux/amd64",
    "goVersion": "go1.24.5",
}


class Fault(NamedTuple):
    """What goes wrong with requests whose ``METHOD path`` matches; ``times`` says how often.

    ``status`` 0 closes the connection without an answer; ``cut`` ends a stream after so many lines.
    """

    pattern: str
    status: int = 500
    times: int = 10**9
    retry_after: int | None = None
    delay: float = 0.0
    cut: int | None = None
    message: str = "injected"
    body: str | None = None


class Rule(NamedTuple):
    """One RBAC rule; ``*`` stands for everything. ``names`` empty: all names."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    groups: tuple[str, ...] = ("",)
    namespace: str = "*"
    names: tuple[str, ...] = ()


class FakeCluster:
    """One server on a port of its own. Use as a context manager."""

    def __init__(self) -> None:
        self.store = Store()
        self.requests: list[str] = []
        self.bodies: list[tuple[str, Any]] = []
        self.faults: list[list[Any]] = []
        self.users: dict[str, list[Rule] | None] = {"admin": None}
        self.logs: dict[tuple[str, str], Any] = {}
        self.raw: dict[str, Any] = {}
        self.version: dict[str, str] = dict(VERSION)
        cluster = self

        class Handler(_Handler):
            fake = cluster

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.stopping = False
        for name in ("default", "kube-system"):
            self.add("", "namespaces", {"metadata": {"name": name}})

    def __enter__(self) -> FakeCluster:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        with self.store.changed:
            self.store.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def kubeconfig(self, path: pathlib.Path, user: str = "admin", server: str = "") -> str:
        """Write a kubeconfig for ``user``; give its path."""
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": server or self.url}}],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": user}}],
        }  # fmt: skip
        path.write_text(json.dumps(config))
        return str(path)

    def register(
        self, group: str, version: str, plural: str, kind: str, *, namespaced: bool = False
    ) -> None:
        self.store.resources.append(Resource(group, version, plural, kind, namespaced))

    def add(self, group: str, plural: str, body: Object) -> Object:
        metadata = body["metadata"]
        return self.store.create(
            (group, plural, metadata.get("namespace", ""), metadata["name"]), body
        )

    def node(self, name: str, labels: dict[str, str] | None = None, **fields: Any) -> Object:
        return self.add("", "nodes", {"metadata": {"name": name, "labels": labels or {}}, **fields})

    def fault(self, pattern: str, **options: Any) -> None:
        fault = Fault(pattern, **options)
        self.faults.append([fault, fault.times])

    def names(self, group: str, plural: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.store.select(group, plural, "", "", "")]

    def allowed(
        self, user: str, verb: str, group: str, resource: str, namespace: str, name: str
    ) -> bool:
        rules = self.users.get(user, [])
        if rules is None:
            return True
        return any(
            ("*" in rule.verbs or verb in rule.verbs)
            and ("*" in rule.resources or resource in rule.resources)
            and ("*" in rule.groups or group in rule.groups)
            and rule.namespace in ("*", namespace)
            and (not rule.names or name in rule.names)
            for rule in rules
        )


class _Handler(BaseHTTPRequestHandler):
    fake: FakeCluster
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _serve(self) -> None:
        split = urlsplit(self.path)
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        path = unquote(split.path)
        self.line = f"{self.command} {path}" + (f"?{unquote(split.query)}" if split.query else "")
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length) if length else b""
        self.fake.requests.append(self.line)
        self.cut: int | None = None
        try:
            if self._faulty():
                return
            body = json.loads(data) if data else None
            if body is not None:
                self.fake.bodies.append((self.line, body))
            self._route(path, body)
        except ApiError as error:
            self._status(error.status, error.reason, error.message)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except ValueError as error:
            self._status(400, "BadRequest", str(error))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _faulty(self) -> bool:
        for entry in self.fake.faults:
            fault, left = entry
            if left > 0 and re.search(fault.pattern, self.line):
                entry[1] -= 1
                if fault.delay:
                    time.sleep(fault.delay)
                if fault.cut is not None:
                    self.cut = fault.cut
                    return False
                if fault.status == 0:
                    self.close_connection = True
                    self.connection.close()
                    return True
                if fault.status == 200 and fault.body is None:
                    return False
                if fault.body is not None:
                    self._send(fault.status, fault.body.encode(), "application/json")
                    return True
                headers = (
                    {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                )
                reasons = {
                    401: "Unauthorized",
                    403: "Forbidden",
                    404: "NotFound",
                    410: "Expired",
                    429: "TooManyRequests",
                }
                self._status(
                    fault.status, reasons.get(fault.status, "InternalError"), fault.message, headers
                )
                return True
        return False

    def _user(self) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.fake.users:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return token

    def _route(self, path: str, body: Any) -> None:
        if path in self.fake.raw:
            self._json(200, self.fake.raw[path])
            return
        user = self._user()
        if path in ("/version", "/version/"):
            self._json(200, self.fake.version)
        elif path in ("/api", "/apis") or re.fullmatch(r"/api/v1|/apis/[^/]+/[^/]+", path):
            self._discovery(path)
        elif path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            wanted = body["spec"].get("resourceAttributes", {})
            resource = wanted.get("resource", "")
            if wanted.get("subresource"):
                resource += f"/{wanted['subresource']}"
            allowed = self.fake.allowed(user, wanted.get("verb", ""), wanted.get("group", ""), resource,
                                        wanted.get("namespace", ""), wanted.get("name", ""))  # fmt: skip
            self._json(201, {**body, "status": {"allowed": allowed}})
        else:
            self._resource(user, path, body)

    def _resource(self, user: str, path: str, body: Any) -> None:
        found = re.fullmatch(
            r"/(?:api/v1|apis/(?P<group>[^/]+)/(?P<version>[^/]+))(?:/namespaces/(?P<ns>[^/]+)(?=/[^/]+))?"
            r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?", path,
        )  # fmt: skip
        if found is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        group, namespace, plural = found["group"] or "", found["ns"] or "", found["plural"]
        name, sub = found["name"] or "", found["sub"] or ""
        resource = self.fake.store.resource(group, plural)
        if found["version"] and found["version"] != resource.version:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        verb = {
            "GET": "get",
            "POST": "create",
            "PUT": "update",
            "PATCH": "patch",
            "DELETE": "delete",
        }[self.command]
        if verb == "get" and not name:
            verb = "watch" if self.query.get("watch") in ("1", "true") else "list"
        full = f"{plural}/{sub}" if sub else plural
        asked = name or (
            (body or {}).get("metadata", {}).get("name", "") if verb != "create" else ""
        )
        if not self.fake.allowed(user, verb, group, full, namespace, asked):
            scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            shown = f'"{name}" ' if name else ""
            raise ApiError(403, "Forbidden", f'{full} {shown}is forbidden: User "{user}" cannot {verb} resource '
                                             f'"{full}" in API group "{group}" {scope}')  # fmt: skip
        key: Key = (group, plural, namespace, name)
        if sub == "log" and plural == "pods":
            self._log(key)
        elif verb == "list":
            self._list(resource, key)
        elif verb == "watch":
            self._watch(key)
        elif verb == "get":
            self._json(200, self.fake.store.get(key))
        elif verb == "create":
            if namespace and body.get("metadata", {}).get("namespace", namespace) != namespace:
                raise ApiError(
                    400, "BadRequest", "the namespace of the object does not match the request"
                )
            created = self.fake.store.create(
                (group, plural, namespace, body.get("metadata", {}).get("name", "")), body
            )
            self._json(201, created)
        elif verb == "update":
            self._json(200, self.fake.store.update(key, body))
        elif verb == "patch":
            self._patch(key, body)
        else:
            uid = ((body or {}).get("preconditions") or {}).get("uid", "")
            self._json(200, self.fake.store.delete(key, uid))

    def _patch(self, key: Key, body: Any) -> None:
        kind = self.headers.get("Content-Type", "")
        if kind == "application/apply-patch+yaml":
            if not self.query.get("fieldManager"):
                raise ApiError(400, "BadRequest", "fieldManager is required for apply patch")
            try:
                old = self.fake.store.get(key)
            except ApiError:
                self._json(201, self.fake.store.create(key, body))
                return
            # One owner: what the applier no longer mentions goes.
            for field in ("data", "binaryData"):
                if field in old:
                    old[field] = None
            self._json(200, self.fake.store.update(key, {**_drop(old), **body}, merge=False))
        elif kind in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            self._json(200, self.fake.store.update(key, body, merge=True))
        else:
            raise ApiError(
                415,
                "UnsupportedMediaType",
                f"the body of the request was in an unknown format: {kind}",
            )

    def _list(self, resource: Resource, key: Key) -> None:
        items = self.fake.store.select(key[0], key[1], key[2], self.query.get("labelSelector", ""),
                                       self.query.get("fieldSelector", ""))  # fmt: skip
        limit = int(self.query.get("limit") or 0)
        start = 0
        if self.query.get("continue"):
            start = int(base64.b64decode(self.query["continue"]))
        page = items[start : start + limit] if limit else items[start:]
        metadata: Object = {"resourceVersion": str(self.fake.store.version)}
        if limit and start + limit < len(items):
            metadata["continue"] = base64.b64encode(str(start + limit).encode()).decode()
            metadata["remainingItemCount"] = len(items) - start - limit
        version = f"{resource.group}/{resource.version}".lstrip("/")
        if "as=PartialObjectMetadataList" in self.headers.get("Accept", ""):
            body = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "items": [{"metadata": item["metadata"]} for item in page]}  # fmt: skip
        else:
            for item in page:
                item.pop("kind", None)
                item.pop("apiVersion", None)
            body = {
                "kind": f"{resource.kind}List",
                "apiVersion": version,
                "metadata": metadata,
                "items": page,
            }
        self._json(200, body)

    def _watch(self, key: Key) -> None:
        store = self.fake.store
        version = int(self.query.get("resourceVersion") or store.version)
        end = time.monotonic() + float(self.query.get("timeoutSeconds") or 60)
        self._start_stream("application/json")
        sent = 0
        if version < store.forgotten:
            self._chunk(
                {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
            )
            self._end_stream()
            return
        from fake_cluster.store import matches

        while not self.fake.stopping:
            for number, event, where, item in store.since(version):
                version = number
                wanted = where[:2] == key[:2] and key[2] in ("", where[2])
                selectors = (
                    self.query.get("labelSelector", ""),
                    self.query.get("fieldSelector", ""),
                )
                if wanted and matches(item, *selectors):
                    if self.cut is not None and sent >= self.cut:
                        self.close_connection = True
                        self.connection.close()
                        return
                    self._chunk({"type": event, "object": item})
                    sent += 1
            if self.cut is not None and sent >= self.cut:
                self.close_connection = True
                self.connection.close()
                return
            left = end - time.monotonic()
            if left <= 0:
                break
            with store.changed:
                if store.version <= version:
                    store.changed.wait(min(left, 0.2))
        self._end_stream()

    def _log(self, key: Key) -> None:
        pod = self.fake.store.get((key[0], key[1], key[2], key[3]))
        phase = pod.get("status", {}).get("phase", "Pending")
        if phase == "Pending":
            raise ApiError(
                400,
                "BadRequest",
                f'container in pod "{key[3]}" is waiting to start: ContainerCreating',
            )
        follow = self.query.get("follow") == "true"
        self._start_stream("text/plain")
        sent = 0
        while not self.fake.stopping:
            lines = list(self.fake.logs.get((key[2], key[3]), ()))
            for line in lines[sent:]:
                if self.cut is not None and sent >= self.cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = line.encode() + b"\n" if isinstance(line, str) else line
                self._raw_chunk(data)
                sent += 1
            try:
                phase = (
                    self.fake.store.get((key[0], key[1], key[2], key[3]))
                    .get("status", {})
                    .get("phase")
                )
            except ApiError:
                break
            if not follow or (
                phase in ("Succeeded", "Failed")
                and sent >= len(self.fake.logs.get((key[2], key[3]), ()))
            ):
                break
            time.sleep(0.02)
        self._end_stream()

    def _discovery(self, path: str) -> None:
        store = self.fake.store
        if path == "/api":
            self._json(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            groups: dict[str, str] = {}
            for item in store.resources:
                if item.group:
                    groups.setdefault(item.group, item.version)
            self._json(200, {"kind": "APIGroupList", "groups": [
                {"name": name, "versions": [{"groupVersion": f"{name}/{version}", "version": version}],
                 "preferredVersion": {"groupVersion": f"{name}/{version}", "version": version}}
                for name, version in groups.items()]})  # fmt: skip
        else:
            group = "" if path == "/api/v1" else path.split("/")[2]
            version = path.rpartition("/")[2]
            known = [
                item for item in store.resources if (item.group, item.version) == (group, version)
            ]
            if not known:
                raise ApiError(404, "NotFound", "the server could not find the requested resource")
            self._json(200, {"kind": "APIResourceList", "groupVersion": f"{group}/{version}".lstrip("/"), "resources": [
                {"name": item.plural, "kind": item.kind, "namespaced": item.namespaced, "verbs": ["get", "list"]}
                for item in known]})  # fmt: skip

    # --- writing -----------------------------------------------------------------------------------

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _status(
        self, code: int, reason: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                "message": message}  # fmt: skip
        self._send(code, json.dumps(body).encode(), "application/json", headers)

    def _send(
        self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    def _start_stream(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, body: Any) -> None:
        self._raw_chunk(json.dumps(body).encode() + b"\n")

    def _raw_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def _drop(item: Object) -> Object:
    return {key: value for key, value in item.items() if value is not None}
