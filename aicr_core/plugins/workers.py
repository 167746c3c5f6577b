"""One worker process: start it, exchange lines with it within a time and a size, end it with all its children.

The process gets a session and a group of its own, a folder of its own that is removed with it, the variables it may
have, and no descriptor but its three streams. What is said, and by whom, is ``plugins.remote``'s business.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.kit.process import POLL, end_group
from aicr_core.plugins import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_ALWAYS = ("PATH", "HOME", "LANG", "LANGUAGE", "LC_*", "TZ", "SOURCE_DATE_EPOCH", "AICR_*")
_SECRET = ("*TOKEN*", "*PASS*", "*SECRET*", "*_KEY", "*CREDENTIAL*")
_OF_PERMISSION = {
    "host.read": ("LD_LIBRARY_PATH",),
    "net": ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_*"),
    "cluster.read": ("KUBECONFIG",),
    "cluster.write": ("KUBECONFIG",),
}  # fmt: skip
_TYPES = ("log", "ask", "error", "result")
_SHOWN = 200
"""Lines of a plugin's own output that are passed on during one call."""


def environment(
    env: Mapping[str, str], patterns: Iterable[str], permissions: Iterable[str]
) -> dict[str, str]:
    """Give the variables that a worker gets: the usual ones, those of its permissions, those its manifest names.

    A variable that looks like a secret is only given when the manifest names it exactly.
    """
    patterns = tuple(patterns)
    more = [name for permission in permissions for name in _OF_PERMISSION.get(permission, ())]
    allowed = (*_ALWAYS, *more, *patterns)

    def may(name: str) -> bool:
        if name in patterns:
            return True
        secret = any(fnmatch.fnmatchcase(name.upper(), pattern) for pattern in _SECRET)
        return not secret and any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)

    return {name: value for name, value in env.items() if may(name)}


