"""Charts from http(s) repositories: ``index.yaml``, then the package it names, held to its digest.

Name and password of ``HELM_REPOSITORY_USERNAME`` and ``HELM_REPOSITORY_PASSWORD`` go to a repository that asks for
them, over TLS or on this machine, and to its own host alone: not to another that the index or a redirection names
(spec/beyond.md 2.8). A recipe names many repositories, and most of them are nobody's business who the user is. With
``HELM_REPOSITORY_HOSTS`` only the hosts in it are told, however much others ask.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from aicr_charts.archive import MAX_PACKED
from aicr_charts.folders import same_version
from aicr_charts.index import versions
from aicr_core.api import AicrError, Code, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import ChartWanted, Context

MAX_INDEX = 64 * 1024 * 1024
USERNAME, PASSWORD = "HELM_REPOSITORY_USERNAME", "HELM_REPOSITORY_PASSWORD"
HOSTS = "HELM_REPOSITORY_HOSTS"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def fetch_chart(ctx: Context, wanted: ChartWanted) -> bytes:
    """Give the package of a chart from its repository.

    Raises AicrError: NOT_FOUND without such a chart or version, UNAUTHORIZED for a refusal and for a package that is
    not what the index says, TIMEOUT, RATE_LIMIT_EXCEEDED, SERVICE_UNAVAILABLE.
    """
    base = wanted.repository.rstrip("/") + "/"
    account = _Account(ctx.settings.env if ctx.settings is not None else {}, base)
    address = f"{base}index.yaml"
    text = _get(ctx, address, MAX_INDEX, account).decode("utf-8", "replace")
    entry = _entry(versions(text, wanted.name, wanted.version, address), wanted, address)
    urls = entry.get("urls")
    if not isinstance(urls, list) or not urls or not isinstance(urls[0], str):
        raise AicrError(
            Code.NOT_FOUND, f"no address of {wanted.name} {wanted.version}", where=address
        )
    url = urljoin(base, urls[0])
    if urlsplit(url).scheme not in ("http", "https"):
        raise AicrError(Code.SERVICE_UNAVAILABLE, f"the index sends us to {url}", where=address)
    if urlsplit(url).scheme == "http" and urlsplit(base).scheme == "https":
        raise AicrError(
            Code.SERVICE_UNAVAILABLE, f"the index sends us to {url}, which is less safe", where=address,
            hint="the repository's owner has to name https:// addresses",
        )  # fmt: skip
    data = _get(ctx, url, MAX_PACKED, account)
    digest = str(entry.get("digest") or "").removeprefix("sha256:").lower()
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise AicrError(
            Code.UNAUTHORIZED, "the package is not what the repository's index says: its digest differs",
            where=url, hint="ask the repository's owner; it may have been replaced",
        )  # fmt: skip
    return data


def _entry(found: list[dict[str, Any]], wanted: ChartWanted, address: str) -> dict[str, Any]:
    for exact in (True, False):
        for entry in found:
            version = str(entry.get("version", ""))
            if version == wanted.version or (not exact and same_version(version, wanted.version)):
                return entry
    raise AicrError(
        Code.NOT_FOUND, f"the repository has no version {wanted.version} of {wanted.name}", where=address,
        hint="check `version` of the component",
    )  # fmt: skip


def _get(ctx: Context, url: str, limit: int, account: _Account) -> bytes:
    while True:
        try:
            return fetch(url, limit, seconds=ctx.remaining(), secrets=account.headers(url)).data
        except AicrError as error:
            if error.code is not Code.UNAUTHORIZED:
                raise
            if not account.may_tell(url):
                error.hint = error.hint or account.hint
                raise
            account.asked = True


class _Account:
    """The user's name and password for one repository; told to nobody before he is asked for them."""

    def __init__(self, env: Mapping[str, str], base: str) -> None:
        name, password = env.get(USERNAME, ""), env.get(PASSWORD, "")
        token = base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
        self._secrets = {"Authorization": f"Basic {token}"} if name or password else {}
        self._base = base
        parts = urlsplit(base)
        host = (parts.hostname or "").lower()
        hosts = {text.strip().lower() for text in env.get(HOSTS, "").split(",")} - {""}
        self.hint = f"set {USERNAME} and {PASSWORD}"
        if self._secrets and hosts and host not in hosts:
            self._secrets, self.hint = {}, f"{HOSTS} does not name {host}"
        elif self._secrets and parts.scheme != "https" and host not in _LOOPBACK:
            self._secrets, self.hint = (
                {},
                "name and password are not sent without TLS: use https://",
            )
        self.asked = False

    def headers(self, url: str) -> dict[str, str]:
        """Give what the server of a URL is told."""
        return self._secrets if self.asked and _host(url) == _host(self._base) else {}

    def may_tell(self, url: str) -> bool:
        """Tell whether asking again, with name and password, makes sense."""
        return bool(self._secrets) and not self.asked and _host(url) == _host(self._base)


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
