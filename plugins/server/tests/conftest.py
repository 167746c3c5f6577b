"""A browser in front of a real aicrd, for the tests of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import Browser, browser
from http_server import running
from ui_lab import matters, open_page

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running("uvicorn", AICR_RATE_LIMIT="0") as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def page(window: Browser, site: str) -> Iterator[Browser]:
    """A window of the usual size on the page; whatever a test does, the console stays empty and no other host is asked."""
    window.size(1280, 900)
    window.media(prefers_color_scheme="light")
    open_page(window, f"{site}/ui/")
    yield window
    assert [row["message"] for row in window.log() if matters(row["message"])] == []
    assert [url for url in window.requests() if not url.startswith((site, "blob:", "about:"))] == []
