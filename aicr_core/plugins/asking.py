"""A check in a worker has no connection and no credentials: what it asks of the cluster is asked here, for it.

On the worker's side :func:`target` makes a check's target whose cluster and ledger send each call across; on this
side :class:`Asked` makes the calls, of a closed list of methods. The ledger stays here too, so that what a check made
is removed also when its worker is ended in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.target import Target
from aicr_core.plugins import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.kit.context import Context

    Ask = Callable[[str, str, Any, dict[str, Any]], Any]

METHODS = {
    "cluster": (
        "host", "path", "get", "text", "list", "watch", "logs", "version", "serves", "resource_of", "can_i",
        "create", "replace", "apply", "patch", "delete",
    ),
    "ledger": ("note", "made", "forget", "uid"),
    "target": ("evidence",),
}  # fmt: skip
"""What a worker may ask for, by what it is asked of."""
MOST = 100_000
"""Objects, events or lines that one call may give: they cross as one message."""


class Asked:
    """Answers the questions of the worker that runs one check."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        """Give the answer to a question, or the error that stands for it."""
        answer: dict[str, Any] = {"op": "answer", "id": question.get("id")}
        try:
            value = self._call(question)
            wire.encode(value)
        except Exception as error:
            return answer | {"error": wire.error_document(error)}
        return answer | {"value": value}

    def _call(self, question: dict[str, Any]) -> Any:
        what, method = question["object"], question["method"]
        if method not in METHODS.get(what, ()):
            raise AicrError(Code.INVALID_REQUEST, f'a check cannot ask for "{what}.{method}"')
        ctx = self._target.ctx
        owners: dict[str, Any] = {
            "cluster": self._target.cluster.within(ctx.remaining),
            "ledger": self._target.ledger,
            "target": self._target,
        }
        found = getattr(owners[what], method)
        value = found(*question["arguments"], **question["named"]) if callable(found) else found
        if not hasattr(value, "__next__"):
            return value
        given = []
        for item in value:
            given.append(item)
            if len(given) > MOST:
                raise AicrError(Code.INVALID_REQUEST, f"{method} gives more than {MOST} at once")
        return given


class _Elsewhere:
    """An object of the other side: each of its methods is asked for there."""

    def __init__(self, ask: Ask, what: str) -> None:
        self._ask = ask
        self._what = what

    def __getattr__(self, method: str) -> Any:
        if method.startswith("__"):
            raise AttributeError(method)
        return lambda *arguments, **named: self._ask(self._what, method, arguments, named)


class _Cluster(_Elsewhere):
    """The cluster of the other side, whose deadline is that of the check."""

    @property
    def host(self) -> Any:
        return self._ask("cluster", "host", (), {})

    def within(self, _timeout: Any) -> _Cluster:
        return self

    def __getattr__(self, method: str) -> Any:
        call = super().__getattr__(method)
        if method not in ("list", "watch", "logs"):
            return call
        return lambda *arguments, **named: iter(call(*arguments, **named))


class _Target(Target):
    """A target whose evidence is kept on the other side at once, so that it is there whatever happens next."""

    def __init__(self, ask: Ask, ctx: Context, given: dict[str, Any]) -> None:
        cluster: Any = _Cluster(ask, "cluster")
        ledger: Any = _Elsewhere(ask, "ledger")
        super().__init__(ctx, cluster, ledger=ledger, **given)
        self._ask = ask

    def evidence(self, label: str, text: str, command: str = "") -> None:
        """Keep what was seen, over there."""
        self._ask("target", "evidence", (label, text, command), {})


def target(ask: Ask, ctx: Context, given: dict[str, Any]) -> Target:
    """Make the target of a check in a worker; ``ask`` puts a question to the other side and waits for the answer."""
    return _Target(ask, ctx, given)
