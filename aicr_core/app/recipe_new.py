"""Use case ``recipe new``: write the beginning of an overlay and its test into a data directory. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.criteria import known_values
from aicr_core.engine import criteria as criteria_of
from aicr_core.engine import scaffold
from aicr_core.kit.errors import AicrError, Code, one_line
from aicr_core.kit.paths import atomic_write, fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue

_REGISTRY = "registry.yaml"


class NewRequest(NamedTuple):
    """What a user asks for: criteria as texts, the directory; ``base`` and ``name`` where they are not to be found."""

    flags: Mapping[str, str]
    folder: str
    name: str = ""
    base: str = ""
    data: tuple[str, ...] = ()
    new_values: bool = False


class NewOverlay(NamedTuple):
    """What was written: paths below ``folder``, and which of them were there already and are kept."""

    name: str
    base: str
    criteria: dict[str, Any]
    folder: str
    written: tuple[str, ...]
    kept: tuple[str, ...]


def new_overlay(environment: Environment, request: NewRequest) -> NewOverlay:
    """Write an overlay that resolves to itself, its test, and a registry where there is none.

    Nothing is written when a file of the overlay is there already. Raises AicrError.
    """
    if os.path.exists(request.folder) and not os.path.isdir(request.folder):
        raise AicrError(
            Code.INVALID_REQUEST, "a file, where a directory is expected", where=request.folder,
            hint="name another directory",
        )  # fmt: skip
    own = (request.folder,) if os.path.exists(os.path.join(request.folder, _REGISTRY)) else ()
    catalogue = environment.catalogue(
        (*request.data, *(folder for folder in own if folder not in request.data))
    )
    criteria = _criteria(environment, catalogue, request)
    if request.base:
        scaffold.fitting_base(catalogue, request.base, criteria)
    nearest = scaffold.nearest_base(catalogue, criteria)
    base = request.base or nearest
    name = request.name or scaffold.name_of(criteria)
    scaffold.check_name(catalogue, name)
    shown = one_line(request.folder.replace(os.sep, "/"))
    made = scaffold.scaffold(catalogue, name, base, criteria, shown)
    there = {path for path in made if os.path.lexists(os.path.join(request.folder, path))}
    clash = sorted(there - {_REGISTRY})
    if clash:
        raise AicrError(
            Code.CONFLICT, "the file is there already", where=os.path.join(request.folder, clash[0]),
            hint="give another --name, or remove the file",
        )  # fmt: skip
    for path, content in made.items():
        if path not in there:
            _write(os.path.join(request.folder, path), content)
    written = tuple(sorted(made.keys() - there))
    return NewOverlay(name, base, criteria, request.folder, written, tuple(sorted(there)))


def _criteria(
    environment: Environment, catalogue: Catalogue, request: NewRequest
) -> dict[str, Any]:
    values = known_values(environment, catalogue, strict=False)
    found = {}
    for dimension, text in request.flags.items():
        word = text.strip().lower()
        if request.new_values and criteria_of.lookup(values, dimension, text) is None:
            scaffold.check_value(dimension, word)
            found[dimension] = word
        else:
            way_to = environment.index.way_to
            found[dimension] = criteria_of.parse(values, way_to, dimension, text, f"--{dimension}")
    wanted = criteria_of.concrete(found)
    if not wanted:
        raise AicrError(
            Code.INVALID_REQUEST, "no criteria given",
            hint="give at least one of --service, --accelerator, --intent, --os, --platform",
        )  # fmt: skip
    return wanted


def _write(path: str, content: str) -> None:
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    except OSError as error:
        raise fault(error, os.path.dirname(path), "make") from None
    atomic_write(path, content.encode("utf-8"))
