"""What tests of the page share: where it stands, and how to move on it. The fixtures are in the tests' ``conftest.py``."""

from __future__ import annotations

import urllib.request

from browser import Browser

FULL = "service=eks&accelerator=h100&intent=training&os=ubuntu&platform=kubeflow"
LARGE = "service=eks&accelerator=h100&intent=inference&os=ubuntu&platform=dynamo"
"""The recipe with the most components, 16."""
VIEWS = ("components", "graph", "constraints", "values", "compare", "bundle")
SHOWN = "return document.querySelector('#view').childElementCount && !document.querySelector('#view[aria-busy]')"
FOCUSED = "return document.activeElement"


def matters(message: str) -> bool:
    """A status that a test provokes is written to the console by the browser itself."""
    return "Failed to load resource: the server responded with a status of 4" not in message


def open_page(window: Browser, url: str) -> None:
    window.open("about:blank")
    window.log()
    window.requests()
    window.open(url)
    window.wait(SHOWN)


def go(window: Browser, fragment: str) -> None:
    """Change what the page shows, and wait until it shows that."""
    window.script(
        "return new Promise((done) => { addEventListener('popstate', () => done(true), { once: true });"
        " location.hash = arguments[0]; })",
        fragment,
    )
    window.wait(SHOWN)


def get(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=60
    ) as found:
        return bytes(found.read())
