"""The OpenAPI document: valid, whole, current, true of the running server; its page asks nothing of anybody else."""

from __future__ import annotations

import html.parser
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import http_compare
import pytest
from aicr_server import openapi, openapi_parameters
from aicr_server.app import Application, make
from aicr_server.bundling import REPEATED
from aicr_server.docs_page import render
from http_server import running
from openapi_spec_validator import OpenAPIV31SpecValidator

from aicr_core.api import Session, load

ROOT = pathlib.Path(__file__).resolve().parents[3]
COPY = ROOT / "docs/user/openapi.json"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def application() -> Application:
    return make({"AICR_INDEX": "off", "LOG_LEVEL": "error"})


@pytest.fixture(scope="module")
def document() -> Document:
    return openapi.document(Session({"AICR_INDEX": "off"}))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running("granian", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (number, _):
        yield number


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_it_is_valid(document: Document) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")


def test_the_copy_in_the_manual_is_current(document: Document) -> None:
    assert json.loads(COPY.read_text("utf-8")) == document, (
        "run: aicrd --print-openapi > docs/user/openapi.json"
    )


def test_every_route_and_method_is_in_it_and_no_other(
    document: Document, application: Application
) -> None:
    listed = {(path, method) for path, method, _ in _operations(document)}
    # HEAD goes where GET goes; the page's files are no part of the interface.
    routed = {
        (path, method)
        for path, methods in application.methods.items()
        for method in methods
        if method != "HEAD"
    }
    assert listed == routed


def test_every_operation_has_a_name_of_its_own_a_tag_and_says_how_it_fails(
    document: Document,
) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    for _, _, operation in _operations(document):
        assert operation["tags"][0] in tags
        assert {"400", "405", "431"} <= set(operation["responses"])


def test_parameters_and_values_are_those_of_the_code(
    document: Document, application: Application
) -> None:
    assert set(openapi_parameters.REPEATED) == set(REPEATED)
    values = Session({"AICR_INDEX": "off"}).criteria_values()
    parameters = {
        item["name"]: item for item in document["paths"]["/v1/recipe"]["get"]["parameters"]
    }
    for name in ("service", "accelerator", "intent", "os", "platform"):
        listed = set(parameters[name]["schema"]["enum"])
        assert set(values[name]) - {"any"} <= listed
        for entry in values[name].values():
            assert set(entry.get("aliases", ())) <= listed


def test_it_is_served_as_json_and_yaml_and_asked_for_again_by_its_tag(
    port: int, document: Document
) -> None:
    def ask(path: str, **headers: str) -> http_compare.Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return http_compare.send(port, {"method": "GET", "target": path, "headers": sent})

    answer = ask("/openapi.json")
    assert json.loads(answer.body) == document
    assert load(ask("/openapi.yaml").body, "openapi.yaml") == document
    for path in ("/openapi.json", "/openapi.yaml", "/docs", "/docs.css"):
        first = ask(path)
        assert first.status == 200
        again = ask(path, If_None_Match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
    page = ask("/docs")
    assert page.body.decode() == render(document)
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self'"
    )


class _Page(html.parser.HTMLParser):
    """Collects identifiers and addresses, and holds the page to closing what it opens."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")
            assert name not in ("style", "onclick")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_has_every_operation_and_asks_nothing_of_another_host(document: Document) -> None:
    page = _Page()
    page.feed(render(document))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert {operation["operationId"] for _, _, operation in _operations(document)} <= set(page.ids)
    assert "script" not in page.tags
    for link in page.links:
        assert link.startswith(("/openapi.", "/docs.css")) or link.removeprefix("#") in page.ids, (
            link
        )


def test_what_is_in_the_document_cannot_become_markup(document: Document) -> None:
    evil = json.loads(
        json.dumps(document).replace("Whether the process lives", "<img src=x onerror=alert(1)>")
    )
    assert "<img" not in render(evil)


def test_answers_hold_nothing_that_the_document_does_not_have(
    port: int, document: Document
) -> None:
    """schemathesis holds answers to the schemas; this finds what they have no word for."""
    answer = http_compare.send(
        port, {"method": "GET", "target": "/v1/recipe?service=eks&accelerator=h100&intent=training&os=ubuntu&platform=kubeflow", "headers": {}}
    )  # fmt: skip
    recipe = document["components"]["schemas"]["Recipe"]
    assert list(_unknown(json.loads(answer.body), recipe, "")) == []


def _unknown(value: Any, schema: Document, path: str) -> Iterator[str]:
    if isinstance(value, dict) and "properties" in schema:
        for name, item in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name}"
            else:
                yield from _unknown(item, schema["properties"][name], f"{path}.{name}")
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _unknown(item, schema["items"], f"{path}[]")


# What a run of every change has time for; `nox -s api` asks for all of it.
_SOME = ("--phases", "examples,fuzzing", "--max-examples", "4", "--seed", "6", "--workers", "2")


def test_a_bounded_run_of_schemathesis_finds_nothing(port: int, tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "--config-file", str(ROOT / "tests/api/schemathesis.toml"), "run", f"http://127.0.0.1:{port}/openapi.json", *_SOME, "--no-color",
        ],
        cwd=tmp_path, text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None
    assert int(found[1]) > 50
