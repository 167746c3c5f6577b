"""Which proxy stands between us and a registry: the environment says, as for other container tools.

``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, upper or lower case. This machine itself is never asked through a
proxy. Only proxies that are reached over plain HTTP are known; they see no more of a TLS registry than its name.
"""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import (  # type: ignore[attr-defined]
    getproxies_environment,
    proxy_bypass_environment,
)

from aicr_core.api import AicrError, Code


class Proxy(NamedTuple):
    """Address (``host:port``) of a proxy and the headers it wants."""

    address: str
    headers: dict[str, str]


def proxy_for(scheme: str, netloc: str) -> Proxy | None:
    """Give the proxy for a server, None for none. Raises AicrError(INVALID_REQUEST) for one of an unknown kind."""
    known = getproxies_environment()
    url = known.get(scheme) or known.get("all")
    if not url or _own(netloc) or proxy_bypass_environment(netloc, known):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        raise AicrError(
            Code.INVALID_REQUEST,
            "only proxies with an address like http://proxy.example.com:3128 are known",
            where=f"{scheme.upper()}_PROXY",
            hint=f"name the registry in NO_PROXY if it is reached without: {netloc}",
        )
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Proxy(f"{host}:{port}", headers)


def _own(netloc: str) -> bool:
    host = urlsplit(f"//{netloc}").hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"
