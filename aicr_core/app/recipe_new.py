"""Use case ``recipe new``: write the beginning of an overlay and its test into a data directory. Prints nothing."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
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
    if os.path.lexists(request.folder) and not os.path.isdir(request.folder):
        raise _no_folder(request.folder)
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
    shown = shlex.quote(one_line(request.folder.replace(os.sep, "/")))
    made = scaffold.scaffold(catalogue, name, base, criteria, shown)
    there = {path for path in made if os.path.lexists(os.path.join(request.folder, path))}
    clash = sorted(there - {_REGISTRY})
    if clash:
        raise AicrError(
            Code.CONFLICT, "the file is there already", where=os.path.join(request.folder, clash[0]),
            hint="give another --name, or remove the file",
        )  # fmt: skip
    _write_all(request.folder, {path: made[path] for path in made if path not in there})
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


def _write_all(folder: str, contents: Mapping[str, str]) -> None:
    """Write files below a directory, all or none: after a fault, or Ctrl-C, what was written is taken away again."""
    done: list[str] = []
    made: list[str] = []
    try:
        for path, content in contents.items():
            place = os.path.join(folder, path)
            _make_folder(os.path.dirname(place), made)
            done.append(place)
            atomic_write(place, content.encode("utf-8"))
    except BaseException:
        for place in done:
            with suppress(OSError):
                os.unlink(place)
        for place in reversed(made):
            with suppress(OSError):
                os.rmdir(place)
        raise


def _make_folder(path: str, made: list[str]) -> None:
    """Make a folder and those above it; ``made`` gets each that was not there, the outermost first."""
    if not path or os.path.isdir(path):
        return
    if os.path.lexists(path):
        raise _no_folder(path)
    _make_folder(os.path.dirname(path), made)
    try:
        os.mkdir(path)
    except OSError as error:
        raise fault(error, path, "make") from None
    made.append(path)


def _no_folder(path: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, "a file, where a directory is expected", where=path,
        hint="name another directory",
    )  # fmt: skip
