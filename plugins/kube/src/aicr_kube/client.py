"""The one door to an API server: plain JSON requests with the caller's rights, deadlines and errors.

Everything else of this package asks a :class:`Cluster`; nothing else talks HTTP. The official client gives
configuration, authentication and transport; its typed classes are not used (design.md 14: they cost seconds and
refuse valid objects). Nothing here knows what the objects mean.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import Code
from aicr_kube import config, failures
from aicr_kube.failures import KubeError
from aicr_kube.paths import object_path
from aicr_kube.transport import Request, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from aicr_core.api import Context
    from aicr_kube.discovery import Discovery

PAGE = 500
"""Objects in one page of a list (spec/snapshot.md 18)."""
REQUEST = 30.0
"""Seconds for a request whose caller has no deadline of its own."""
TEXT = 1 << 20
"""Bytes that are read of a text, unless more are asked for."""
FIELD_MANAGER = "aicr"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Cluster:
    """One cluster, seen with the rights of one kubeconfig context. Safe to use from several threads.

    Every method raises :class:`KubeError` with the object's path; what it asks is bounded by the deadline given
    to :meth:`open`. A 429 or 503 with ``Retry-After`` is waited for as long as the deadline allows.
    """

    def __init__(self, transport: Transport, remaining: Callable[[], float]) -> None:
        self._transport = transport
        self._remaining = remaining

    # --- opening ----------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        kubeconfig: str = "",
        context: str = "",
        *,
        timeout: float | Callable[[], float] = 30.0,
        env: Mapping[str, str] | None = None,
    ) -> Cluster:
        """Give the cluster of a kubeconfig, found by the rules of :mod:`aicr_kube.config`. Connects to nothing.

        ``timeout`` is what each request may take in seconds, or a function that gives the seconds left
        (``ctx.remaining``), which then bounds all requests together.
        """
        remaining = timeout if callable(timeout) else _each(timeout)
        client = config.api_client(
            kubeconfig, context, os.environ if env is None else env, remaining()
        )
        return cls(Transport(client), remaining)

    @classmethod
    def of(cls, ctx: Context, timeout: Callable[[], float] | None = None) -> Cluster:
        """Give the cluster that a run asks for, bounded by the deadline of its context (or ``timeout``).

        That is the one the core has connected to already, where there is one.
        """
        shared = ctx.options.get("cluster")
        if isinstance(shared, cls):
            return shared.within(timeout or ctx.remaining)
        return cls.open(
            str(ctx.options.get("kubeconfig") or ""),
            str(ctx.options.get("context") or ""),
            timeout=timeout or ctx.remaining,
            env=ctx.settings.env if ctx.settings is not None else None,
        )

    def within(self, timeout: float | Callable[[], float]) -> Cluster:
        """Give the same cluster, over the same connections, with another deadline: a clean-up has its own.

        Here a number is a deadline for all that follows together, from now.
        """
        return Cluster(self._transport, timeout if callable(timeout) else _until(timeout))

    @property
    def host(self) -> str:
        """The API server's address."""
        return self._transport.host

    def close(self) -> None:
        """Close the idle connections; one that is used again after that opens new ones."""
        self._transport.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    # --- reading ----------------------------------------------------------------------------------

    def get(self, path: str, *, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Give the JSON document at ``path`` (:func:`aicr_kube.paths.object_path` makes paths)."""
        return self._json(Request("GET", path, query or {}))

    def path(
        self, api_version: str, resource: str, *, namespace: str = "", name: str = "", sub: str = ""
    ) -> str:
        """Give the path of a collection or object of a group version (``apps/v1``)."""
        group, _, version = api_version.rpartition("/")
        return object_path(group, version, resource, namespace=namespace, name=name, sub=sub)

    def text(self, path: str, *, query: Mapping[str, str] | None = None, limit: int = TEXT) -> str:
        """Give what ``path`` answers as text, at most ``limit`` bytes of it."""
        request = Request("GET", path, query or {}, accept="*/*")
        return self._transport.send(request, self._remaining, limit).decode("utf-8", "replace")

    def get_as(self, path: str, accept: str) -> dict[str, Any]:
        """Give the document at ``path`` in another representation (``Accept``)."""
        return self._json(Request("GET", path, {}, accept=accept))

    def list(
        self,
        path: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = PAGE,
        accept: str = "application/json",
    ) -> Iterator[dict[str, Any]]:
        """Give the objects of a collection, page by page; an object has no ``kind`` of its own in a list.

        When the server forgets where we are (410), the list starts again once, unpaged, and what was given
        already is not given twice.
        """
        query = {"limit": str(limit)} if limit else {}
        query |= {"labelSelector": label_selector} if label_selector else {}
        query |= {"fieldSelector": field_selector} if field_selector else {}
        seen: set[tuple[str, str]] = set()
        again = False
        while True:
            try:
                page = self._json(Request("GET", path, query, accept=accept))
            except KubeError as error:
                if error.status != 410 or again:
                    raise
                again = True
                query = {k: v for k, v in query.items() if k not in ("limit", "continue")}
                continue
            for item in page.get("items") or ():
                metadata = item.get("metadata") or {}
                key = (metadata.get("namespace", ""), metadata.get("name", ""))
                if again and key in seen:
                    continue
                seen.add(key)
                yield item
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def metadata_list(self, path: str, *, label_selector: str = "") -> Iterator[dict[str, Any]]:
        """Give only the metadata of a collection's objects: no spec, no data (PartialObjectMetadataList)."""
        return self.list(path, label_selector=label_selector, accept=_METADATA)

    def watch(
        self,
        path: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout: float = 0.0,
    ) -> Iterator[dict[str, Any]]:
        """Give events ``{"type": "ADDED|MODIFIED|DELETED", "object": ...}`` of a collection as they happen.

        Ends by itself after ``timeout`` seconds (0: what is left). Raises KubeError with status 410 when
        ``resource_version`` is too old (list again), and with reason ``Cut`` when the connection breaks.
        """
        left = min(timeout or self._remaining(), self._remaining())
        query = {"watch": "true", "timeoutSeconds": str(max(1, int(left)))}
        query |= {"labelSelector": label_selector} if label_selector else {}
        query |= {"fieldSelector": field_selector} if field_selector else {}
        query |= {"resourceVersion": resource_version} if resource_version else {}
        request = Request("GET", path, query)
        for line in self._transport.lines(request, self._remaining):
            if not line.strip():
                continue
            event = self._decoded(line, request)
            if event.get("type") == "ERROR":
                raise failures.from_event(event, request.target)
            yield event

    def logs(
        self, namespace: str, pod: str, *, container: str = "", follow: bool = False
    ) -> Iterator[str]:
        """Give the lines of a container's log, with ``follow`` as they are written, until it ends."""
        path = object_path("", "v1", "pods", namespace=namespace, name=pod, sub="log")
        query = {"container": container} if container else {}
        query |= {"follow": "true"} if follow else {}
        request = Request("GET", path, query, accept="text/plain, application/json, */*")
        for line in self._transport.lines(request, self._remaining):
            yield line.decode("utf-8", "replace")

    def version(self) -> dict[str, Any]:
        """Give what ``/version`` says."""
        return self.get("/version")

    def discover(self) -> Discovery:
        """Give what the server serves: groups, versions, resources, in the server's order."""
        from aicr_kube.discovery import discover

        return discover(self)

    def serves(self, api_version: str, resource: str = "") -> bool:
        """Tell whether the server has this group version, and this resource (plural name) in it."""
        try:
            found = self._served(api_version, lambda item: resource in ("", item["name"]))
            return found is not None or not resource
        except KubeError as error:
            if error.status == 404:
                return False
            raise

    def resource_of(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Give (plural name, namespaced) of a kind. Raises KubeError(NOT_FOUND) for one nobody serves."""
        found = self._served(
            api_version, lambda item: item.get("kind") == kind and "/" not in item["name"]
        )
        if found is None:
            raise KubeError(
                Code.NOT_FOUND, f"the API server has no {kind} in {api_version}", status=404,
                reason="NotFound", where=_group_path(api_version), hint="install what brings this kind",
            )  # fmt: skip
        return found["name"], bool(found.get("namespaced"))

    def _served(
        self, api_version: str, wanted: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any] | None:
        """Give a resource of a group version, None when it has none such.

        What the server said once counts for the life of the connections, but for what is missing in it: that may have
        been installed meanwhile.
        """
        known = self._transport.served
        found = _first(known.get(api_version), wanted)
        if found is None:
            known[api_version] = self.get(_group_path(api_version))
            found = _first(known[api_version], wanted)
        return found

    def can_i(
        self,
        verb: str,
        group: str,
        resource: str,
        namespace: str = "",
        subresource: str = "",
        name: str = "",
    ) -> bool:
        """Say whether the caller has this right (SelfSubjectAccessReview); namespace "" means all of them."""
        attributes = {
            "verb": verb, "group": group, "resource": resource, "namespace": namespace,
            "subresource": subresource, "name": name,
        }  # fmt: skip
        answer = self.create(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
            },
        )
        return bool((answer.get("status") or {}).get("allowed"))

    # --- writing ----------------------------------------------------------------------------------

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object in the collection ``path``; status 409 when there is one of that name."""
        return self._json(Request("POST", path, {"fieldManager": FIELD_MANAGER}, body))

    def replace(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an object (PUT); with ``metadata.resourceVersion``, status 409 when it has changed since."""
        return self._json(Request("PUT", path, {"fieldManager": FIELD_MANAGER}, body))

    def apply(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        field_manager: str = FIELD_MANAGER,
        force: bool = True,
    ) -> dict[str, Any]:
        """Create or change an object by server-side apply; ``force`` takes fields over from other managers."""
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        return self._json(Request("PATCH", path, query, body, APPLY))

    def patch(self, path: str, body: Any, content_type: str = MERGE) -> dict[str, Any]:
        """Patch an object; ``content_type`` is ``MERGE``, ``STRATEGIC`` or ``application/json-patch+json``."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._json(Request("PATCH", path, query, body, content_type))

    def delete(
        self, path: str, *, uid: str = "", propagation: str = "Background", missing_ok: bool = False
    ) -> bool:
        """Delete an object and, by ``propagation``, what it owns; say whether there was one to delete.

        With ``uid`` only that very object: one of the same name made since then is left alone (status 409).
        ``missing_ok`` takes an object that is not there for an answer.
        """
        body: dict[str, Any] = {
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation,
        }  # fmt: skip
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._json(Request("DELETE", path, {}, body))
        except KubeError as error:
            if error.status == 404 and missing_ok:
                return False
            raise
        return True

    # --- one request ------------------------------------------------------------------------------

    def _json(self, request: Request) -> dict[str, Any]:
        return self._decoded(self._transport.send(request, self._remaining), request)

    def _decoded(self, data: bytes, request: Request) -> dict[str, Any]:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise KubeError(
                Code.INTERNAL,
                f"{self.host} answered something that is no JSON object",
                reason="NoJSON",
                where=request.path,
                hint="check that the server of the kubeconfig is an API server and no proxy's login page",
            )
        return document


def connect(ctx: Context) -> Cluster:
    """Give the cluster of the user's kubeconfig for a whole invocation; each request has its usual time."""
    return Cluster.of(ctx, timeout=_each(REQUEST))


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _each(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def _until(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: max(0.0, end - time.monotonic())


def _first(
    document: Mapping[str, Any] | None, wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any] | None:
    return next((item for item in (document or {}).get("resources") or () if wanted(item)), None)
