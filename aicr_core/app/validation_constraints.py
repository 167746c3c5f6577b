"""Hold the constraints of a recipe to a snapshot: those of the gates, and those of phases that no check reads.

Plugins are asked for readings that are not the snapshot's own. No cluster is touched and nothing is printed.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from aicr_core.app import validation_inputs as loading
from aicr_core.engine import readiness, selection
from aicr_core.kit.errors import AicrError, Code, together
from aicr_core.model.check import PhaseReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.app.validation_inputs import Inputs
    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.model.check import ReportItem

Document = dict[str, Any]
TOP: selection.Steps = ("constraints",)


class Constraints:
    """The constraints of one recipe before one snapshot.

    ``json`` says that the snapshot came as JSON; ``unknown`` is ``fail`` or ``warn``, what one is that cannot be
    evaluated.
    """

    def __init__(
        self,
        environment: Environment,
        inputs: Inputs,
        snapshot: Document,
        *,
        json: bool = False,
        unknown: str = "fail",
    ) -> None:
        self._inputs = inputs
        self._snapshot = snapshot
        self._json = json
        self._unknown = unknown
        self._ask = _reader(environment, inputs, snapshot)

    def of_gates(self) -> list[PhaseReport]:
        """Evaluate all constraints of the gates; those at the recipe's top belong to the first."""
        reports = []
        for number, phase in enumerate(self._inputs.gates):
            items = []
            if number == 0:
                top = list(enumerate(self._inputs.recipe.document.get("constraints") or ()))
                items += self._evaluate(top, phase.name, TOP)
            items += self.of_phase(phase.name)
            reports.append(PhaseReport(name=phase.name, items=tuple(items), gate=True))
        return reports

    def of_phase(self, phase: str) -> list[ReportItem]:
        """Evaluate the constraints of a phase that no check reads: they are paths of readings."""
        return self._evaluate(self._inputs.own_constraints(phase), phase, _steps(phase))

    def _evaluate(
        self, numbered: Sequence[tuple[int, Mapping[str, Any]]], phase: str, steps: selection.Steps
    ) -> list[ReportItem]:
        return readiness.evaluate_all(
            [constraint for _, constraint in numbered], self._snapshot, phase, json=self._json,
            unknown=self._unknown, ask=self._ask, remedy=lambda name: self._remedies.get(name, ""),
            where=lambda n: self._inputs.recipe.where((*steps, numbered[n][0])),
        )  # fmt: skip

    @functools.cached_property
    def _remedies(self) -> Mapping[str, str]:
        service = str((self._inputs.recipe.document.get("criteria") or {}).get("service") or "")
        return loading.remedies_of(self._inputs.catalogue, service)


def _steps(phase: str) -> selection.Steps:
    return ("validation", phase, "constraints")


def _reader(environment: Environment, inputs: Inputs, snapshot: Document) -> Callable[[str], Any]:
    """Give the function that asks plugins for a reading; None from all of them: it is the snapshot's."""
    if not environment.manager_needed("aicr_read_constraint"):
        return lambda _path: None

    def ask(path: str) -> Any:
        answers = environment.manager.call(
            "aicr_read_constraint", path=path, snapshot=snapshot, recipe=inputs.recipe.document
        )
        return next((answer for _, answer in answers if answer is not None), None)

    return ask


def misspelt(inputs: Inputs, snapshot: Document) -> None:
    """Refuse constraints on a reading that is not there where one of nearly that name is. Raises AicrError(s).

    All of the recipe are looked at, also those of phases that are not run: what is misspelt is wrong in any case.
    """
    placed = [((*steps, number), item) for steps, items in _lists(inputs) for number, item in items]
    items = [item for _, item in placed]
    problems = [
        AicrError(
            Code.INVALID_REQUEST, message, where=inputs.recipe.where(placed[number][0]), hint=hint
        )
        for number, message, hint in selection.near_misses(
            items, snapshot, _spelled(inputs.catalogue)
        )
    ]
    if problems:
        raise together(
            f"{len(problems)} constraints name readings that are not there", problems
        )  # fmt: skip


def _lists(inputs: Inputs) -> Iterator[tuple[selection.Steps, Sequence[tuple[int, Any]]]]:
    """Give each list of constraints on readings, with the way to it."""
    yield TOP, list(enumerate(inputs.recipe.document.get("constraints") or ()))
    for phase in inputs.phases:
        yield _steps(phase.name), inputs.own_constraints(phase.name)


def _spelled(catalogue: Catalogue) -> Iterator[str]:
    """Give the names of all constraints in the catalogue: they are not misspelt, whatever the snapshot lacks."""
    bodies = [catalogue.overlay(name) or {} for name in catalogue.names()]
    for body in (*bodies, catalogue.base()):
        for section in (body, *(body.get("validation") or {}).values()):
            yield from (constraint["name"] for constraint in section.get("constraints") or ())
