"""Settings from the environment: the reference's numbers as it scans them, ours strictly, each error with its name."""

from __future__ import annotations

import pathlib
import re

import pytest
from aicr_server.settings import ALLOWLISTS, ServerSettings

from aicr_core.api import AicrError, Code

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/user/server.md"


def _read(warnings: list[str] | None = None, **env: str) -> ServerSettings:
    notes: list[str] = [] if warnings is None else warnings
    return ServerSettings.from_env(env, _parse, notes.append)


def _parse(dimension: str, text: str) -> str:
    known = {
        "eks": "eks",
        "gke": "gke",
        "al2": "amazonlinux",
        "amazonlinux": "amazonlinux",
        "any": "any",
    }
    if text.lower() not in known:
        raise AicrError(Code.INVALID_REQUEST, f"invalid {dimension} type: {text}")
    return known[text.lower()]


@pytest.mark.parametrize(
    ("text", "port", "warns"),
    [
        ("", 8080, False), ("9000", 9000, False), ("  9000", 9000, False), ("\t9000", 9000, False),
        ("18102abc", 18102, False), ("0x50", 0, False), ("0", 0, False), ("+81", 81, False), ("8080.5", 8080, False),
        ("abc", 8080, True), ("-", 8080, True), ("x1", 8080, True), (" ", 8080, True),
    ],
)  # fmt: skip
def test_port_is_scanned_as_the_reference_does(text: str, port: int, warns: bool) -> None:
    warnings: list[str] = []
    assert _read(warnings, PORT=text).port == port
    assert bool(warnings) == warns


@pytest.mark.parametrize("text", ["-1", "65536", "70000", "99999999999"])
def test_a_port_that_cannot_be_stops_the_start(text: str) -> None:
    with pytest.raises(AicrError, match="PORT"):
        _read(PORT=text)


@pytest.mark.parametrize(
    ("text", "seconds", "warns"),
    [("", 30, False), ("5", 5, False), ("1.5", 1, False), ("7s", 7, False), ("0", 30, True), ("-3", 30, True), ("x", 30, True)],
)  # fmt: skip
def test_the_time_to_shut_down_is_scanned_too(text: str, seconds: int, warns: bool) -> None:
    warnings: list[str] = []
    assert _read(warnings, SHUTDOWN_TIMEOUT_SECONDS=text).shutdown_timeout == seconds
    assert bool(warnings) == warns


@pytest.mark.parametrize(
    ("text", "level"),
    [("", "info"), ("DEBUG", "debug"), (" warn ", "warn"), ("Warning", "warn"), ("error", "error"), ("loud", "info")],
)  # fmt: skip
def test_log_levels(text: str, level: str) -> None:
    assert _read(LOG_LEVEL=text).log_level == level


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AICR_RATE_LIMIT", "fast"), ("AICR_RATE_LIMIT", "-1"), ("AICR_RATE_LIMIT", "1e3"), ("AICR_RATE_BURST", "1 2"),
        ("AICR_RATE_SCOPE", "planet"), ("AICR_LOG_FORMAT", "xml"), ("AICR_HTTP_ENGINE", "apache"), ("AICR_HTTP2", "maybe"),
        ("AICR_TRUSTED_PROXIES", "10.0.0.0/33"), ("AICR_TRUSTED_PROXIES", "proxy"), ("AICR_WORKERS", "many"),
        ("AICR_HEADER_TIMEOUT_SECONDS", "0"), ("AICR_BODY_TIMEOUT_SECONDS", "999999"), ("AICR_CRITERIA_BODY_BYTES", "0"),
        ("AICR_BUNDLE_BODY_BYTES", "1.5"), ("AICR_DRAIN_GRACE_SECONDS", "soon"), ("AICR_TLS_CERT", "cert.pem"),
        ("AICR_TLS_KEY", "key.pem"), ("AICR_ALLOWED_OS", "beos"), ("AICR_ALLOWED_SERVICES", "eks,moon"),
    ],
)  # fmt: skip
def test_an_error_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(AicrError) as found:
        _read(**{name: text})
    said = str(found.value)
    assert name.rpartition("_")[0] in said
    assert "\n" not in said


def test_allowlists_are_canonical_in_their_order_and_any_restricts_nothing() -> None:
    found = _read(
        AICR_ALLOWED_SERVICES=" GKE, ,eks,eks", AICR_ALLOWED_OS="al2", AICR_ALLOWED_INTENTS="any"
    )
    assert found.allowed == {"service": ("gke", "eks", "eks"), "os": ("amazonlinux",)}
    assert set(ALLOWLISTS) == {"service", "accelerator", "intent", "os", "platform"}


def test_defaults_are_those_of_the_specification() -> None:
    found = _read()
    assert (found.port, found.shutdown_timeout, found.rate_limit, found.rate_burst) == (
        8080,
        30,
        100,
        200,
    )
    assert (found.body_timeout, found.header_timeout, found.keep_alive) == (10, 5, 120)
    assert (found.criteria_body, found.bundle_body) == (64 * 1024, 8 * 1024 * 1024)


def test_proxies_are_networks() -> None:
    found = _read(AICR_TRUSTED_PROXIES="10.1.2.3, 192.168.0.7/16,fd00::/8")
    assert found.trusted_proxies == ("10.1.2.3/32", "192.168.0.0/16", "fd00::/8")


def test_the_manual_lists_every_variable_and_no_other() -> None:
    source = pathlib.Path(ServerSettings.from_env.__code__.co_filename).read_text("utf-8")
    read = set(
        re.findall(r'"((?:AICR_[A-Z0-9_]+|PORT|LOG_LEVEL|SHUTDOWN_TIMEOUT_SECONDS))"', source)
    )
    listed = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert read == listed


def test_the_manual_has_the_defaults() -> None:
    rows = dict(
        re.findall(r"^\| `([A-Z0-9_]+)` \| `?([^|`]*)`? \|", PAGE.read_text("utf-8"), re.MULTILINE)
    )
    default = ServerSettings()
    wanted = {
        "PORT": default.port, "SHUTDOWN_TIMEOUT_SECONDS": default.shutdown_timeout, "LOG_LEVEL": default.log_level,
        "AICR_LOG_FORMAT": default.log_format, "AICR_RATE_LIMIT": default.rate_limit, "AICR_RATE_BURST": default.rate_burst,
        "AICR_RATE_SCOPE": default.rate_scope, "AICR_CONNECTIONS": default.connections, "AICR_WORKERS": default.workers,
        "AICR_HEADER_TIMEOUT_SECONDS": default.header_timeout, "AICR_KEEP_ALIVE_SECONDS": default.keep_alive,
        "AICR_BODY_TIMEOUT_SECONDS": default.body_timeout, "AICR_BUNDLE_TIMEOUT_SECONDS": default.bundle_timeout,
        "AICR_CRITERIA_BODY_BYTES": default.criteria_body, "AICR_BUNDLE_BODY_BYTES": default.bundle_body,
        "AICR_BUNDLES_AT_ONCE": default.bundles_at_once, "AICR_DRAIN_GRACE_SECONDS": default.drain_grace,
    }  # fmt: skip
    assert {name: rows[name].strip() for name in wanted} == {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in wanted.items()
    }
