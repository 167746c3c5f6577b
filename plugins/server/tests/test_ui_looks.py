"""The page in a real browser: how it looks on any screen and to any reader, and what must never happen."""

from __future__ import annotations

import functools
import itertools
import pathlib
import shutil
import subprocess
import tarfile
import time
from typing import Any

import pytest
from browser import Browser
from page_lab import criteria, page_with, recipe
from ui_lab import FULL, VIEWS, matters, open_page

AXE = "axe-core@4.10.3"


# --- looks ------------------------------------------------------------------------------------------


def test_light_and_dark(page: Browser, site: str) -> None:
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    light = page.script(ground)
    page.media(prefers_color_scheme="dark")
    dark = page.script(ground)
    assert light != dark
    page.click("#theme")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: light", light)
    page.click("#theme")
    page.media(prefers_color_scheme="light")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: dark", dark)
    open_page(page, f"{site}/ui/")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: dark", dark)
    page.click("#theme")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: system", light)


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_scrolls_in_one_direction(page: Browser, site: str, view: str) -> None:
    page.size(390, 844, phone=True)
    open_page(page, f"{site}/ui/#{FULL}&view={view}&with.service=gke&component=gpu-operator")
    assert page.script("return document.documentElement.scrollWidth") <= 390
    small = page.script(
        "return [...document.querySelectorAll('[role=tab], .option')].filter((one) => one.checkVisibility()"
        " && one.getBoundingClientRect().height < 28).length"
    )
    assert small == 0


