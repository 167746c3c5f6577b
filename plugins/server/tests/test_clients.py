"""Who a request comes from; the limiter's buckets; tokens."""

from __future__ import annotations

import hashlib
import os
import pathlib

import pytest
from aicr_server.auth import Guard
from aicr_server.clients import Clients
from aicr_server.limiter import Limiter
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError

PROXIES = Clients(("10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "name"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        # A client that is no proxy may say what it likes.
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.1.1.1", "198.51.100.7", "198.51.100.7"),
        # The last that is no proxy of ours: what stands before it is the client's word.
        ("10.1.1.1", "1.1.1.1, 198.51.100.7, 10.2.2.2", "198.51.100.7"),
        ("10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.1.1.1", "", "10.1.1.1"),
        # A dual stack socket shows IPv4 as IPv6.
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("::ffff:10.1.1.1", "198.51.100.7", "198.51.100.7"),
        # Whoever has an address of IPv6 has a whole /64.
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        ("fd00::1", "2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("10.1.1.1", "unknown", "unknown"),
        ("10.1.1.1", "x" * 5000, "x" * 64),
        ("", "", ""),
    ],
)
def test_names(peer: str, forwarded: str, name: str) -> None:
    assert PROXIES.name(peer, forwarded) == name


def test_without_proxies_nobody_is_believed() -> None:
    assert Clients(()).name("127.0.0.1", "1.2.3.4") == "127.0.0.1"


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_a_bucket_never_gives_more_than_burst_and_rate_allow(
    waits: list[float], rate: int, burst: int
) -> None:
    now = 0.0
    limiter = Limiter(rate, burst, clock=lambda: now)
    passed = 0
    for wait in waits:
        now += wait
        verdict = limiter.take("one")
        passed += verdict.passes
        assert 0 <= verdict.remaining <= burst
    assert passed <= burst + rate * now + 1e-6


def test_clients_have_buckets_of_their_own_and_the_table_is_bounded() -> None:
    limiter = Limiter(1, 1, clock=lambda: 0.0)
    assert limiter.take("a").passes
    assert not limiter.take("a").passes
    assert limiter.take("b").passes
    for number in range(20_000):
        limiter.take(f"client-{number}")
    assert len(limiter._buckets) <= 10_000


def _line(name: str, token: str) -> str:
    return f"{name}:{hashlib.sha256(token.encode()).hexdigest()}\n"


def test_tokens(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# who\n\n" + _line("ci", "s3cret") + _line("ops", "other"))
    guard = Guard(str(file))
    for header in ("Bearer s3cret", "bearer other", "BEARER s3cret"):
        assert guard.refuses("/v1/recipe", header) is None
    for header in (
        "",
        "s3cret",
        "Basic s3cret",
        "Bearer",
        "Bearer wrong",
        "Bearer s3cret2",
        "Bearer \ufffd",
    ):
        problem = guard.refuses("/v1/recipe", header)
        assert problem is not None
        assert problem.status == 401
        assert "s3cret" not in problem.message
    assert guard.refuses("/health", "") is None
    assert guard.refuses("/metrics", "") is not None


def test_a_token_file_is_read_again_when_it_is_replaced(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(_line("ci", "old"))
    said: list[str] = []
    guard = Guard(str(file), said.append)
    replacement = tmp_path / "new"
    replacement.write_text(_line("ci", "new-one") + _line("b", "b"))
    os.replace(replacement, file)
    assert guard.refuses("/", "Bearer old") is not None
    assert guard.refuses("/", "Bearer new-one") is None
    # What cannot be read leaves what was valid, so a bad edit locks nobody out; nor does a missing file. Both are told.
    file.write_text("not a line of tokens\n")
    assert guard.refuses("/", "Bearer new-one") is None
    file.unlink()
    for _ in range(3):
        assert guard.refuses("/", "Bearer new-one") is None
    assert len(said) == 2
    assert "tokens:1: no NAME:SHA256" in said[0]


def test_a_token_is_taken_away_by_a_file_of_the_same_size_and_time(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(_line("ci", "old"))
    guard = Guard(str(file))
    status = file.stat()
    file.write_text(_line("ci", "new"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert guard.refuses("/", "Bearer old") is not None
    assert guard.refuses("/", "Bearer new") is None


@pytest.mark.parametrize(
    "text", ["plain\n", "ci:abc\n", "ci:" + "G" * 64 + "\n", "a b:" + "0" * 64 + "\n"]
)
def test_a_bad_token_file_stops_the_start_and_names_its_line(
    text: str, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "tokens"
    file.write_text(_line("ok", "ok") + text)
    with pytest.raises(AicrError, match="tokens:2"):
        Guard(str(file))
    with pytest.raises(AicrError, match="AICR_TOKEN_FILE"):
        Guard(str(tmp_path / "absent"))
