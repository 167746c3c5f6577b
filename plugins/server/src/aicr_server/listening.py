"""The socket that the server listens on: made before anything is loaded, so a port that is taken is told at once."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_server.settings import ServerSettings

BACKLOG = 1024


def listen(settings: ServerSettings) -> socket.socket:
    """Give a listening socket for ``AICR_BIND`` and ``PORT``; both families where no address is named.

    Raises AicrError(INVALID_REQUEST) when it cannot be had.
    """
    try:
        listener = _listener(settings.bind.strip("[]"), settings.port)
    except OSError as error:
        number = error.errno or 0
        text = os.strerror(number) if number > 0 else error.strerror or str(error)
        raise AicrError(
            Code.INVALID_REQUEST, f"cannot listen: {text}",
            where=f"{settings.bind or 'all addresses'}, port {settings.port}",
            hint="PORT and AICR_BIND say where; does another process listen there?",
        ) from None  # fmt: skip
    listener.setblocking(False)
    # Connections inherit it. Headers and body are two writes, and without it the second waits for the client's delayed
    # acknowledgement of the first: 40 ms for each answer on a connection that is kept.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _listener(host: str, port: int) -> socket.socket:
    if host and host != "::":
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server((address[0], port), family=family, backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            # A kernel that knows IPv6 but has it switched off, as in many containers.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104


def shown(listener: socket.socket) -> str:
    """Give the address of a listener as text."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_tls(settings: ServerSettings) -> None:
    """Hold certificate and key against each other. Raises AicrError(INVALID_REQUEST)."""
    if not settings.tls_cert:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without a password given, a key that wants one would ask for it on the terminal.
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise AicrError(
            Code.INVALID_REQUEST, f"cannot use the certificate and its key: {text}",
            where=f"AICR_TLS_CERT {settings.tls_cert}, AICR_TLS_KEY {settings.tls_key}",
            hint="PEM files are wanted: the certificate with its chain, and its key without a password",
        ) from None  # fmt: skip


def raise_file_limit(connections: int) -> None:
    """Let the process hold this many connections, as far as its hard limit goes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
