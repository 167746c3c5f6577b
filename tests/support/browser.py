"""A real browser for tests: Chromium, driven over the W3C WebDriver protocol by the standard library alone.

Only what the tests of the page need. Debian's packages are ``chromium`` and ``chromium-driver``; without them
``browser()`` skips the test and says so.
"""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from http_server import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--no-default-browser-check", "--force-color-profile=srgb",
)  # fmt: skip
KEYS = {
    "Tab": "\ue004", "Enter": "\ue007", "Shift": "\ue008", "Space": " ", "End": "\ue010", "Home": "\ue011",
    "Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015",
}  # fmt: skip


class Browser:
    """One window of one browser with a profile of its own."""

    def __init__(self, driver: str, session: str, downloads: pathlib.Path) -> None:
        self._address = f"{driver}/session/{session}"
        self.downloads = downloads

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a command of the protocol and give its value. Raises AssertionError with what the driver says."""
        return _call(method, self._address + path, body)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("POST", "/url", {"url": url})

    def script(self, text: str, *arguments: Any) -> Any:
        """Run the body of a function in the page and give what it returns."""
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def wait(self, text: str, *arguments: Any, seconds: float = 30) -> Any:
        """Run a script until it gives something true; give that."""
        end = time.monotonic() + seconds
        while True:
            found = self.script(text, *arguments)
            if found:
                return found
            assert time.monotonic() < end, f"never true: {text} {arguments}\n{self.text('body')}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """Give the visible text of the first element that matches."""
        return str(
            self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        )

    def texts(self, selector: str) -> list[str]:
        """Give the visible text of every element that matches."""
        script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.innerText.trim())"
        return list(self.script(script, selector))

    def click(self, selector: str) -> None:
        """Click what matches, as a person does: it must be visible and not covered."""
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{found[_ELEMENT]}/click", {})

    def keys(self, *names: str) -> None:
        """Press keys, one after another, into whatever has the focus; names of ``KEYS``, or letters."""
        strokes = [KEYS.get(name, name) for name in names]
        actions = [{"type": kind, "value": key} for key in strokes for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self.call("POST", "/actions", {"actions": [source]})

    def type(self, selector: str, text: str) -> None:
        """Type into what matches."""
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{found[_ELEMENT]}/value", {"text": text})

    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command of Chromium's own protocol: sizes, media, network."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the window's inside this size; ``phone`` as a phone has it."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=phone,
            deviceScaleFactor=2 if phone else 1,
        )  # fmt: skip

    def media(self, **features: str) -> None:
        """Set media features, such as ``prefers_color_scheme="dark"``."""
        listed = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.command("Emulation.setEmulatedMedia", features=listed)

    def log(self, kind: str = "browser") -> list[dict[str, Any]]:
        """Give what was logged since the last call: ``browser`` is the console, ``performance`` has every request."""
        return list(self.call("POST", "/se/log", {"type": kind}))

    def requests(self) -> list[str]:
        """Give the addresses asked for since the last call."""
        events = (json.loads(row["message"])["message"] for row in self.log("performance"))
        return [
            e["params"]["request"]["url"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, path: pathlib.Path) -> None:
        """Write a picture of the whole page."""
        found = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    # The driver is on this machine: a proxy of the environment is not asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.read().decode()[:2000]}") from None


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; it and its files are gone at the end. Skips where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="aicr-browser-", ignore_cleanup_errors=True) as folder:
        root = pathlib.Path(folder)
        downloads = root / "downloads"
        downloads.mkdir()
        port = free_port()
        process = subprocess.Popen(
            [driver, f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=root,
        )
        address = f"http://127.0.0.1:{port}"
        session = None
        try:
            _until(lambda: _call("GET", f"{address}/status")["ready"])
            session = _call("POST", f"{address}/session", _wanted(chromium, root, downloads))
            yield Browser(address, session["sessionId"], downloads)
        finally:
            if session is not None:
                with contextlib.suppress(AssertionError, OSError):
                    _call("DELETE", f"{address}/session/{session['sessionId']}")
            process.terminate()
            process.wait()


def _wanted(chromium: str, root: pathlib.Path, downloads: pathlib.Path) -> dict[str, Any]:
    options = {
        "binary": chromium,
        "args": [*_FLAGS, f"--user-data-dir={root / 'profile'}", "--window-size=1280,900"],
        "prefs": {
            "download.default_directory": str(downloads),
            "download.prompt_for_download": False,
        },
        "perfLoggingPrefs": {"enableNetwork": True, "enablePage": False},
    }
    wanted = {
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }
    return {"capabilities": {"alwaysMatch": wanted}}


def _until(ready: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.1)
    raise AssertionError("chromedriver did not start")
