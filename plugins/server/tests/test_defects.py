"""The defects of the reference's server (spec/server.md 17), each as the better behaviour that we owe.

A test is named after its defect. What a defect needs in depth (slow clients, limits, life of a process) is tested beside
that part; here stands one proof for each, so that the list can be read and nothing on it comes back.
"""

from __future__ import annotations

import http.client
import itertools
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aicr_server.settings import DIMENSIONS
from http_ask import Got, ask
from http_server import ENGINES, running

from aicr_core.api import Session

HEAD = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1"}
CHART = {
    "name": "nvsentinel", "namespace": "nvs", "type": "Helm", "source": "https://charts.example", "chart": "c",
    "version": "v1.0.0",
}  # fmt: skip
QUIET = {"AICR_RATE_LIMIT": "0", "LOG_LEVEL": "error"}
# A process that has answered nothing, for each answer: the parent loads, and every child resolves once and ends.
_FRESH = """
import os, sys
# What only the first answer imports; importing answers nothing.
import aicr_core.app.recipe, aicr_core.engine.schemas
from aicr_core.api import Text
from aicr_server.engine import Engine
from aicr_server.problems import encode
from aicr_server import querystring
engine = Engine.open({**os.environ}, (), print)
for line in sys.stdin:
    asked = querystring.criteria(querystring.parameters(line.strip()), engine.vocabulary)
    child = os.fork()
    if child == 0:
        sys.stdout.buffer.write(encode(engine.resolve(asked)[0]))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module", params=ENGINES)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with running(request.param, **QUIET) as (port, process):
        yield port
        assert not [event for event in process.events() if event["msg"] == "defect"]


def _bundle(port: int, document: Any, query: str = "") -> Got:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ask(port, f"/v1/bundle?{query}", "POST", body, Content_Type="application/json")


def _recipe(*refs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**HEAD, "componentRefs": list(refs), **fields}


def _grid() -> list[str]:
    values = Session().criteria_values()
    choices = [["", *(value for value in values[name] if value != "any")] for name in DIMENSIONS]
    return [
        "&".join(f"{n}={v}" for n, v in zip(DIMENSIONS, picked, strict=True) if v)
        for picked in itertools.product(*choices)
    ]


def test_d1_no_answer_depends_on_earlier_ones() -> None:
    """Half of the reference's answers are wrong once others were given; ours equal those of fresh processes."""
    grid = _grid()
    assert len(grid) == 1620
    # Several at once: a child costs little, but each waits for its turn on a busy machine.
    with ThreadPoolExecutor(4) as pool:
        parts = [grid[start::4] for start in range(4)]
        found = list(pool.map(_fresh, parts))
    fresh = {
        q: body
        for part, bodies in zip(parts, found, strict=True)
        for q, body in zip(part, bodies, strict=True)
    }
    for engine, seed in zip(itertools.cycle(ENGINES), (1, 2, 3), strict=False):
        with running(engine, **QUIET) as (port, _), ThreadPoolExecutor(2) as clients:
            order = list(grid)
            random.Random(seed).shuffle(order)
            # Two clients at once; the second time what was kept, and by a table of its own.
            for turn in ("", "&again=1"):
                halves = list(
                    clients.map(
                        _bodies, (port, port), ([f"{q}{turn}" for q in order[n::2]] for n in (0, 1))
                    )
                )
                for number, half in enumerate(halves):
                    asked = order[number::2]
                    wrong = [q for q, got in zip(asked, half, strict=True) if got != fresh[q]]
                    assert not wrong, f"{len(wrong)} of {len(asked)} differ, first {wrong[0]}"


def _fresh(queries: list[str]) -> list[bytes]:
    done = subprocess.run(
        [sys.executable, "-c", _FRESH], input="\n".join(queries).encode(), capture_output=True, check=True
    )  # fmt: skip
    return done.stdout.splitlines(keepends=True)


