"""What the server is told by its environment (spec/server.md 1, 11, 12, 22). Read once, checked whole; nothing listens.

Numbers of the reference's own variables are scanned as it scans them, so a deployment that works there works here.
Variables of ours are strict: a typing error stops the start and is named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
# In the order in which the reference checks them; platforms are ours (D8).
ALLOWLISTS = {
    "accelerator": "AICR_ALLOWED_ACCELERATORS",
    "service": "AICR_ALLOWED_SERVICES",
    "intent": "AICR_ALLOWED_INTENTS",
    "os": "AICR_ALLOWED_OS",
    "platform": "AICR_ALLOWED_PLATFORMS",
}
_SCAN = re.compile(r"\s*([-+]?[0-9]+)")
KIB, MIB = 1024, 1024 * 1024


class ServerSettings(NamedTuple):
    """Settings of one server process; times are seconds, sizes bytes."""

    port: int = 8080
    bind: str = ""
    shutdown_timeout: int = 30
    log_level: str = "info"
    log_format: str = "json"
    allowed: Mapping[str, tuple[str, ...]] = {}
    rate_limit: float = 100
    rate_burst: int = 200
    rate_scope: str = "client"
    trusted_proxies: tuple[str, ...] = ()
    token_file: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    http_engine: str = ""
    http2: bool = False
    connections: int = 2048
    header_timeout: float = 5
    keep_alive: float = 120
    drain_grace: float = 0
    workers: int = 1
    bundles_at_once: int = 4
    data: tuple[str, ...] = ()
    criteria_body: int = 64 * KIB
    bundle_body: int = 8 * MIB
    body_timeout: float = 10
    bundle_timeout: float = 60

    @classmethod
    def from_env(
        cls,
        env: Mapping[str, str],
        parse: Callable[[str, str], str],
        warn: Callable[[str], None] = lambda _text: None,
    ) -> ServerSettings:
        """Read the variables; ``parse(dimension, text)`` gives a criteria value's canonical name or raises AicrError.

        Raises AicrError(INVALID_REQUEST) that names the variable.
        """
        default = cls()
        scope = env.get("AICR_RATE_SCOPE", "") or default.rate_scope
        if scope not in ("client", "global"):
            raise _wrong("AICR_RATE_SCOPE", scope, "client or global")
        log_format = env.get("AICR_LOG_FORMAT", "") or default.log_format
        if log_format not in ("json", "text"):
            raise _wrong("AICR_LOG_FORMAT", log_format, "json or text")
        cert, key = env.get("AICR_TLS_CERT", ""), env.get("AICR_TLS_KEY", "")
        if bool(cert) != bool(key):
            name = "AICR_TLS_CERT" if key else "AICR_TLS_KEY"
            raise _wrong(name, "", "a file: certificate and key go together")
        engine = env.get("AICR_HTTP_ENGINE", "")
        if engine not in ("", "granian", "uvicorn"):
            raise _wrong("AICR_HTTP_ENGINE", engine, "granian or uvicorn")
        return cls(
            port=_scanned(env, "PORT", default.port, 0, warn),
            bind=env.get("AICR_BIND", ""),
            shutdown_timeout=_scanned(
                env, "SHUTDOWN_TIMEOUT_SECONDS", default.shutdown_timeout, 1, warn
            ),
            log_level=_level(env.get("LOG_LEVEL", "")),
            log_format=log_format,
            allowed=_allowed(env, parse),
            rate_limit=_number(env, "AICR_RATE_LIMIT", default.rate_limit),
            rate_burst=int(_number(env, "AICR_RATE_BURST", default.rate_burst)),
            rate_scope=scope,
            trusted_proxies=_networks(env.get("AICR_TRUSTED_PROXIES", "")),
            token_file=env.get("AICR_TOKEN_FILE", ""),
            tls_cert=cert,
            tls_key=key,
            http_engine=engine,
            http2=_switch(env, "AICR_HTTP2"),
            connections=max(1, int(_number(env, "AICR_CONNECTIONS", default.connections))),
            header_timeout=_seconds(env, "AICR_HEADER_TIMEOUT_SECONDS", default.header_timeout),
            keep_alive=_seconds(env, "AICR_KEEP_ALIVE_SECONDS", default.keep_alive),
            drain_grace=_number(env, "AICR_DRAIN_GRACE_SECONDS", default.drain_grace),
            workers=max(1, int(_number(env, "AICR_WORKERS", default.workers))),
            bundles_at_once=max(
                1, int(_number(env, "AICR_BUNDLES_AT_ONCE", default.bundles_at_once))
            ),
            data=_listed(env.get("AICR_DATA_DIR", "")),
            criteria_body=_bytes(env, "AICR_CRITERIA_BODY_BYTES", default.criteria_body),
            bundle_body=_bytes(env, "AICR_BUNDLE_BODY_BYTES", default.bundle_body),
            body_timeout=_seconds(env, "AICR_BODY_TIMEOUT_SECONDS", default.body_timeout),
            bundle_timeout=_seconds(env, "AICR_BUNDLE_TIMEOUT_SECONDS", default.bundle_timeout),
        )


def _wrong(name: str, text: str, wanted: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f'"{text}" is not {wanted}', where=name)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _networks(text: str) -> tuple[str, ...]:
    """Give addresses and networks, each checked; an address is a network of one."""
    import ipaddress

    found = []
    for item in _listed(text):
        try:
            found.append(str(ipaddress.ip_network(item, strict=False)))
        except ValueError:
            raise _wrong("AICR_TRUSTED_PROXIES", item, "an address or a network") from None
    return tuple(found)


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").lower()
    if text in ("1", "true"):
        return True
    if text in ("", "0", "false"):
        return False
    raise _wrong(name, text, "1 or 0")


def _scanned(
    env: Mapping[str, str], name: str, default: int, least: int, warn: Callable[[str], None]
) -> int:
    """Read a number like C's ``%d``: leading blanks and what follows the digits do not count."""
    text = env.get(name, "")
    if not text:
        return default
    found = _SCAN.match(text)
    if found is None or int(found[1]) < least:
        if found is not None and name == "PORT":
            raise _wrong(name, text, "a port")
        warn(f'{name} is "{text}", which is no usable number: {default} it is')
        return default
    if name == "PORT" and int(found[1]) > 65535:
        raise _wrong(name, text, "a port")
    return int(found[1])


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        raise _wrong(name, text, "a number that is not negative")
    return float(text)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    """Read a time that bounds something: never nothing, at most a day."""
    found = _number(env, name, default)
    if not 0 < found <= 86_400:
        raise _wrong(name, env[name], "a number of seconds above 0, at most 86400")
    return found


def _bytes(env: Mapping[str, str], name: str, default: int) -> int:
    found = _number(env, name, default)
    if found != int(found) or not 0 < found <= 64 * MIB:
        raise _wrong(name, env[name], f"a number of bytes from 1 to {64 * MIB}")
    return int(found)


def _level(text: str) -> str:
    level = text.strip().lower()
    level = "warn" if level == "warning" else level
    return level if level in ("debug", "info", "warn", "error") else "info"


def _allowed(
    env: Mapping[str, str], parse: Callable[[str, str], str]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for dimension, name in ALLOWLISTS.items():
        values = []
        for item in _listed(env.get(name, "")):
            try:
                values.append(parse(dimension, item))
            except AicrError as error:
                raise AicrError(
                    Code.INVALID_REQUEST, f"invalid {name}: {error}", hint=error.hint
                ) from None
        kept = tuple(value for value in values if value != "any")
        if kept:
            found[dimension] = kept
    return found
