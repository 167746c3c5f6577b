"""Part of ``recipe explain``: which overlay asks for a check, in which phase, and which plugin brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine.explain_checks import check as asked_by
from aicr_core.engine.explain_checks import unknown_check

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.recipe_explain import ExplainRequest, Subject

Document = dict[str, Any]


def check(
    environment: Environment, subject: Subject, name: str, request: ExplainRequest
) -> Document:
    """Give ``check``, ``asked`` (rows: phase, selector, origin, history), and ``by``: who brings its code or container.

    ``by`` has ``pack``, ``distribution``, ``version``, ``phase``, ``description``; it is absent where nobody does, and
    ``hint`` says how to get it. Raises AicrError(NOT_FOUND) for a check that nobody asks for and nobody brings.
    """
    asked = asked_by(subject.explanation, name, absolute=request.absolute)
    by = _brought(environment, name, request.asked.data)
    if not asked and by is None:
        raise unknown_check(subject.explanation, name)
    answer: Document = {"check": name, "asked": asked}
    if by is not None:
        return {**answer, "by": by}
    way = environment.index.way_to("check", name) or "install the plugin that brings it"
    return {**answer, "hint": way}


def _brought(environment: Environment, name: str, data: tuple[str, ...]) -> Document | None:
    from aicr_core.app.validation_inputs import entries_of, phases_of

    if not environment.manager_needed("aicr_phases"):
        return None
    entries = entries_of(environment, phases_of(environment), data)
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is None:
        return None
    row = environment.index.row(entry.plugin) if entry.plugin else None
    pack = {} if row is None else {"distribution": row["distribution"], "version": row["version"]}
    owner = {"pack": entry.plugin} if entry.plugin else {}
    return {**owner, **pack, "phase": entry.phase, "description": entry.description}