def _bodies(port: int, queries: list[str]) -> list[bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for query in queries:
        connection.request("GET", f"/v1/recipe?{query}")
        found.append(connection.getresponse().read())
    connection.close()
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a;touch /tmp/x"}, {"name": "$(id)"}, {"name": "a\nb"}, {"name": "../a"}, {"name": "A"},
        {"namespace": "a b"}, {"namespace": "Upper"}, {"chart": "`id`"}, {"version": "1$(id)"},
        {"version": "1\nmalicious: true"}, {"source": "https://x/'y"}, {"source": "https://x/$(id)"},
    ],
)  # fmt: skip
def test_d2_nothing_of_a_body_reaches_a_shell_or_a_manifest(
    port: int, change: dict[str, str]
) -> None:
    for query in ("", "deployer=argocd&repo=https://git.example/r.git", "deployer=flux"):
        found = _bundle(port, _recipe({**CHART, **change}), query)
        assert found.status == 400, (change, query)


def test_d2_a_repository_is_quoted_or_refused(port: int) -> None:
    found = _bundle(port, _recipe(CHART), "deployer=argocd&repo=https://x/%0Aevil:%20true")
    if found.status == 200:
        assert b"\nevil" not in found.body
    else:
        assert found.status == 400


def test_d3_bodies_are_bounded_before_they_are_read(port: int) -> None:
    for path, limit in (
        ("/v1/recipe", 64 * 1024),
        ("/v1/query", 64 * 1024),
        ("/v1/bundle", 8 * 2**20),
    ):
        # The length alone decides; nothing of the body was sent.
        found = _with_length(port, path, limit + 1)
        assert found.status == 413, path
        assert found.json["message"] == "Request body exceeds maximum allowed size"
        assert found.json["details"] == {"limit_bytes": limit}


def _with_length(port: int, path: str, length: int) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    answer = connection.getresponse()
    found = Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    connection.close()
    return found


@pytest.mark.parametrize(
    "body",
    [
        b"".join(b"k%d: 1\n" % n for n in range(6000)),
        b"a: &a [x]\n" + b"".join(b"k%d: *a\n" % n for n in range(4000)),
        b"[" * 30_000,
        b"spec: {" + b"? " * 20_000,
        b"a: &a {b: &b {c: 1}}\n" + b"".join(b"l%d: {<<: *a}\n" % n for n in range(2000)),
    ],
    ids=["keys", "aliases", "deep", "marks", "merges"],
)
def test_d4_yaml_takes_time_by_its_size_alone(port: int, body: bytes) -> None:
    started = time.monotonic()
    found = ask(port, "/v1/recipe", "POST", body, Content_Type="application/yaml")
    assert found.status in (200, 400)
    # 40 seconds there for as many keys as fit into a megabyte; this is plenty for a slow machine.
    assert time.monotonic() - started < 1


def test_d5_no_client_makes_lines_of_metrics() -> None:
    with running("uvicorn", **QUIET) as (port, _):

        def lines() -> int:
            text = ask(port, "/metrics").body.decode()
            return sum("aicr_http" in line for line in text.splitlines())

        ask(port, "/some/path")
        ask(port, "/some/path", "BREW")
        before = lines()
        for number in range(200):
            ask(port, f"/x/{number}")
            ask(port, "/x", f"METHOD{number}")
        assert lines() == before


def test_d6_an_unknown_path_is_not_found(port: int) -> None:
    found = ask(port, "/v1/nope")
    assert found.status == 404
    assert (found.json["code"], found.json["details"]) == ("NOT_FOUND", {"path": "/v1/nope"})


