"""How the files of the page are sent, and what they may not hold; no browser is needed."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import importlib.resources
import json
import pathlib
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from http_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = pathlib.Path(str(importlib.resources.files("aicr_server") / "ui"))
FILES = sorted(path.name for path in FOLDER.iterdir())
SCRIPTS = [name for name in FILES if name.endswith(".js")]
MOST_BYTES = 40_000
"""All files together as they are sent; a page that is opened once costs so much."""


@pytest.fixture(scope="module", params=["uvicorn", "granian"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with running(request.param, AICR_RATE_LIMIT="0") as (port, _):
        yield port


def _ask(
    port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        sent = {name.lower(): value for name, value in response.getheaders()}
        return response.status, sent, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_sent_as_what_it_is(port: int, name: str) -> None:
    media = {
        "html": "text/html",
        "css": "text/css",
        "js": "text/javascript",
        "svg": "image/svg+xml",
    }
    status, headers, body = _ask(port, f"/ui/{name}")
    assert (status, body) == (200, (FOLDER / name).read_bytes())
    assert headers["content-type"].split(";")[0] == media[name.rpartition(".")[2]]
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    again = _ask(port, f"/ui/{name}", headers={"If-None-Match": headers["etag"]})
    assert (again[0], again[2]) == (304, b"")
    assert again[1]["content-security-policy"] == headers["content-security-policy"]
    packed = _ask(port, f"/ui/{name}", headers={"Accept-Encoding": "gzip"})
    assert packed[1]["content-encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == body
    assert packed[1]["etag"] != headers["etag"]
    head = _ask(port, f"/ui/{name}", "HEAD")
    assert (head[0], head[2], head[1]["content-length"]) == (200, b"", str(len(body)))


def test_the_folder_is_the_page(port: int) -> None:
    assert _ask(port, "/ui/")[2] == (FOLDER / "index.html").read_bytes()
    status, headers, _ = _ask(port, "/ui?a=b")
    assert (status, headers["location"]) == (308, "ui/?a=b")


@pytest.mark.parametrize(
    "path",
    ["/ui/x", "/ui/app.js/", "/ui/sub/app.js", "/ui/%00", "/ui/page.py", "/ui2", "/UI/"],
)
def test_nothing_else_is_there(port: int, path: str) -> None:
    status, _, body = _ask(port, path)
    assert status == 404
    assert json.loads(body)["code"] == "NOT_FOUND"


def test_its_files_count_as_one_route(port: int) -> None:
    for path in ("/ui", "/ui/", "/ui/app.js", "/ui/none"):
        _ask(port, path)
    lines = _ask(port, "/metrics")[2].decode().splitlines()
    labels = {line.split('path="')[1].split('"')[0] for line in lines if 'path="/ui' in line}
    assert labels == {"/ui/"}


def test_it_is_only_read(port: int) -> None:
    status, headers, _ = _ask(port, "/ui/app.js", "POST")
    assert (status, headers["allow"]) == (405, "GET")


def test_a_server_that_wants_a_token_gives_the_page_that_asks_for_it(
    tmp_path: pathlib.Path,
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"one:{hashlib.sha256(b'secret').hexdigest()}\n", "utf-8")
    with running("uvicorn", AICR_TOKEN_FILE=str(file)) as (port, _):
        assert _ask(port, "/ui")[0] == 308
        assert _ask(port, "/ui/app.js")[0] == 200
        assert _ask(port, "/v1/recipe")[0] == 401
        assert _ask(port, "/uix")[0] == 401


def test_the_page_brings_all_modules_at_once() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")
    asked = set(re.findall(r'(?:href|src)="([\w.]+)"', page))
    assert asked == set(FILES) - {"index.html"}
    imported = {
        name
        for script in SCRIPTS
        for name in re.findall(r'from "\./([\w.]+)"', (FOLDER / script).read_text("utf-8"))
    }
    assert imported <= set(FILES)


def test_all_of_it_is_small() -> None:
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in FILES) <= MOST_BYTES


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_text_and_never_markup(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser",
        text,
    )
    assert not found
    assert text.startswith("// "), "a module says what it is for"


def test_the_page_has_nothing_inline() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")
    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page)


@pytest.mark.parametrize("name", SCRIPTS)
def test_syntax(name: str, tmp_path: pathlib.Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: the browser's tests find what is wrong too")
    module = tmp_path / f"{pathlib.Path(name).stem}.mjs"
    module.write_bytes((FOLDER / name).read_bytes())
    done = subprocess.run(
        [node, "--check", str(module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
