"""One repository of a registry, as the OCI distribution specification describes it: blobs and manifests.

Credentials go to the registry itself and nowhere else: where it redirects a download to other storage, they stay
behind. Whatever arrives is held to its digest and its length before it is given on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from aicr_core.api import AicrError, Code
from aicr_oci import manifest
from aicr_oci.faults import refused
from aicr_oci.layer import digest_of
from aicr_oci.login import Login
from aicr_oci.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from aicr_core.api import Context
    from aicr_oci.exchange import Answer
    from aicr_oci.manifest import Blob
    from aicr_oci.reference import Reference

_REDIRECTS = 5
_LOGINS = 2
"""The first 401 asks for credentials; one later may mean that a token has run out."""


class Document(NamedTuple):
    """A manifest's bytes and what the registry calls it."""

    data: bytes
    kind: str


class Registry:
    """Speaks to the registry of one reference; to be used in a ``with``. All methods raise AicrError."""

    def __init__(self, ctx: Context, reference: Reference, *, push: bool) -> None:
        self._reference = reference
        self._transport = Transport(
            ctx,
            plain=bool(ctx.options.get("plain_http")),
            insecure=bool(ctx.options.get("insecure_tls")),
        )
        self._login = Login(ctx, self._transport, reference, push=push)
        self._root = f"{self._transport.scheme}://{reference.api_host}"
        self._base = f"{self._root}/v2/{reference.repository}"

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.close()

    def upload(self, data: bytes) -> None:
        """Make sure that the registry has a blob: sent only when it is not there, in one piece."""
        digest = digest_of(data)
        there = self._ask("HEAD", f"{self._base}/blobs/{digest}")
        if there.status == 200:
            return
        if there.status != 404:
            raise self._refused(there, "ask for a blob")
        done = self._send(data, digest)
        if done.status == 404:
            # An upload that failed half-way may be forgotten when it is tried again: begin once more.
            done = self._send(data, digest)
        if done.status != 201:
            raise self._refused(done, "upload a blob")

    def _send(self, data: bytes, digest: str) -> Answer:
        start = f"{self._base}/blobs/uploads/"
        begun = self._ask("POST", start, body=b"")
        if begun.status != 202:
            raise self._refused(begun, "begin an upload")
        place = self._place(begun, start)
        joint = "&" if "?" in place else "?"
        return self._ask(
            "PUT", f"{place}{joint}digest={digest}", body=data,
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip

    def put_manifest(self, data: bytes, kind: str) -> str:
        """Store a manifest under the reference's tag; give its digest."""
        done = self._ask(
            "PUT", f"{self._base}/manifests/{self._reference.version}", body=data,
            headers={"Content-Type": kind},
        )  # fmt: skip
        if done.status != 201:
            raise self._refused(done, "store the manifest")
        digest = digest_of(data)
        self._check_header(done, digest)
        return digest

    def manifest(self, kinds: Iterable[str]) -> Document:
        """Give the manifest of the reference, held to its digest."""
        answer = self._ask(
            "GET", f"{self._base}/manifests/{self._reference.version}",
            headers={"Accept": ", ".join(kinds)}, limit=manifest.MOST_BYTES,
        )  # fmt: skip
        if answer.status != 200:
            raise self._refused(answer, "get the manifest")
        if len(answer.data) > manifest.MOST_BYTES:
            raise self._error(Code.INVALID_REQUEST, "the manifest is larger than one may be")
        digest = digest_of(answer.data)
        if self._reference.digest and digest != self._reference.digest:
            raise self._error(Code.UNAUTHORIZED, f"the manifest has another digest: {digest}")
        self._check_header(answer, digest)
        return Document(answer.data, answer.headers.get_content_type())

    def blob(self, blob: Blob) -> bytes:
        """Give a blob, held to its length and digest."""
        answer = self._ask(
            "GET", f"{self._base}/blobs/{blob.digest}", limit=blob.size, expected=blob.size
        )
        if answer.status != 200:
            raise self._refused(answer, "get the layer")
        if len(answer.data) != blob.size:
            word = "longer" if len(answer.data) > blob.size else "shorter"
            message = f"the layer is {word} than the {blob.size} bytes of its manifest"
            raise self._error(Code.UNAUTHORIZED, message)
        if digest_of(answer.data) != blob.digest:
            raise self._error(Code.UNAUTHORIZED, "the layer is not what its manifest says")
        return answer.data

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 0,
        expected: int = 0,
    ) -> Answer:
        """Make a request, logging in where the registry wants it, following where it may send a download."""
        logins = redirects = 0
        while True:
            own = _origin(url) == _origin(self._root)
            login = {"Authorization": self._login.header} if own and self._login.header else {}
            answer = self._transport.send(
                method, url, {**(headers or {}), **login}, body=body, limit=limit, expected=expected
            )
            if answer.status == 401 and own and logins < _LOGINS:
                logins += 1
                self._login.answer(answer)
            elif answer.status in (301, 302, 303, 307, 308) and method in ("GET", "HEAD"):
                redirects += 1
                if redirects > _REDIRECTS:
                    raise self._error(
                        Code.SERVICE_UNAVAILABLE, "the registry redirects in a circle"
                    )
                url = self._place(answer, url)
            else:
                return answer

    def _place(self, answer: Answer, url: str) -> str:
        """Give where an answer sends us. Raises where that is nowhere, or less safe than the registry."""
        try:
            place = urljoin(url, answer.headers.get("Location", ""))
            parts = urlsplit(place)
            sound = bool(answer.headers.get("Location") and _origin(place)[1])
        except ValueError:
            sound = False
        if not sound or parts.scheme not in ("https", self._transport.scheme):
            raise self._error(
                Code.SERVICE_UNAVAILABLE,
                "the registry sends us to a place that is not safe, or none",
                hint="a registry behind a proxy has to know its own https address",
            )
        return place

    def _check_header(self, answer: Answer, digest: str) -> None:
        said = answer.headers.get("Docker-Content-Digest", "")
        if said.startswith("sha256:") and said != digest:
            raise self._error(
                Code.UNAUTHORIZED, "the registry says another digest for the manifest"
            )

    def _refused(self, answer: Answer, doing: str) -> AicrError:
        return refused(answer, doing, self._reference, self._login.secrets)

    def _error(self, code: Code, message: str, hint: str | None = None) -> AicrError:
        return AicrError(code, message, where=self._reference.uri, hint=hint)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