@pytest.mark.parametrize(
    "ref",
    [
        {**CHART, "name": "../x"}, {**CHART, "name": "kubernetes.io"}, {**CHART, "manifestFiles": ["nope.yaml"]},
        {**CHART, "manifestFiles": ["../../../../etc/passwd"]}, {**CHART, "dependencyRefs": 1},
        {**CHART, "valuesFile": "components/none/values.yaml"}, {"name": "a"}, {},
    ],
    ids=lambda ref: json.dumps(ref)[-50:],
)  # fmt: skip
def test_d7_a_clients_mistake_is_no_failure_of_ours(port: int, ref: dict[str, Any]) -> None:
    found = _bundle(port, _recipe(ref))
    assert found.status == 400, found.body
    assert not found.json["retryable"]
    here = str(pathlib.Path(__file__).parents[3])
    assert here not in found.body.decode()
    assert "/tmp/" not in found.body.decode()


def test_d8_allowlists_have_no_holes() -> None:
    lists = {"AICR_ALLOWED_SERVICES": "EKS", "AICR_ALLOWED_PLATFORMS": "kubeflow"}
    with running("uvicorn", **QUIET, **lists) as (port, _):
        assert _bundle(port, _recipe(CHART)).status == 400
        assert _bundle(port, _recipe(CHART, criteria={"service": "GKE"})).status == 400
        assert _bundle(port, _recipe(CHART, criteria={"service": " Eks "})).status == 200
        assert _bundle(port, _recipe(CHART, criteria={"platform": "dynamo"})).status == 400
        assert ask(port, "/v1/recipe?platform=dynamo").status == 400
        body = b'{"criteria":{"intent":"training"},"selector":"criteria"}'
        empty = ask(port, "/v1/query", "POST", body, Content_Type="application/json")
        assert empty.status == 200
        assert empty.json["service"] == ""


def test_d9_one_client_does_not_starve_another() -> None:
    limits = {"AICR_RATE_LIMIT": "1", "AICR_RATE_BURST": "3", "AICR_TRUSTED_PROXIES": "127.0.0.0/8"}
    with running("uvicorn", LOG_LEVEL="error", **limits) as (port, _):

        def as_client(address: str) -> Got:
            return ask(port, "/", X_Forwarded_For=address)

        statuses = [as_client("192.0.2.1").status for _ in range(6)]
        assert statuses[:3] == [200] * 3
        assert 429 in statuses
        refused = next(
            got for got in iter(lambda: as_client("192.0.2.1"), None) if got.status == 429
        )
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-ratelimit-limit"] == "1"
        assert as_client("192.0.2.2").status == 200


def test_d10_bundlers_count(port: int) -> None:
    other = {**CHART, "name": "aws-efa"}
    found = _bundle(port, _recipe(CHART, other), "bundlers=nvsentinel&dry-run=true")
    folders = {row["path"].split("/")[0] for row in found.json["files"] if "/" in row["path"]}
    assert folders == {"nvsentinel"}
    assert _bundle(port, _recipe(CHART, other), "bundlers=nope").status == 400
    assert _bundle(port, _recipe(CHART, other), "bundlers=").status == 400


def test_d11_what_a_post_gives_is_not_kept(port: int) -> None:
    for path, body in (("/v1/recipe", b"{}"), ("/v1/query", b'{"criteria":{}}')):
        found = ask(port, path, "POST", body, Content_Type="application/json")
        assert (found.status, found.headers["cache-control"]) == (200, "no-store"), path
    assert ask(port, "/v1/recipe").headers["cache-control"].startswith("public")


def test_d12_the_time_of_a_bundle_is_one_setting() -> None:
    with running("uvicorn", AICR_BUNDLE_TIMEOUT_SECONDS="0.0005", **QUIET) as (port, _):
        found = _bundle(port, json.loads(ask(port, "/v1/recipe?service=eks").body))
        assert found.status == 504
        assert found.json["code"] == "TIMEOUT"
        assert found.json["retryable"]


def test_d13_values_that_cannot_be_read_are_refused(port: int) -> None:
    found = _bundle(port, _recipe({**CHART, "valuesFile": "components/nvsentinel/nope.yaml"}))
    assert found.status == 400
    assert "nope.yaml" in found.json["details"]["error"]


