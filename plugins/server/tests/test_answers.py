"""Forms of an answer: validators, compression, YAML, and what is kept of them; by one real aicrd."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from aicr_server import answers
from aicr_server.answers import Answer
from aicr_server.problems import Problem
from aicr_server.ready import Ready
from http_ask import ask
from http_server import ENGINES, running

from aicr_core.api import load

EKS = "/v1/recipe?service=eks&accelerator=h100&intent=training&os=ubuntu"
PURE = (
    EKS, "/v1/query?service=eks", "/v1/query?service=eks&selector=components.gpu-operator.values",
    "/v1/criteria?service=eks", "/v1/catalogue", "/v1/version", f"{EKS}&explain=true",
)  # fmt: skip


@pytest.fixture(scope="module", params=ENGINES)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with running(request.param, AICR_RATE_LIMIT="0", LOG_LEVEL="warn") as (port, _):
        yield port


@pytest.mark.parametrize("path", PURE)
def test_an_answer_is_the_same_made_or_kept_and_not_sent_twice(port: int, path: str) -> None:
    first, second = ask(port, path), ask(port, path)
    assert first.status == 200
    assert second.body == first.body
    # All but the identifier and the date.
    own = ("x-request-id", "date")
    assert {k: v for k, v in first.headers.items() if k not in own} == {
        k: v for k, v in second.headers.items() if k not in own
    }
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "public, max-age=600"
    assert first.headers["vary"] == "Accept, Accept-Encoding"
    for known in (tag, f"W/{tag}", f'"other", {tag}', f'W/"x" , W/{tag}', "*"):
        again = ask(port, path, If_None_Match=known)
        assert (again.status, again.body) == (304, b""), known
        assert again.headers["etag"] == tag
        assert "content-type" not in again.headers
    for unknown in ('"other"', tag.strip('"'), "", f'"{tag}"'):
        assert ask(port, path, If_None_Match=unknown).status == 200, unknown


def test_the_first_to_ask_may_know_it_already(port: int) -> None:
    path = "/v1/recipe?service=gke&nodes=77"
    tag = ask(port, path).headers["etag"]
    assert ask(port, f"{path}&x=1", If_None_Match=tag).status == 304


def test_head_is_get_without_the_body(port: int) -> None:
    for path in (*PURE, "/", "/health", "/ready", "/metrics"):
        got, head = ask(port, path), ask(port, path, "HEAD")
        assert (head.status, head.body) == (200, b""), path
        if path != "/metrics":
            assert head.headers["content-length"] == got.headers["content-length"]
        assert head.headers.get("etag") == got.headers.get("etag")


def test_gzip_where_it_is_taken(port: int) -> None:
    plain = ask(port, EKS)
    for accepted in ("gzip", "br, gzip;q=0.5", "*", "GZIP"):
        packed = ask(port, EKS, Accept_Encoding=accepted)
        assert packed.headers["content-encoding"] == "gzip", accepted
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 2
        # Another representation, so another validator.
        assert packed.headers["etag"] != plain.headers["etag"]
        assert packed.body == ask(port, EKS, Accept_Encoding=accepted).body
    for refused in ("identity", "gzip;q=0", "br", "*;q=0", "gzip;q=0, *"):
        assert "content-encoding" not in ask(port, EKS, Accept_Encoding=refused).headers, refused
    assert "content-encoding" not in ask(port, "/v1/version", Accept_Encoding="gzip").headers or (
        len(ask(port, "/v1/version").body) >= 256
    )


@pytest.mark.parametrize("path", PURE)
def test_yaml_says_what_json_says(port: int, path: str) -> None:
    plain = ask(port, path)
    for accepted in ("application/yaml", "text/yaml", "application/json;q=0.5, application/x-yaml"):
        found = ask(port, path, Accept=accepted)
        assert found.headers["content-type"] == "application/yaml"
        assert load(found.body, "answer") == plain.json
        assert found.headers["etag"] != plain.headers["etag"]


def test_a_recipe_as_yaml_is_that_of_the_command_line(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.cli.root import run

    words = ["--service", "eks", "--accelerator", "h100", "--intent", "training", "--os", "ubuntu"]
    assert run(["recipe", *words, "--format", "yaml"]) == 0
    assert ask(port, EKS, Accept="application/yaml").body.decode() == capsys.readouterr().out


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 200), ("application/vnd.nvidia.aicr.v1+json", 200), ("*/*;q=0.1", 200), ("nonsense;;;", 200),
        ("application/json;q=0", 406), ("*/*;q=0", 406), ("application/json;q=0, application/yaml", 200),
        ("application/*;q=0", 406), ("application/json;q=x", 200),
    ],
)  # fmt: skip
def test_nobody_gets_a_form_that_he_refuses(port: int, accept: str, status: int) -> None:
    for method, body in (("GET", None), ("POST", b"{}")):
        path = EKS if method == "GET" else "/v1/recipe"
        found = ask(port, path, method, body, Accept=accept)
        assert found.status == status
        if status == 406:
            assert found.json["details"]["available"] == ["application/json", "application/yaml"]


def test_what_a_post_gives_is_kept_by_nobody(port: int) -> None:
    found = ask(port, "/v1/recipe", "POST", b"{}", Accept_Encoding="gzip")
    assert found.headers["cache-control"] == "no-store"
    assert "etag" not in found.headers
    assert found.headers["content-encoding"] == "gzip"


def test_what_a_recipe_does_not_honour_is_told(port: int) -> None:
    found = ask(port, "/v1/recipe?service=eks&accelerator=h100")
    assert found.headers["x-aicr-warnings"] == "1"
    assert "accelerator=h100 has no effect" in found.headers["x-aicr-warning"]
    assert "x-aicr-warnings" not in ask(port, EKS).headers
    explained = ask(port, "/v1/recipe?service=eks&accelerator=h100&explain=1").json
    assert explained["warnings"] == [found.headers["x-aicr-warning"]]
    assert explained["recipe"] == found.json


def test_with_tokens_no_shared_cache_keeps_an_answer(tmp_path: Any) -> None:
    import hashlib

    file = tmp_path / "tokens"
    file.write_text(f"me:{hashlib.sha256(b'secret').hexdigest()}\n")
    with running("uvicorn", AICR_TOKEN_FILE=str(file), LOG_LEVEL="warn") as (port, _):
        for _ in range(2):
            found = ask(port, EKS, Authorization="Bearer secret")
            assert found.headers["cache-control"] == "private, max-age=600"
        # What is kept is not given to who has no token.
        assert ask(port, EKS).status == 401
        assert ask(port, EKS, If_None_Match=found.headers["etag"]).status == 401


# --- the table, without a server ------------------------------------------------------------------


def _scope(query: bytes, method: str = "GET") -> dict[str, Any]:
    return {"method": method, "path": "/v1/recipe", "query_string": query, "headers": []}


def _answer(size: int) -> Answer:
    return answers.make(b"x" * size, "", "", keeping=answers.CACHED)


def test_the_table_is_bounded_in_entries_and_bytes() -> None:
    few = Ready(most=3)
    for number in range(5):
        few.keep(_scope(b"%d" % number), _answer(10))
        few.find(_scope(b"0"), {})
    assert [few.find(_scope(b"%d" % n), {}) is not None for n in range(5)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    small = Ready(most_bytes=10_000)
    for number in range(100):
        small.keep(_scope(b"%d" % number), _answer(3000))
    assert sum(small.find(_scope(b"%d" % n), {}) is not None for n in range(100)) == 2
    small.keep(_scope(b"q" * 5000), _answer(1))
    assert small.find(_scope(b"q" * 5000), {}) is None
    assert small.find(_scope(b"99", "POST"), {}) is None


def test_what_decides_on_the_form_tells_answers_apart() -> None:
    ready = Ready()
    scope = {**_scope(b""), "headers": [(b"accept", b"application/yaml")]}
    ready.keep(scope, _answer(10))
    assert ready.find(scope, dict(scope["headers"])) is not None
    assert ready.find(_scope(b""), {}) is None
    assert ready.find(_scope(b""), {b"accept": b"application/json"}) is None


def test_warnings_are_headers_of_any_text() -> None:
    pairs = answers.warning_headers([f"line\r\nX-Evil: é{n}" for n in range(40)])
    assert pairs[0] == (b"x-aicr-warnings", b"40")
    assert len(pairs) == 17
    for name, value in pairs[1:]:
        assert name == b"x-aicr-warning"
        assert not set(value) & set(b"\r\n")
        assert value.isascii()


def test_every_pair_of_preferences_gives_a_form_or_a_problem() -> None:
    names = ("application/json", "application/yaml", "*/*", "application/*", "text/html", "")
    for one, other, q in itertools.product(names, names, ("", ";q=0", ";q=0.3", ";q=nan", ";q")):
        try:
            made = answers.make(b"{}", f"{one}{q}, {other}", "", keeping=answers.UNCACHED)
        except Problem as problem:
            assert problem.status == 406
        else:
            assert made.body in (b"{}", b"{}\n")