@functools.cache
def _axe(folder: pathlib.Path) -> str:
    """Give the source of axe-core, got from the registry when the tests run. Skips where that cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to get axe-core with")
    command = [npm, "pack", AXE, "--silent", f"--cache={folder / 'cache'}"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    files = list(folder.glob("axe-core-*.tgz"))
    if done.returncode or not files:
        pytest.skip(f"no {AXE} from the npm registry")
    with tarfile.open(files[0]) as opened:
        member = opened.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _axe(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_accessibility(page: Browser, site: str, axe: str, view: str, scheme: str) -> None:
    page.media(prefers_color_scheme=scheme)
    open_page(page, f"{site}/ui/#{FULL}&view={view}&with.service=gke&component=gpu-operator")
    page.script(axe)
    # Only colours are not the same in the dark.
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    rules = rules if scheme == "light" else ["color-contrast"]
    found = page.script(
        "return axe.run(document, { runOnly: arguments[0] }).then((result) => result.violations.map((one) =>"
        " [one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + node.failureSummary)]))",
        rules,
    )
    assert found == []


# --- what must never happen -------------------------------------------------------------------------

HOSTILE = (
    "<img src=x onerror=window.hit=1>", "\"><script>window.hit=1</script>", "javascript:window.hit=1", "'; window.hit=1; '",
    "</title><svg onload=window.hit=1>", "{{window.hit=1}}", "‮gpj", "\u0000\u0007", "constructor", "__proto__",
)  # fmt: skip


def _hostile() -> dict[str, Any]:
    from starlette.responses import JSONResponse

    nasty: Any = {
        "__proto__": {"hit": 1},
        **{name: name for name in HOSTILE},
        "inner": {HOSTILE[0]: [HOSTILE[1]]},
    }
    refs = [
        {
            "name": name, "version": HOSTILE[0], "namespace": HOSTILE[1], "chart": HOSTILE[4], "source": HOSTILE[2], "type": "Helm",
            "valuesFile": HOSTILE[0], "dependencyRefs": [HOSTILE[place - 1]], "overrides": {HOSTILE[0]: 1},
        }
        for place, name in enumerate(HOSTILE)
    ]  # fmt: skip
    made = recipe(
        refs, metadata={"version": HOSTILE[0], "appliedOverlays": list(HOSTILE)},
        constraints=[{"name": HOSTILE[0], "value": HOSTILE[1], "remediation": HOSTILE[4]}],
        validation={HOSTILE[0]: {"checks": list(HOSTILE), "constraints": [{"name": HOSTILE[1], "value": HOSTILE[0]}]}},
    )  # fmt: skip
    values = {"components": {name: {"values": nasty} for name in HOSTILE}}
    explained = {
        "recipe": made,
        "components": {HOSTILE[0]: {"values": {"inner": {"overlay": HOSTILE[0]}}}},
    }
    change = {"path": HOSTILE[0], "change": "changed", "from": HOSTILE[1], "to": HOSTILE[0]}
    components = {
        "changed": [
            {
                "name": HOSTILE[0],
                "fields": [],
                "lists": {HOSTILE[0]: {"added": [HOSTILE[1]], "removed": []}},
                "values": [change],
            }
        ]
    }
    listing = {
        "files": [{"path": HOSTILE[0], "size": 1, "digest": HOSTILE[1]}],
        "notes": list(HOSTILE),
    }
    problem = {
        "code": HOSTILE[0],
        "message": HOSTILE[0],
        "details": {HOSTILE[1]: HOSTILE[0]},
        "requestId": HOSTILE[0],
    }
    return {
        "/v1/criteria": lambda _: JSONResponse(criteria({name: list(HOSTILE) for name in ("service", "os", "intent")})),
        "/v1/recipe": lambda request: (
            JSONResponse(problem, 400) if "bad" in request.url.query
            else JSONResponse(explained if "explain" in request.url.query else made)
        ),
        "/v1/query": lambda _: JSONResponse(values),
        "/v1/diff": lambda _: JSONResponse({"components": components, "validation": [change]}),
        "/v1/catalogue": lambda _: JSONResponse({"deployers": [{"name": name, "title": name} for name in HOSTILE]}),
        "/v1/bundle": lambda request: JSONResponse(listing) if "dry" in request.url.query else JSONResponse(problem, 400),
    }  # fmt: skip


def test_hostile_names_stay_text(window: Browser) -> None:
    with page_with(_hostile()) as address:
        for view in VIEWS:
            open_page(
                window,
                f"{address}#view={view}&service=%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E&b.deployer=%3Cb%3E",
            )
            assert HOSTILE[0] in window.text("body"), view
        window.click("button[value=check]")
        window.wait("return document.querySelector('.files')")
        window.click("button.primary")
        window.wait("return document.querySelector('.result .error')")
        assert HOSTILE[0] in window.text(".result")
        window.script("location.hash = 'service=bad'")
        window.wait("return document.querySelector('#problem').innerText.includes('onerror')")
        for selector in (
            "#view img",
            "#problem img",
            "#main script",
            "svg svg",
            "[onerror]",
            "[onload]",
            "a[href^=javascript]",
        ):
            assert not window.script("return document.querySelector(arguments[0])", selector), (
                selector
            )
        assert window.script("return window.hit === undefined && ({}).hit === undefined")
        assert not [row for row in window.log() if matters(row["message"])]


def test_a_busy_server_is_given_time(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()
    refused: list[float] = []

    def busy(_request: Any) -> Any:
        refused.append(time.monotonic())
        if len(refused) < 3:
            problem = {"code": "RATE_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
            return JSONResponse(problem, 429, {"Retry-After": "1"})
        return JSONResponse(recipe([{"name": "calm", "version": "1"}]))

    with page_with({**answers, "/v1/recipe": busy}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait(
            "return document.querySelector('#waiting').innerText.includes('tries again in 1 s')"
        )
        window.wait("return document.querySelector('#view').innerText.includes('calm')")
        assert window.text("#waiting") == ""
        waits = [later - earlier for earlier, later in itertools.pairwise(refused)]
        assert len(waits) == 2
        assert waits[0] >= 0.9
        assert waits[1] >= 1.8
    window.log()


def test_a_server_that_fails_or_is_gone_is_said_and_asked_again(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()
    state = {"broken": True}
    problem = {"code": "INTERNAL", "message": "Internal server error", "requestId": "abc"}

    def sometimes(_request: Any) -> Any:
        return (
            JSONResponse(problem, 500)
            if state["broken"]
            else JSONResponse(recipe([{"name": "back"}]))
        )

    with page_with({**answers, "/v1/recipe": sometimes}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait(
            "return document.querySelector('#problem').innerText.includes('Internal server error')"
        )
        assert "request abc" in window.text("#problem")
        state["broken"] = False
        window.click("#problem button")
        window.wait("return document.querySelector('#view').innerText.includes('back')")
        assert window.text("#problem") == ""
    window.click("#tab-values")
    window.wait(
        "return document.querySelector('#problem').innerText.includes('The server cannot be reached')"
    )
    window.log()


def test_a_token_is_asked_for_and_kept_nowhere(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()

    def guarded(answer: Any) -> Any:
        def call(request: Any) -> Any:
            if request.headers.get("authorization") != "Bearer secret":
                refused.append(request.url.path)
                body = {"code": "UNAUTHORIZED", "message": "A valid bearer token is needed"}
                return JSONResponse(body, 401)
            return answer(request)

        return call

    refused: list[str] = []
    answers["/v1/recipe"] = lambda _: JSONResponse(recipe([{"name": "inside"}]))
    with page_with({path: guarded(answer) for path, answer in answers.items()}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait("return document.querySelector('dialog[open]')")
        # Two requests were refused, one question is asked.
        assert sorted(refused) == ["/v1/criteria", "/v1/recipe"]
        assert window.script("return document.querySelectorAll('dialog').length") == 1
        window.type("#token", "secret")
        window.keys("Enter")
        window.wait("return document.querySelector('#view').innerText.includes('inside')")
        kept = window.script(
            "return JSON.stringify([Object.values(localStorage), Object.values(sessionStorage), document.cookie, location.href])"
        )
        assert "secret" not in kept
    window.log()