def test_d14_head_goes_where_get_goes_and_nothing_else_does(port: int) -> None:
    for path in ("/", "/v1/recipe", "/v1/query", "/v1/criteria", "/health", "/ready", "/metrics"):
        found = ask(port, path, "HEAD")
        assert (found.status, found.body) == (200, b""), path
    for path in ("/health", "/metrics", "/v1/recipe", "/v1/catalogue"):
        found = ask(port, path, "DELETE")
        assert found.status == 405, path
        assert "GET" in found.headers["allow"]


def test_d15_tokens_and_an_address(tmp_path: pathlib.Path) -> None:
    import hashlib

    file = tmp_path / "tokens"
    file.write_text(f"me:{hashlib.sha256(b'secret').hexdigest()}\n")
    # The helper binds 127.0.0.1; TLS is held by test_life.
    with running("uvicorn", AICR_TOKEN_FILE=str(file), LOG_LEVEL="error") as (port, _):
        assert ask(port, "/v1/recipe").status == 401
        assert ask(port, "/v1/recipe", Authorization="Bearer secret").status == 200
        assert ask(port, "/metrics", Authorization="Bearer secret").status == 200
        assert ask(port, "/health").status == 200


def test_d16_headers_are_ascii_and_archives_equal(port: int) -> None:
    recipe = ask(port, "/v1/recipe?service=eks").body
    first = _bundle(port, recipe)
    assert re.fullmatch(r"[0-9]+\.[0-9]{3}ms", first.headers["x-bundle-duration"])
    assert all(value.isascii() for value in first.headers.values())
    with running("uvicorn", **QUIET) as (other, _):
        assert _bundle(other, recipe).body == first.body


def test_d17_no_folder_has_to_be_writable(tmp_path: pathlib.Path) -> None:
    nowhere = str(tmp_path / "not-there")
    with running("uvicorn", TMPDIR=nowhere, **QUIET) as (port, _):
        assert _bundle(port, ask(port, "/v1/recipe?service=eks").body).status == 200
    assert not pathlib.Path(nowhere).exists()


@pytest.mark.parametrize(
    "text", ["8abc", "8.5", "%208", "%2B8", "1e3", "1_000", "0x10", "-1", "9" * 20]
)
def test_d18_a_number_is_digits(port: int, text: str) -> None:
    assert ask(port, f"/v1/recipe?nodes={text}").status == 400
    assert ask(port, f"/v1/query?nodes={text}").status == 400


@pytest.mark.parametrize("body", [b"nodes: 8.5", b"nodes: -1", b"nodes: '8x'", b"nodes: true"])
def test_d18_in_bodies_too(port: int, body: bytes) -> None:
    found = ask(port, "/v1/query", "POST", b"criteria:\n  " + body, Content_Type="application/yaml")
    assert found.status == 400, found.body


def test_d19_readiness_ends_before_the_listener_does() -> None:
    with running("uvicorn", AICR_DRAIN_GRACE_SECONDS="3", **QUIET) as (port, process):
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 3
        statuses = set()
        while time.monotonic() < deadline and 503 not in statuses:
            statuses.add(ask(port, "/ready").status)
        assert 503 in statuses
        assert ask(port, "/v1/recipe").status == 200


@pytest.mark.parametrize("tail", [b"{}", b"x", b"\n[]", b"\x00"])
def test_d20_a_body_is_one_document(port: int, tail: bytes) -> None:
    assert _bundle(port, json.dumps(_recipe(CHART)).encode() + tail).status == 400


def test_d20_two_components_of_one_name_are_refused(port: int) -> None:
    found = _bundle(port, _recipe(CHART, {**CHART, "version": "v2.0.0"}))
    assert found.status == 400
    assert "nvsentinel" in found.json["details"]["error"]


def test_every_defect_has_a_test() -> None:
    tested = {int(match[1]) for name in globals() if (match := re.match(r"test_d(\d+)_", name))}
    assert tested == set(range(1, 21))
