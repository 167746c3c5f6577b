"""Run the checks for one plugin; give the verdicts. Nothing is printed or kept here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_testkit.model import FAILED, Result, verdict
from aicr_testkit.registry import CHECKS
from aicr_testkit.subject import Place, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aicr_core.api import Session
    from aicr_testkit.model import Check


def selected(ids: Sequence[str]) -> tuple[Check, ...]:
    """Give the checks of these ids, all of them for none. Raises AicrError(INVALID_REQUEST) for an unknown id."""
    known = {check.id: check for check in CHECKS}
    wanted = [name.strip().upper() for name in ids]
    for name in wanted:
        if name not in known:
            from aicr_core.api import AicrError, Code

            raise AicrError(
                Code.INVALID_REQUEST,
                f'no check "{name}"',
                where="--check",
                hint=f"checks: {', '.join(known)}",
            )
    return tuple(check for check in CHECKS if not wanted or check.id in wanted)


def run_checks(
    name: str,
    ids: Sequence[str] = (),
    *,
    session: Session | None = None,
    golden: str = "",
    cases: int = 30,
) -> list[Result]:
    """Hold the installed plugin ``name`` to the checks; see :func:`each`."""
    return list(each(name, ids, session=session, golden=golden, cases=cases))


def each(
    name: str,
    ids: Sequence[str] = (),
    *,
    session: Session | None = None,
    golden: str = "",
    cases: int = 30,
) -> Iterator[Result]:
    """Give the verdicts one by one. Raises AicrError: NOT_FOUND for a plugin nobody has, INVALID_REQUEST for an id.

    ``golden`` is a folder of recorded cases beside the package's own; ``cases`` is how often each call is fuzzed.
    """
    from aicr_core.api import Session

    checks = selected(ids)
    with Place() as folder:
        subject = Subject(session or Session(), name, folder, golden=golden, cases=cases)
        for check in checks:
            try:
                yield verdict(check, subject)
            except Exception as error:
                # A check that fails itself has found something that it did not reckon with: never a pass.
                text = f"the check fell over the plugin: {type(error).__name__}: {error}"
                yield Result(check.id, check.title, FAILED, text)


def report(results: list[Result], row: dict[str, Any]) -> dict[str, Any]:
    """Make the report of a run over all checks, as operators' policies read it."""
    from aicr_core.api import conformance_report

    return conformance_report(
        kit=version(),
        plugin=row["name"],
        distribution=row["distribution"],
        version=row["version"],
        results=[result.document() for result in results],
    )


def version() -> str:
    """Give the version of this kit."""
    from importlib.metadata import version as installed  # noqa: TID251 - a kit may take its time

    return installed("aicr-testkit")
