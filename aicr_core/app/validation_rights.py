"""What checks may do in a cluster: the rights they declare, and which of them the user has not. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.kit.run import Runner, Task
from aicr_core.model.check import OTHER, RUN_NAMESPACE, CheckResult, Right, failed
from aicr_core.model.rbac import questions
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.selection import Entry
    from aicr_core.kit.run import Context
    from aicr_core.model.cluster import Cluster
    from aicr_core.model.rbac import Question

AT_ONCE = 8
"""Questions to the API server at once."""


def rights_of(entry: Entry, recipe: Mapping[str, Any]) -> tuple[Right, ...]:
    """Give what a check asks of the API, for a recipe whose components carry their assertions.

    Raises AicrError(INTERNAL), naming plugin and check, where its plugin fails to say, or says what is no right.
    """
    if entry.check is None:
        return ()
    rights = entry.check.rights
    try:
        found = tuple(rights) if isinstance(rights, tuple) else tuple(resolve(rights)(recipe))
        for right in found:
            _hold(right)
        questions(found, RUN_NAMESPACE)
    except KeyboardInterrupt:
        raise
    except AicrError as error:
        raise _garbage(
            entry, f"{error.message} ({error.where})" if error.where else error.message
        ) from None
    except BaseException as error:  # also one that tries to end the process
        raise _garbage(entry, f"{type(error).__name__}: {error}") from error
    return found


def _garbage(entry: Entry, why: str) -> AicrError:
    return AicrError(
        Code.INTERNAL, f"the rights of check {entry.name}: {why}", plugin=entry.plugin,
        hint="tell its author, or leave the check out with --skip-check",
    )  # fmt: skip


def _hold(right: object) -> None:
    """Refuse what is no right. Raises AicrError."""
    if not isinstance(right, Right):
        raise AicrError(Code.INTERNAL, f"{right!r} is no Right")
    for name in ("verbs", "resources", "names"):
        words = getattr(right, name)
        if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
            raise AicrError(Code.INTERNAL, f"{name} is {words!r}, no tuple of texts")
    for name in ("group", "namespace"):
        if not isinstance(getattr(right, name), str):
            raise AicrError(Code.INTERNAL, f"{name} is {getattr(right, name)!r}, no text")


def home_rights(namespace: str) -> tuple[Right, ...]:
    """Give what it takes to make the namespace of a run where it is not there, and to remove it again."""
    return (
        Right(verbs=("get", "delete"), resources=("namespaces",), names=(namespace,)),
        Right(verbs=("create",), resources=("namespaces",)),
    )


def is_at_home(entry: Entry, recipe: Mapping[str, Any]) -> bool:
    """Tell whether a check works in the namespace of the run."""
    return any(right.namespace == RUN_NAMESPACE for right in rights_of(entry, recipe))


def untold(entries: Sequence[Entry], recipe: Mapping[str, Any]) -> dict[str, CheckResult]:
    """Give the verdict of each check whose plugin cannot say what it may do, by its name: it concerns no other."""
    found = {}
    for entry in entries:
        try:
            rights_of(entry, recipe)
        except AicrError as error:
            found[entry.name] = CheckResult(
                status=OTHER, code=error.code, reason="NoRights", remediation=error.hint or "",
                message=one_line(f"{error.message} (plugin {error.plugin})"),
            )  # fmt: skip
    return found


def denied(
    cluster: Cluster, entries: Sequence[Entry], recipe: Mapping[str, Any], namespace: str
) -> dict[str, CheckResult]:
    """Give the verdict of each check that lacks rights, by its name; every missing one is named.

    ``namespace`` is where the run works. A question that gets no answer is no reason to stop: what is forbidden says
    so when it is tried.
    """
    found: dict[str, CheckResult] = {}
    asks = {entry.name: questions(rights_of(entry, recipe), namespace) for entry in entries}
    single = sorted({question for asked in asks.values() for question in asked})

    def task(question: Question) -> Task:
        def ask(_ctx: Context) -> bool:
            return cluster.can_i(*question)

        return Task(str(question), "", ask)

    outcomes = Runner(AT_ONCE).run([task(question) for question in single])
    answered = zip(single, outcomes, strict=True)
    missing = {one for one, outcome in answered if outcome.status == "ok" and not outcome.value}
    for name, asked in asks.items():
        lacking = [str(one) for one in asked if one in missing]
        if lacking:
            found[name] = failed(
                Code.UNAUTHORIZED, "MissingRights",
                f"{len(lacking)} rights are missing: {'; '.join(lacking)}",
                remediation="ask for them: aicr validate --print-rbac prints the roles",
            )  # fmt: skip
    return found
