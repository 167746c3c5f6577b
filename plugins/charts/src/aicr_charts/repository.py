"""Charts from http(s) repositories: ``index.yaml``, then the package it names, held to its digest.

Name and password of ``HELM_REPOSITORY_USERNAME`` and ``HELM_REPOSITORY_PASSWORD`` go to the repository's own host
alone: not to another one that the index or a redirection names (spec/beyond.md 2.8).
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


def fetch_chart(ctx: Context, wanted: ChartWanted) -> bytes:
    """Give the package of a chart from its repository.

    Raises AicrError: NOT_FOUND without such a chart or version, UNAUTHORIZED for a refusal and for a package that is
    not what the index says, TIMEOUT, RATE_LIMIT_EXCEEDED, SERVICE_UNAVAILABLE.
    """
    base = wanted.repository.rstrip("/") + "/"
    secrets = _secrets(ctx.settings.env if ctx.settings is not None else {})
    address = f"{base}index.yaml"
    text = _get(ctx, address, MAX_INDEX, secrets).decode("utf-8", "replace")
    entry = _entry(versions(text, wanted.name, wanted.version, address), wanted, address)
    urls = entry.get("urls")
    if not isinstance(urls, list) or not urls or not isinstance(urls[0], str):
        raise AicrError(
            Code.NOT_FOUND, f"no address of {wanted.name} {wanted.version}", where=address
        )
    url = urljoin(base, urls[0])
    if urlsplit(url).scheme not in ("http", "https"):
        raise AicrError(Code.SERVICE_UNAVAILABLE, f"the index sends us to {url}", where=address)
    data = _get(ctx, url, MAX_PACKED, secrets if _host(url) == _host(base) else {})
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


def _get(ctx: Context, url: str, limit: int, secrets: Mapping[str, str]) -> bytes:
    try:
        return fetch(url, limit, seconds=ctx.remaining(), secrets=secrets).data
    except AicrError as error:
        if error.code is Code.UNAUTHORIZED and error.hint is None:
            error.hint = f"set {USERNAME} and {PASSWORD}"
        raise


def _secrets(env: Mapping[str, str]) -> dict[str, str]:
    name, password = env.get(USERNAME, ""), env.get(PASSWORD, "")
    if not name and not password:
        return {}
    token = base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {token}"}


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
