"""Run tasks side by side with deadlines, and give their outcomes in the order the tasks were given.

Threads are daemons: a hung one never holds the exit. ``concurrent.futures`` joins its workers at exit and is not
used. A thread cannot be killed: one past its deadline is told so, reported and abandoned, its late result dropped.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.clock import Clock
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


class Context:
    """What a provider gets: deadline, cancellation, settings, options of the run, child processes, templates."""

    def __init__(
        self,
        *,
        settings: Any = None,
        timeout: float = limits.TASK,
        render: Callable[..., str] | None = None,
        log: Callable[[str], None] | None = None,
        cancelled: threading.Event | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self.options: Mapping[str, Any] = options or {}
        self._render = render
        self._log = log
        self._cancelled = cancelled or threading.Event()
        self._abandoned = threading.Event()
        self._end = time.monotonic() + timeout

    def remaining(self) -> float:
        """Seconds left until the deadline, never negative."""
        return max(0.0, self._end - time.monotonic())

    def within(self, seconds: float) -> Context:
        """Give a context that ends with this one, and after ``seconds`` at the latest."""
        inner = Context(
            settings=self.settings, timeout=min(seconds, self.remaining()), render=self._render,
            log=self._log, cancelled=self._cancelled, options=self.options,
        )  # fmt: skip
        inner._abandoned = self._abandoned
        return inner

    @property
    def cancelled(self) -> bool:
        """Whether this work is no longer wanted: stopped by the user, by the core, or past its deadline."""
        return self._cancelled.is_set() or self._abandoned.is_set()

    def abandon(self) -> None:
        """Tell the work that nobody waits for it any more; the runner calls this."""
        self._abandoned.set()

    def now(self) -> str:
        """The time for what is written, RFC 3339 in UTC; fixed by ``SOURCE_DATE_EPOCH``."""
        env = self.settings.env if self.settings is not None else {}
        return Clock.from_env(env).stamp()

    def log(self, message: str) -> None:
        """Write a line for the person, on standard error; never to standard output."""
        if self._log is not None:
            self._log(message)

    def render(self, template: str, **variables: Any) -> str:
        """Render a Jinja2 template text with the project's settings (see docs/plugins/tutorial.md).

        Raises AicrError(INVALID_REQUEST) naming the variable that is missing.
        """
        if self._render is None:
            raise AicrError(Code.INTERNAL, "this run has no template renderer")
        return self._render(template, **variables)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> Completed:
        """Run a program, without a shell, for no longer than the remaining time, nor than ``timeout`` seconds.

        It gets a process group of its own, which is ended as a whole (SIGTERM, then SIGKILL) at the deadline,
        on cancellation, and when it writes more than ``max_output`` bytes. ``env`` replaces the environment.
        Raises AicrError: NOT_FOUND when there is no such program, TIMEOUT, INTERNAL for too much output and,
        with ``check``, INTERNAL with its last line when it fails.
        """
        import subprocess

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
            stdout, stderr = self._exchange(argv[0], process, stdin, timeout, max_output)
        except BaseException as error:
            end_group(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            word = "was cancelled" if self.cancelled else "took longer than it may"
            raise AicrError(Code.TIMEOUT, f"{argv[0]} {word} and was ended") from None
        if check and process.returncode:
            lines = stderr.decode("utf-8", "replace").strip().splitlines() or [""]
            raise AicrError(
                Code.INTERNAL, f"{argv[0]} failed with status {process.returncode}: {lines[-1]}"
            )
        return Completed(process.returncode, stdout, stderr)

    def _exchange(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        stdin: bytes,
        timeout: float | None,
        room: int,
    ) -> tuple[bytes, bytes]:
        """Hand over the input, read both outputs, wait for the end. Not ``communicate``: that has no bound."""
        import os
        import selectors
        from subprocess import TimeoutExpired

        assert process.stdin is not None
        end = time.monotonic() + (self.remaining() if timeout is None else timeout)
        found = {process.stdout: bytearray(), process.stderr: bytearray()}
        unsent = memoryview(stdin)

        def left() -> float:
            seconds = min(self.remaining(), end - time.monotonic())
            if self.cancelled or seconds <= 0:
                raise TimeoutExpired(name, 0)
            return min(POLL, seconds)

        with selectors.DefaultSelector() as selector:
            for stream in found:
                selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while selector.get_map():
                for key, _ in selector.select(left()):
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
            seconds = left()
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


class Task(NamedTuple):
    """One piece of work: a name, its plugin, a function of a context, its deadline in seconds.

    ``inline`` runs it in the caller's thread: for what only computes. Tasks that share a word of ``exclusive`` never
    run at once.
    """

    name: str
    plugin: str
    call: Callable[[Context], Any]
    timeout: float = limits.TASK
    inline: bool = False
    exclusive: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """How a task ended.

    ``status``: ok; failed (it raised); crashed (it tried to end the process); timeout; skipped (the deadline of
    the whole run came before its turn, or no more tasks were wanted). ``seconds`` are those it took; those it was
    given, for a timeout.
    """

    name: str
    plugin: str
    status: str
    value: Any
    error: AicrError | None
    seconds: float


class Runner:
    """Runs tasks with at most ``jobs`` threads at once, all within ``deadline`` seconds if that is given."""

    def __init__(
        self,
        jobs: int,
        deadline: float | None = None,
        *,
        settings: Any = None,
        render: Callable[..., str] | None = None,
        log: Callable[[str], None] | None = None,
        options: Mapping[str, Any] | None = None,
        started: Callable[[Task], None] | None = None,
        ended: Callable[[Outcome], bool] | None = None,
    ) -> None:
        """``started`` and ``ended`` are called in the caller's thread; the latter says whether to go on."""
        self._started = started or (lambda _task: None)
        self._ended = ended or (lambda _outcome: True)
        self._stopped = False
        self._options = options
        self._jobs = max(1, jobs)
        self._deadline = deadline
        self._end = None if deadline is None else time.monotonic() + deadline
        self._settings = settings
        self._render = render
        self._log = log
        self._cancelled = threading.Event()

    def run(self, tasks: Sequence[Task]) -> tuple[Outcome, ...]:
        """Run all tasks; give outcomes in the order of ``tasks``.

        An interrupt tells every running task, waits ``limits.GRACE`` seconds for them, and is raised.
        """
        outcomes: dict[int, Outcome] = {}
        threads: list[threading.Thread] = []
        try:
            for number, task in enumerate(tasks):
                if task.inline:
                    late = self._left(task.timeout) <= 0
                    outcomes[number] = _skipped(task) if late else self._one(task, self._for(task))
            waiting = [number for number in range(len(tasks)) if number not in outcomes]
            self._threads(tasks, waiting, outcomes, threads)
        except BaseException:
            self._cancelled.set()
            end = time.monotonic() + limits.GRACE
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
            raise
        return tuple(outcomes[number] for number in range(len(tasks)))

    def _left(self, timeout: float) -> float:
        return timeout if self._end is None else min(timeout, self._end - time.monotonic())

    def _for(self, task: Task) -> Context:
        return Context(
            settings=self._settings,
            timeout=self._left(task.timeout),
            render=self._render,
            log=self._log,
            cancelled=self._cancelled,
            options=self._options,
        )

    def _threads(
        self,
        tasks: Sequence[Task],
        numbers: list[int],
        outcomes: dict[int, Outcome],
        threads: list[threading.Thread],
    ) -> None:
        results: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
        waiting = list(numbers)
        running: dict[int, Context] = {}
        given: dict[int, float] = {}

        def done(number: int, outcome: Outcome) -> None:
            outcomes[number] = outcome
            self._stopped = not self._ended(outcome) or self._stopped

        while waiting or running:
            while len(running) < self._jobs:
                number = self._next(tasks, waiting, running)
                if number < 0:
                    break
                waiting.remove(number)
                if self._stopped or self._left(tasks[number].timeout) <= 0:
                    done(number, _skipped(tasks[number], stopped=self._stopped))
                    continue
                given[number] = self._left(tasks[number].timeout)
                context = running[number] = self._for(tasks[number])
                self._started(tasks[number])

                def work(number: int = number, context: Context = context) -> None:
                    results.put((number, self._one(tasks[number], context)))

                thread = threading.Thread(target=work, daemon=True, name=tasks[number].name)
                threads.append(thread)
                thread.start()
            if not running:
                break
            try:
                left = min(context.remaining() for context in running.values())
                number, outcome = results.get(timeout=left)
                # The result of a task that was given up comes too late to count.
                if running.pop(number, None) is not None:
                    done(number, outcome)
            except queue.Empty:
                for number, context in list(running.items()):
                    if not context.remaining():
                        context.abandon()
                        del running[number]
                        done(number, _late(tasks[number], given[number], self._deadline))

    @staticmethod
    def _next(tasks: Sequence[Task], waiting: Sequence[int], running: Mapping[int, Context]) -> int:
        """Give the first waiting task that may run beside those that run, -1 when there is none."""
        busy = {word for number in running for word in tasks[number].exclusive}
        return next((n for n in waiting if not busy.intersection(tasks[n].exclusive)), -1)

    def _one(self, task: Task, context: Context) -> Outcome:
        start = time.monotonic()
        try:
            value = task.call(context)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and task.inline:
                raise
            status = "failed" if isinstance(error, Exception) else "crashed"
            spent = time.monotonic() - start
            return Outcome(task.name, task.plugin, status, None, _wrapped(task, error), spent)
        return Outcome(task.name, task.plugin, "ok", value, None, time.monotonic() - start)


def _wrapped(task: Task, error: BaseException) -> AicrError:
    if isinstance(error, AicrError):
        error.plugin = error.plugin or task.plugin or None
        return error
    text = f"{task.name}: {type(error).__name__}: {error}"
    wrapped = AicrError(Code.INTERNAL, text, plugin=task.plugin or None)
    wrapped.__cause__ = error
    return wrapped


def _late(task: Task, given: float, deadline: float | None) -> Outcome:
    """Give the outcome of a task that got ``given`` seconds: its own, or what all together had left of theirs."""
    text = f"{task.name} took longer than {task.timeout:g} s"
    if deadline is not None and given < task.timeout:
        text = f"{task.name} had not ended when the {deadline:g} s for all together were over"
    error = AicrError(Code.TIMEOUT, text, plugin=task.plugin or None)
    return Outcome(task.name, task.plugin, "timeout", None, error, given)


def _skipped(task: Task, *, stopped: bool = False) -> Outcome:
    text = (
        f"{task.name} was not wanted any more" if stopped else f"no time was left for {task.name}"
    )
    error = AicrError(Code.TIMEOUT, text, plugin=task.plugin or None)
    return Outcome(task.name, task.plugin, "skipped", None, error, 0.0)
