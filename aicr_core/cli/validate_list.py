"""``aicr validate --list``: the checks there are, by phase. Nothing is asked of a cluster here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.cli.options import choice, single
from aicr_core.cli.output import render, write_result

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.app.validation_inputs import Inputs

_COLUMNS = ("CHECK", "PHASE", "IN RECIPE", "CREATES", "TIME", "DESCRIPTION")


def checks(environment: Environment, options: dict[str, Any], inputs: Inputs | None) -> None:
    """Print a row for each check of the phases that were named; with a recipe also whether it asks for the check.

    Raises AicrError for a phase or format that there is not.
    """
    from aicr_core.app.validation_inputs import entries_of, phases_of
    from aicr_core.app.validation_outputs import listing
    from aicr_core.kit.text import table

    fmt = choice("format", single("format", options["fmt"], "table"), ("table", "json", "yaml"))
    phases = inputs.phases if inputs else phases_of(environment)
    order = {phase.name: number for number, phase in enumerate(phases)}
    wanted = [choice("phase", name, (*order, "all")) for name in options["phase"]]
    entries = inputs.entries if inputs else entries_of(environment, phases, options["data"])
    chosen = [entry for entry in entries if not {"all", entry.phase}.isdisjoint(wanted or ["all"])]
    chosen.sort(key=lambda entry: order[entry.phase])
    selected = (
        {name: [entry.name for entry in inputs.selected(name)] for name in order} if inputs else {}
    )
    kept = [n for n, column in enumerate(_COLUMNS) if column != "IN RECIPE" or inputs]
    names = tuple(_COLUMNS[n] for n in kept)
    rows = [tuple(row[n] for n in kept) for row in listing(chosen, selected)]
    if fmt == "table":
        write_result(table(names, rows))
        return
    keys = ["".join(word.capitalize() for word in name.split()) for name in names]
    keys = [key[0].lower() + key[1:] for key in keys]
    write_result(render([dict(zip(keys, row, strict=True)) for row in rows], fmt))
