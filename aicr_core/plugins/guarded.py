"""``isolation = "thread"``: a plugin's code in a thread that is given up at a deadline, in this process.

It keeps a plugin that hangs from hanging the command, and nothing more: a thread cannot be ended, and shares all
there is. What has to be held off better runs in a process of its own (``plugins.remote``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(what: str, plugin: str, timeout: float, work: Callable[[], Any]) -> Any:
    """Give what ``work`` gives, or raise what it raises. Raises AicrError(TIMEOUT) after ``timeout`` seconds."""
    from aicr_core.kit.run import Runner, Task

    (outcome,) = Runner(1).run([Task(what, plugin, lambda _context: work(), timeout)])
    if outcome.error is not None:
        raise outcome.error.__cause__ or outcome.error
    return outcome.value


def guarded(answer: Any, plugin: str) -> Any:
    """Give the answer of a hook with the functions of its providers guarded; other answers are as they were."""
    import attrs

    from aicr_core.plugins.providers import LIVE, calls_of

    def held(item: Any) -> Any:
        if type(item).__name__ in LIVE:
            # An interrupt reaches the main thread alone, and these have to clean up after one.
            return item
        changed = {name: _Guarded(call, plugin) for name, call in calls_of(item)}
        return attrs.evolve(item, **changed) if changed else item

    return [held(item) for item in answer] if isinstance(answer, (list, tuple)) else answer


class _Guarded:
    """A function that is called in a thread, for no longer than its context has, or a task may take."""

    def __init__(self, call: Any, plugin: str) -> None:
        self._call = call
        self._plugin = plugin

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        from aicr_core.plugins.manager import resolve

        ctx = next((item for item in arguments if isinstance(item, Context)), None)
        timeout = limits.TASK if ctx is None else ctx.remaining()
        what = self._call if isinstance(self._call, str) else self._call.__qualname__
        return in_thread(
            what, self._plugin, timeout, lambda: resolve(self._call)(*arguments, **named)
        )
