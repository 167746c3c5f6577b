"""Find values that change nothing in what a chart renders (spec/bundle.md 14.5, dead values).

A value is taken away, and it is changed: when neither shows, the chart does not use it. Taking away alone would
accuse every value that equals the default. Imports nothing of AICR.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Texts = dict[str, str]
    Render = Callable[[dict[str, Any]], Texts | None]

Path = tuple[str, ...]


def unused_paths(values: dict[str, Any], render: Render) -> list[str]:
    """Give the dotted paths of ``values`` that change nothing, each as high up as it is true of all below it.

    ``render`` gives the texts by template, None where the chart refuses: then it looked at the value. Templates that
    are different each time (certificates, passwords) are left out of the comparison.
    """
    first, second = render(values), render(values)
    if first is None or second is None:
        return []
    steady = {path for path in first if first[path] == second.get(path)}
    base = {path: first[path] for path in steady}

    def shows(changed: dict[str, Any]) -> bool:
        texts = render(changed)
        if texts is None:
            return True
        return texts.keys() != first.keys() or any(texts[path] != base[path] for path in steady)

    found: list[str] = []

    def look(path: Path, value: Any) -> None:
        if value is None or value == {}:
            return
        if not shows(_without(values, path)) and not shows(_with(values, path, _other(value))):
            found.append(".".join(part.replace(".", "\\.") for part in path))
        elif isinstance(value, dict):
            for key, below in value.items():
                look((*path, key), below)

    for key, value in values.items():
        look((key,), value)
    return sorted(found)


def _other(value: Any) -> Any:
    """Give another value of the same shape."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [_other(item) for item in value] if value else ["x"]
    if isinstance(value, dict):
        return {key: _other(item) for key, item in value.items()}
    return "x"


def _without(values: dict[str, Any], path: Path) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    _holder(changed, path).pop(path[-1])
    return changed


def _with(values: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    _holder(changed, path)[path[-1]] = value
    return changed


def _holder(values: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in path[:-1]:
        values = values[key]
    return values
