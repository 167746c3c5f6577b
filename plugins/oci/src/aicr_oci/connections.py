"""Connections to servers: with or without TLS, through a proxy where one is set, kept for the next request."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aicr_oci.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

Origin = tuple[str, str]


class Connections:
    """Opens connections, and keeps one for each server. ``insecure`` takes any certificate."""

    def __init__(self, *, insecure: bool) -> None:
        self._insecure = insecure
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, http.client.HTTPConnection] = {}

    def kept(self, origin: Origin) -> http.client.HTTPConnection | None:
        """Take the connection that was kept for a server, if any; it may have been closed by now."""
        return self._idle.pop(origin, None)

    def keep(self, origin: Origin, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request to that server."""
        self._idle[origin] = connection

    def open(self, origin: Origin, seconds: float) -> http.client.HTTPConnection:
        """Give a new connection, which connects with its first request, in at most ``seconds``."""
        scheme, server = origin
        proxy = proxy_for(scheme, server)
        if scheme == "https":
            address = proxy.address if proxy else server
            secure = http.client.HTTPSConnection(address, timeout=seconds, context=self._context())
            if proxy:
                parts = urlsplit(f"//{server}")
                secure.set_tunnel(parts.hostname or "", parts.port or 443, proxy.headers)
            return secure
        if proxy:
            return _Forwarded(proxy.address, seconds, f"{scheme}://{server}", proxy.headers)
        return http.client.HTTPConnection(server, timeout=seconds)

    def close(self) -> None:
        """Close what was kept."""
        while self._idle:
            self._idle.popitem()[1].close()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # OpenSSL heeds SSL_CERT_FILE and SSL_CERT_DIR by itself.
            self._tls = ssl.create_default_context()
            if self._insecure:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        return self._tls


class _Forwarded(http.client.HTTPConnection):
    """A connection to a proxy that forwards plain requests: it is asked with whole URLs, and told who we are."""

    def __init__(self, address: str, seconds: float, root: str, headers: Mapping[str, str]) -> None:
        super().__init__(address, timeout=seconds)
        self._root = root
        self._login = headers

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **more: Any
    ) -> None:
        """Send a request, as to the server itself."""
        super().request(
            method, f"{self._root}{url}", body, {**(headers or {}), **self._login}, **more
        )