class WorkerProcess:
    """A worker that was started; ``fresh`` until it said hello, ``answered`` while its last message was an answer.

    Who uses it sets ``fresh`` to False after a greeting that was returned.
    """

    def __init__(self, argv: list[str], env: Mapping[str, str], plugin: str) -> None:
        self.fresh = True
        self.answered = False
        self._plugin = plugin
        self._folder = tempfile.mkdtemp(prefix="aicr-worker-")
        self._rest = b""
        self._searched = 0
        self._tail = b""
        self._printed = 0
        self._lines = 0
        variables = {
            **env, "TMPDIR": self._folder,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }  # fmt: skip
        try:
            self._process = subprocess.Popen(
                [*argv, self._folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=self._folder, env=variables, start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise self._fault(f"no worker could be started: {error.strerror or error}") from None
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def exchange(
        self,
        line: bytes,
        end: float,
        timeout: float,
        cancelled: Callable[[], bool],
        log: Callable[[str], None],
        asked: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Any:
        """Send a request, pass on what is logged, answer with ``asked`` what is asked, give the answer.

        Raises AicrError: what the plugin reports; TIMEOUT past the monotonic time ``end`` (``timeout`` seconds were
        given) and when nobody wants the answer any more; INTERNAL for a worker that ends, floods or talks nonsense.
        """
        self.answered = False
        self._printed = self._lines = self._searched = 0
        unsent = memoryview(line)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        received = bytearray(self._rest)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdin, selectors.EVENT_WRITE)
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while True:
                message = self._next(received, log)
                if message is not None and message["type"] == "ask":
                    if asked is None:
                        raise self._fault(
                            "its worker asks for what it was not given, and was ended"
                        )
                    if not unsent:
                        selector.register(process.stdin, selectors.EVENT_WRITE)
                    unsent = memoryview(bytes(unsent) + wire.dumps(asked(message)))
                    continue
                if message is not None:
                    self._drain(log)
                    return message.get("value")
                left = end - time.monotonic()
                if left <= 0 or cancelled():
                    word = (
                        "was not wanted any more"
                        if cancelled()
                        else f"took longer than {timeout:.3g} s"
                    )
                    raise self._fault(f"its code {word} and was ended", Code.TIMEOUT)
                events = selector.select(min(POLL, left))
                for key, _ in events:
                    if key.fileobj is process.stdin:
                        unsent = unsent[self._write(key.fd, unsent) :]
                        if not unsent:
                            selector.unregister(process.stdin)
                    elif key.fileobj is process.stdout:
                        chunk = os.read(key.fd, 1 << 20)
                        received += chunk
                        if not chunk:
                            selector.unregister(process.stdout)
                    elif not self._printed_by(os.read(key.fd, 1 << 16), log):
                        selector.unregister(process.stderr)
                if len(received) > limits.WORKER_MESSAGE:
                    raise self._fault("its worker wrote a message without an end, and was ended")
                # A child of the worker may hold its pipes open, so the end of the process counts, not theirs.
                if not events and process.poll() is not None:
                    raise self._gone(process.returncode)
                if process.stdout not in selector.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        # Its output closes a moment before it is gone.
                        raise self._gone(process.wait(POLL * 5))
                    raise self._fault("its worker closed its output, and was ended")

    def _next(self, received: bytearray, log: Callable[[str], None]) -> dict[str, Any] | None:
        """Take the next question or answer off ``received``, if it is whole. Raises the error that it reports."""
        while True:
            end = received.find(b"\n", self._searched)
            if end < 0:
                self._searched = len(received)
                return None
            message = self._message(bytes(received[:end]))
            del received[: end + 1]
            self._searched = 0
            if message["type"] == "ask":
                return message
            if message["type"] == "log":
                self._count(end)
                self._show(str(message.get("text")), log)
                continue
            self._rest = bytes(received)
            self.answered = True
            if message["type"] == "error":
                raise wire.error_from(message.get("error"), self._plugin)
            return message

    def _message(self, line: bytes) -> dict[str, Any]:
        try:
            message = wire.loads(line)
        except AicrError as error:
            raise self._fault(
                f"its worker answered nonsense and was ended: {error.message}"
            ) from None
        if not isinstance(message, dict) or message.get("type") not in _TYPES:
            raise self._fault("its worker answered nonsense and was ended: it is no message")
        return message

    def _write(self, descriptor: int, data: memoryview) -> int:
        try:
            return os.write(descriptor, data[: 1 << 20])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)

    def _printed_by(self, chunk: bytes, log: Callable[[str], None]) -> bool:
        """Pass on what the plugin's code printed, line by line; tell whether there may be more of it."""
        self._count(len(chunk))
        *lines, self._tail = (self._tail + chunk).split(b"\n")
        if not chunk and self._tail:
            lines, self._tail = [self._tail], b""
        for line in lines:
            self._show(line.decode("utf-8", "replace"), log)
        return bool(chunk)

    def _count(self, size: int) -> None:
        self._printed += size
        if self._printed > limits.WORKER_LOG:
            self.answered = False
            raise self._fault("its code printed without an end, and was ended")

    def _show(self, line: str, log: Callable[[str], None]) -> None:
        self._lines += 1
        if line.strip() and self._lines <= _SHOWN:
            log(f"{self._plugin}: {one_line(line)}")

    def _drain(self, log: Callable[[str], None]) -> None:
        """Pass on what was printed before the answer."""
        assert self._process.stderr is not None
        with contextlib.suppress(BlockingIOError):
            while self._printed_by(os.read(self._process.stderr.fileno(), 1 << 16), log):
                pass
        if self._tail:
            self._show(self._tail.decode("utf-8", "replace"), log)
            self._tail = b""

    def _gone(self, status: int) -> AicrError:
        how = f"signal {-status}" if status < 0 else f"status {status}"
        hint = (
            "it may have asked for more memory than it has: [limits] memory_mib"
            if status < 0
            else None
        )
        return self._fault(f"its worker ended in the middle of its work ({how})", hint=hint)

    def _fault(self, text: str, code: Code = Code.INTERNAL, hint: str | None = None) -> AicrError:
        return AicrError(code, text, plugin=self._plugin, hint=hint)

    def close(self) -> None:
        """End the process and all its children, and remove its folder."""
        end_group(self._process, grace=0.2)
        shutil.rmtree(self._folder, ignore_errors=True)
