"""What a file of a layer is for, told by its path alone, and what a user should hear of files that are not used.

The rules are those of spec/recipe.md 5 with B10 mended. Nothing is read here.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Role(Enum):
    """What the catalogue does with a file."""

    CHECK = "check"
    COMPONENT = "component"
    VALUES = "values"
    REGISTRY = "registry"
    BASE = "base"
    OVERLAY = "overlay"
    DRIFT = "drift"
    VALIDATION = "validation"
    UNUSED = "unused"


_RAW = ("checks", "components")
_ELSEWHERE = ("registry.yaml", "data-v1.yaml")
_VALIDATION = ("validators/profiles/", "validators/remediations/")
_TESTS = "tests/"
"""What tests the catalogue (``aicr recipe new``); overlays are read from any folder, from there too."""
VALIDATORS = "validators/catalog.yaml"
"""Read by whoever runs checks, not here."""


def role(path: str) -> Role:
    """Give the role of the file ``path`` (relative to its layer)."""
    name = path.rpartition("/")[2]
    # Anywhere in the path, part of a longer name included: such files were never overlays.
    if "checks/" in path:
        return Role.CHECK
    if path.startswith("drift/"):
        return Role.DRIFT
    if path.startswith(_VALIDATION):
        return Role.VALIDATION
    if "components/" in path:
        values = name.startswith("values") and name.endswith(".yaml")
        return Role.VALUES if values else Role.COMPONENT
    if path == "registry.yaml":
        return Role.REGISTRY
    if name in _ELSEWHERE or path == VALIDATORS or not name.endswith((".yaml", ".yml")):
        return Role.UNUSED
    if name in ("base.yaml", "base.yml") and "overlays/" in path:
        return Role.BASE
    return Role.OVERLAY


def unused(root: str, paths: Iterable[str]) -> Iterator[str]:
    """Give one warning for each file of a user's directory that has no effect, or not the likely one.

    A hidden folder (a version control system's) is named once.
    """
    hidden: set[str] = set()
    for path in paths:
        *folders, name = path.split("/")
        misnamed = [word for word in _RAW if f"{word}/" in path and word not in folders]
        if misnamed:
            yield f"{root}/{path}: not read as an overlay, as its folder's name ends in {misnamed[0]}"
        if role(path) is not Role.UNUSED or path == VALIDATORS or path.startswith(_TESTS):
            continue
        first = next((i for i, folder in enumerate(folders) if folder.startswith(".")), None)
        if first is not None:
            place = "/".join(folders[: first + 1])
            if place not in hidden:
                hidden.add(place)
                yield f"{root}/{place}/: ignored, only .yaml and .yml files are read here"
        elif name in _ELSEWHERE:
            yield f"{root}/{path}: ignored, only the registry.yaml at the top is read"
        else:
            yield f"{root}/{path}: ignored, only .yaml and .yml files are read here"
