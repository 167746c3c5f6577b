"""A running aicrd for tests: a process of its own on a free port, with the settings a test gives."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = ("granian", "uvicorn")


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Aicrd(subprocess.Popen[bytes]):
    """The process; what it writes to standard error is in a file, so that it never waits for a reader."""

    def __init__(self, engine: str, port: int, env: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        variables = {
            **os.environ, "PORT": str(port), "AICR_BIND": "127.0.0.1", "AICR_HTTP_ENGINE": engine, **env,
        }  # fmt: skip
        super().__init__(
            [sys.executable, "-m", "aicr_server"],
            env=variables,
            stderr=self._log,
            stdout=subprocess.DEVNULL,
        )

    def log(self) -> str:
        """Give what it has written so far."""
        self._log.seek(0)
        return self._log.read().decode()

    def events(self) -> list[dict[str, Any]]:
        """Give the lines of its log that are JSON."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def lines(self, count: int) -> list[str]:
        """Give its lines once there are ``count`` of them, or after a while what is there: a line follows its answer."""
        deadline = time.monotonic() + 5
        while len(found := self.log().splitlines()) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def done(self, timeout: float = 20) -> int:
        """Wait for its end; give the exit status."""
        return self.wait(timeout)

    def close(self) -> None:
        """End it, if it has not ended."""
        self.kill()
        self.wait()
        self._log.close()


@contextlib.contextmanager
def started(engine: str = "uvicorn", **env: str) -> Iterator[tuple[int, Aicrd]]:
    """Start ``aicrd``; give its port and process at once. It is killed at the end."""
    port = free_port()
    process = Aicrd(engine, port, env)
    try:
        yield port, process
    finally:
        process.close()


@contextlib.contextmanager
def running(engine: str = "uvicorn", **env: str) -> Iterator[tuple[int, Aicrd]]:
    """Start ``aicrd`` and wait until it is ready; give its port and process. It is killed at the end."""
    with started(engine, **env) as (port, process):
        deadline = time.monotonic() + 60
        while ready(port) != 200:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"aicrd did not start: {process.log()}")
            time.sleep(0.05)
        yield port, process


def ready(port: int) -> int:
    """Give the status of ``/ready``, 0 where nobody answers."""
    return get(port, "/ready")


def get(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    """Give the status of a path, 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
