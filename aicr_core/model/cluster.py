"""The cluster as checks and other plugins see it: plain JSON requests, bounded by a deadline. Types only.

A plugin that can reach clusters implements this (``aicr_clusters``); whoever uses one needs to know no client library.
Every method may be called from several threads, and raises :class:`~aicr_core.kit.errors.AicrError`: NOT_FOUND for an
object that is not there, UNAUTHORIZED for a missing right, TIMEOUT, SERVICE_UNAVAILABLE, INTERNAL. Where a server
answered at all, the error's attributes ``status`` (HTTP, 0 without an answer) and ``reason`` (``AlreadyExists``,
``Invalid``) hold what it said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Object = dict[str, Any]


class Cluster(Protocol):
    """One API server with the rights of one kubeconfig context."""

    @property
    def host(self) -> str:
        """The API server's address."""

    def within(self, timeout: float | Callable[[], float]) -> Cluster:
        """Give the same cluster, over the same connections, with another deadline in seconds."""

    def path(
        self, api_version: str, resource: str, *, namespace: str = "", name: str = "", sub: str = ""
    ) -> str:
        """Give the path of a collection or object: ``path("apps/v1", "deployments", namespace="x", name="y")``."""

    def get(self, path: str, *, query: Mapping[str, str] | None = None) -> Object:
        """Give the JSON document at ``path``."""

    def text(
        self, path: str, *, query: Mapping[str, str] | None = None, limit: int = 1 << 20
    ) -> str:
        """Give what ``path`` answers as text, at most ``limit`` bytes of it: metrics of a proxied service."""

    def list(
        self, path: str, *, label_selector: str = "", field_selector: str = ""
    ) -> Iterator[Object]:
        """Give the objects of a collection, page by page."""

    def watch(
        self,
        path: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout: float = 0.0,
    ) -> Iterator[Object]:
        """Give events ``{"type": ..., "object": ...}`` until ``timeout`` seconds have passed."""

    def logs(
        self, namespace: str, pod: str, *, container: str = "", follow: bool = False
    ) -> Iterator[str]:
        """Give the lines of a container's log."""

    def version(self) -> Object:
        """Give what ``/version`` says."""

    def serves(self, api_version: str, resource: str = "") -> bool:
        """Tell whether the server has this group version, and this resource (plural name) in it."""

    def resource_of(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Give (plural name, namespaced) of a kind, by discovery. Raises NOT_FOUND for one nobody serves."""

    def can_i(
        self,
        verb: str,
        group: str,
        resource: str,
        namespace: str = "",
        subresource: str = "",
        name: str = "",
    ) -> bool:
        """Tell whether the caller has this right."""

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        """Create an object in the collection ``path``; status 409 when there is one of that name."""

    def replace(self, path: str, body: Mapping[str, Any]) -> Object:
        """Replace an object; with ``metadata.resourceVersion``, status 409 when it has changed since."""

    def apply(
        self, path: str, body: Mapping[str, Any], *, field_manager: str = "aicr", force: bool = True
    ) -> Object:
        """Create or change an object by server-side apply."""

    def patch(
        self, path: str, body: Any, content_type: str = "application/merge-patch+json"
    ) -> Object:
        """Patch an object."""

    def delete(
        self, path: str, *, uid: str = "", propagation: str = "Background", missing_ok: bool = False
    ) -> bool:
        """Delete an object, with ``uid`` only that very one; say whether there was one."""
