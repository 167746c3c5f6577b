"""The one thing that talks to an API server: the official client's configuration, login and transport, plain JSON.

Typed models are not used: they refuse valid objects and cost a second to import (design, 14). Every call ends within
the time that is left, and every failure is an AicrError that names the object and what to do. One instance serves one
invocation: one kubeconfig, one context.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code
from aicr_kube.errors import answered, broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Object = dict[str, Any]
PAGE = 500
CONNECT = 5.0
PARALLEL = 8
"""Requests at once: the official Go client's limiter has no counterpart here, so we limit ourselves."""
_RETRIED = (429, 503)
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Cluster:
    """A connection to one cluster. ``remaining`` gives the seconds that are left for everything."""

    def __init__(self, api: Any, remaining: Callable[[], float], where: str) -> None:
        self._api = api
        self._remaining = remaining
        self.where = where
        self._gate = threading.BoundedSemaphore(PARALLEL)

    @classmethod
    def open(
        cls, kubeconfig: str = "", *, env: Mapping[str, str] | None = None, context: str = "",
        remaining: Callable[[], float] | None = None,
    ) -> Cluster:  # fmt: skip
        """Connect by the kubeconfig given, else ``KUBECONFIG``, else ``~/.kube/config``, else from inside a cluster.

        Raises AicrError: NOT_FOUND for a file that is not there or no configuration at all, INVALID_REQUEST for one
        that cannot be read.
        """
        from kubernetes import client, config

        env = os.environ if env is None else env
        configuration = client.Configuration()
        path = kubeconfig or env.get("KUBECONFIG", "") or _default_path(env)
        try:
            if path:
                for part in (
                    [part for part in path.split(os.pathsep) if part] if not kubeconfig else [path]
                ):
                    if not os.path.exists(part):
                        raise AicrError(
                            Code.NOT_FOUND, "there is no such kubeconfig", where=part,
                            hint="give another with --kubeconfig, or set KUBECONFIG",
                        )  # fmt: skip
                config.load_kube_config(
                    config_file=path, context=context or None, client_configuration=configuration,
                    persist_config=False,
                )  # fmt: skip
            else:
                config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            if not path:
                raise AicrError(
                    Code.NOT_FOUND, "there is no kubeconfig, and this is no pod of a cluster",
                    hint="give --kubeconfig, or set KUBECONFIG",
                ) from None  # fmt: skip
            raise AicrError(
                Code.INVALID_REQUEST, f"the kubeconfig is not usable: {error}", where=path
            ) from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise AicrError(
                Code.INVALID_REQUEST, f"the kubeconfig cannot be read: {error}", where=path
            ) from None
        except Exception as error:
            # PyYAML, a dependency of the client, has errors of its own; importing it to name them is not worth it.
            if type(error).__module__.startswith("yaml"):
                text = " ".join(str(error).split())
                raise AicrError(
                    Code.INVALID_REQUEST, f"the kubeconfig is no YAML: {text}", where=path
                ) from None
            raise
        configuration.connection_pool_maxsize = PARALLEL
        return cls(
            client.ApiClient(configuration),
            remaining or (lambda: 30.0),
            path or "in-cluster configuration",
        )

    # --- reading -------------------------------------------------------------------------------------

    def get(self, path: str, *, query: Mapping[str, str] | None = None) -> Object:
        """Give one object, or whatever ``path`` answers to ``query``. Raises AicrError."""
        return self._json("GET", path, query)

    def list(
        self,
        path: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Iterator[Object]:
        """Give the objects of a collection, page by page; a list that expired meanwhile is begun anew, once."""
        query = {
            "limit": str(PAGE),
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
        }
        accept = _METADATA_ONLY if metadata_only else "application/json"
        seen: set[str] = set()
        again = True
        token = ""
        while True:
            try:
                page = self._json("GET", path, {**query, "continue": token}, accept=accept)
            except AicrError as error:
                if not (token and again and "expired" in error.message.lower()):
                    raise
                again, token = False, ""
                query.pop("limit")
                continue
            for item in page.get("items") or ():
                uid = item.get("metadata", {}).get("uid") or str(id(item))
                if uid not in seen:
                    seen.add(uid)
                    yield item
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def version(self) -> Object:
        """Give what the server says of itself: gitVersion, platform, goVersion."""
        return self._json("GET", "/version")

    def can_i(
        self,
        verb: str,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        subresource: str = "",
        name: str = "",
    ) -> bool:
        """Tell whether the user may do this (a SelfSubjectAccessReview)."""
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace,
                      "subresource": subresource, "name": name}  # fmt: skip
        body = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }  # fmt: skip
        answer = self._json(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body
        )
        return bool(answer.get("status", {}).get("allowed"))

    # --- writing -------------------------------------------------------------------------------------

    def create(self, path: str, body: Object) -> Object:
        """Create an object in the collection ``path``."""
        return self._json("POST", path, body=body)

    def apply(self, path: str, body: Object, manager: str = "aicr") -> Object:
        """Apply an object on the server's side, taking over fields that others own."""
        query = {"fieldManager": manager, "force": "true"}
        return self._json("PATCH", path, query, body=body, content_type=APPLY)

    def patch(self, path: str, body: Object) -> Object:
        """Merge ``body`` into an object (JSON merge patch)."""
        return self._json("PATCH", path, body=body, content_type=MERGE)

    def delete(self, path: str, *, uid: str = "", propagation: str = "Background") -> bool:
        """Delete an object; give False when it, or the one of that ``uid``, is not there any more."""
        body: Object = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._json("DELETE", path, body=body)
        except AicrError as error:
            # 409 is the precondition: an object of that name, but not ours.
            if error.code is Code.NOT_FOUND or (uid and "precondition" in error.message.lower()):
                return False
            raise
        return True

    # --- streams -------------------------------------------------------------------------------------

    def watch(
        self, path: str, *, resource_version: str = "", label_selector: str = "", field_selector: str = "",
        timeout: float = 60.0,
    ) -> Iterator[Object]:  # fmt: skip
        """Give events until the server ends the watch or ``timeout`` seconds passed.

        A watch that is cut simply ends; the caller lists again. Raises AicrError(NOT_FOUND) with "expired" in it
        when the resource version is too old.
        """
        seconds = max(1, int(min(timeout, self._remaining())))
        query = {"watch": "true", "resourceVersion": resource_version, "labelSelector": label_selector,
                 "fieldSelector": field_selector, "timeoutSeconds": str(seconds)}  # fmt: skip
        for line in self._lines("GET", path, query, read=seconds + CONNECT):
            try:
                event = json.loads(line)
            except ValueError:
                return
            if event.get("type") == "ERROR":
                status = event.get("object", {})
                raise AicrError(
                    Code.NOT_FOUND, f"the watch expired: {status.get('reason', '')}", where=path
                )
            yield event

    def logs(
        self, namespace: str, pod: str, *, follow: bool = False, timeout: float = 60.0
    ) -> Iterator[str]:
        """Give the lines of a pod's log; ``follow`` goes on until the pod ends or nothing came for ``timeout``."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = {"follow": "true"} if follow else {}
        for line in self._lines("GET", path, query, read=timeout):
            yield line.decode("utf-8", "replace")

    def _lines(
        self, method: str, path: str, query: Mapping[str, str], read: float
    ) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        response = self._send(method, path, query, None, "application/json", "*/*", read=read)
        rest = b""
        try:
            while (
                chunk := response.read1(65536)
                if hasattr(response, "read1")
                else response.read(65536)
            ):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > 64 * 1024 * 1024:
                    raise AicrError(Code.INTERNAL, "a line of the stream is endless", where=path)
                yield from lines
            if rest:
                yield rest
        except (HTTPError, OSError):
            # The stream was cut or nothing more came: what arrived is given, the caller decides what it means.
            if rest:
                yield rest
        finally:
            response.close()

    # --- one request ---------------------------------------------------------------------------------

    def _json(
        self, method: str, path: str, query: Mapping[str, str] | None = None, *, body: Object | None = None,
        content_type: str = "application/json", accept: str = "application/json",
    ) -> Object:  # fmt: skip
        from urllib3.exceptions import HTTPError

        with self._gate:
            response = self._send(method, path, query or {}, body, content_type, accept)
            try:
                data = response.read()
            except (HTTPError, OSError) as error:
                raise broken(error, method, path) from None
            finally:
                response.release_conn()
        try:
            answer = json.loads(data)
        except ValueError:
            raise AicrError(Code.INTERNAL, "the answer is no JSON", where=path,
                            hint="is this the address of an API server?") from None  # fmt: skip
        if not isinstance(answer, dict):
            raise AicrError(
                Code.INTERNAL, f"the answer is a {type(answer).__name__}, not an object", where=path
            )
        return answer

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Object | None, content_type: str, accept: str,
        read: float | None = None,
    ) -> Any:  # fmt: skip
        from urllib.parse import quote, urlencode

        import urllib3

        words = urlencode({key: value for key, value in query.items() if value})
        url = (
            self._api.configuration.host.rstrip("/") + quote(path) + (f"?{words}" if words else "")
        )
        headers = {**self._api.default_headers, "Accept": accept, "User-Agent": "aicr"}
        for setting in self._api.configuration.auth_settings().values():
            if setting.get("in") == "header" and setting.get("value"):
                headers[setting["key"]] = setting["value"]
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body).encode("utf-8")
        while True:
            left = self._remaining()
            if left <= 0:
                raise AicrError(Code.TIMEOUT, f"no time was left for {method}", where=path)
            try:
                response = self._api.rest_client.pool_manager.request(
                    method, url, body=data, headers=headers, preload_content=False, retries=False,
                    timeout=urllib3.Timeout(connect=min(CONNECT, left), read=min(read or left, left + CONNECT)),
                )  # fmt: skip
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise broken(error, method, path) from None
            if response.status < 300:
                return response
            pause = _pause(response)
            if response.status in _RETRIED and pause is not None and pause < self._remaining():
                response.drain_conn()
                time.sleep(pause)
                continue
            text = response.read(65536)
            response.release_conn()
            raise answered(response.status, text, method, path)


def _pause(response: Any) -> float | None:
    """Give the seconds of ``Retry-After``; None without one that is a number."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < 6 else None


def _default_path(env: Mapping[str, str]) -> str:
    path = os.path.join(env.get("HOME", ""), ".kube", "config")
    return path if env.get("HOME") and os.path.exists(path) else ""
