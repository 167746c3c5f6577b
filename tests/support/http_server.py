"""A running aicrd for tests: a process of its own on a free port, with the settings a test gives."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def running(engine: str = "uvicorn", **env: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start ``aicrd`` and wait until it is ready; give its port and process. It is killed at the end."""
    port = free_port()
    variables = {
        **os.environ,
        "PORT": str(port),
        "AICR_BIND": "127.0.0.1",
        "AICR_HTTP_ENGINE": engine,
        **env,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "aicr_server"],
        env=variables,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            if _ready(port):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                assert process.stderr is not None
                raise AssertionError(f"aicrd did not start: {process.stderr.read().decode()}")
            time.sleep(0.05)
        yield port, process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
