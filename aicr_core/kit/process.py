"""Run a program without a shell: bounded in time and output, and ended with all its children.

How long it may take and whether it is still wanted the caller says; a provider runs programs through its ``Context``.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

POLL = 0.1
"""Seconds between two looks at the cancellation while a child process runs."""
MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes a child process may write, both streams together: an endless writer must not take the memory."""


class Completed(NamedTuple):
    """A child process that ended: exit status (negative: the signal), and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


def run_program(
    argv: Sequence[str],
    left: Callable[[], float],
    cancelled: Callable[[], bool],
    *,
    stdin: bytes = b"",
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    max_output: int = MAX_OUTPUT,
) -> Completed:
    """Run a program for as long as ``left`` gives seconds and ``cancelled`` does not say that it is unwanted.

    It gets a process group of its own, which is ended as a whole (SIGTERM, then SIGKILL) when that is over, and when
    it writes more than ``max_output`` bytes. ``env`` replaces the environment. Raises AicrError: NOT_FOUND when there
    is no such program, TIMEOUT, INTERNAL for too much output and, with ``check``, INTERNAL with its last line when it
    fails.
    """
    import subprocess

    def tick() -> float:
        seconds = left()
        if cancelled() or seconds <= 0:
            raise subprocess.TimeoutExpired(argv[0], 0)
        return min(POLL, seconds)

    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=cwd, env=dict(env) if env is not None else None, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        missing = cwd if cwd is not None and not _is_folder(cwd) else argv[0]
        raise AicrError(Code.NOT_FOUND, f"{missing} is not there", hint="install it") from None
    except OSError as error:
        raise AicrError(
            Code.INTERNAL, f"cannot start {argv[0]}: {error.strerror or error}"
        ) from None
    try:
        stdout, stderr = _exchange(argv[0], process, stdin, tick, max_output)
    except BaseException as error:
        end_group(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        word = "was cancelled" if cancelled() else "took longer than it may"
        raise AicrError(Code.TIMEOUT, f"{argv[0]} {word} and was ended") from None
    if check and process.returncode:
        lines = stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        raise AicrError(
            Code.INTERNAL, f"{argv[0]} failed with status {process.returncode}: {lines[-1]}"
        )
    return Completed(process.returncode, stdout, stderr)


def _exchange(
    name: str,
    process: subprocess.Popen[bytes],
    stdin: bytes,
    tick: Callable[[], float],
    room: int,
) -> tuple[bytes, bytes]:
    """Hand over the input, read both outputs, wait for the end. Not ``communicate``: that has no bound.

    ``tick`` gives the seconds until it wants to be asked again, or raises to end it all.
    """
    import os
    import selectors
    from subprocess import TimeoutExpired

    assert process.stdin is not None
    found = {process.stdout: bytearray(), process.stderr: bytearray()}
    unsent = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for stream in found:
            selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            for key, _ in selector.select(tick()):
                if key.fileobj is process.stdin:
                    unsent = unsent[_write(key.fd, unsent) :]
                    done = not unsent
                else:
                    chunk = os.read(key.fd, 65536)
                    found[key.fileobj] += chunk  # type: ignore[index]
                    room -= len(chunk)
                    done = not chunk
                if room < 0:
                    raise AicrError(Code.INTERNAL, f"{name} wrote too much and was ended")
                if done:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    while True:
        seconds = tick()
        with contextlib.suppress(TimeoutExpired):
            process.wait(seconds)
            return bytes(found[process.stdout]), bytes(found[process.stderr])


def _write(descriptor: int, data: memoryview) -> int:
    """Write what fits; a reader that has gone takes everything."""
    import os

    try:
        return os.write(descriptor, data[:65536])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _is_folder(path: str) -> bool:
    import os

    return os.path.isdir(path)


def end_group(process: subprocess.Popen[bytes], grace: float = limits.GRACE) -> None:
    """End a process that was started in a session of its own, with all its children, and reap it.

    For one that was not waited for, or whose children still hold its pipes: only then its group's number is sure
    to be still its own.
    """
    import os
    import signal
    from subprocess import TimeoutExpired

    def tell(number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)

    if process.poll() is None:
        tell(signal.SIGTERM)
        with contextlib.suppress(TimeoutExpired):
            process.wait(grace)
    tell(signal.SIGKILL)
    with contextlib.suppress(TimeoutExpired):
        # One that hangs in the kernel does not die; whoever called has more to do than to wait for it.
        process.wait(grace)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
