"""The beginning of an overlay: its nearest base, its name, its files with what is inherited written down. Pure.

Files come from ``templates/``; nothing is written to disk here.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aicr_core.engine.criteria import concrete, text
from aicr_core.engine.recipes import resolve
from aicr_core.engine.render import template
from aicr_core.kit.errors import AicrError, Code, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?", re.ASCII)
_ORDER = ("accelerator", "service", "os", "intent", "platform")
"""How overlays are called: ``h100-eks-ubuntu-training``."""


def nearest_base(catalogue: Catalogue, criteria: Mapping[str, Any]) -> str:
    """Give the most specific overlay that is for some of the criteria and nothing else, ``base`` where none is.

    Of several the one that shares more of the first dimensions is taken. Raises AicrError(CONFLICT) where an overlay
    is for exactly these criteria.
    """
    wanted = concrete(criteria)
    best: tuple[int, list[bool], str] | None = None
    for name in catalogue.names():
        carried = catalogue.criteria_of(name)
        if not carried or not carried.items() <= wanted.items():
            continue
        if len(carried) == len(wanted):
            raise AicrError(
                Code.CONFLICT, f'overlay "{name}" is for {text(wanted)} already',
                hint="state a further dimension, or change that overlay",
            )  # fmt: skip
        rank = (len(carried), [dimension in carried for dimension in wanted], name)
        if best is None or rank[:2] > best[:2]:
            best = rank
    return best[2] if best else "base"


def fitting_base(catalogue: Catalogue, name: str, criteria: Mapping[str, Any]) -> None:
    """Hold a base that was asked for to the criteria. Raises AicrError for one that is not there or for others."""
    from aicr_core.kit.errors import nearest

    if name == "base":
        return
    known = catalogue.names()
    if name not in known:
        close = nearest(name, [*known, "base"])
        raise AicrError(
            Code.NOT_FOUND, f'no overlay "{name}"', where="--base",
            hint=f'did you mean "{close}"?' if close else "see `aicr recipe list`",
        )  # fmt: skip
    carried = catalogue.criteria_of(name) or {}
    wanted = concrete(criteria)
    if not carried.items() <= wanted.items():
        raise AicrError(
            Code.INVALID_REQUEST, f'overlay "{name}" is for {text(carried)}', where="--base",
            hint=f"a base is for some of what is asked for: {text(wanted)}",
        )  # fmt: skip


def name_of(criteria: Mapping[str, Any]) -> str:
    """Give the name that an overlay of these criteria usually has."""
    return "-".join(str(criteria[dimension]) for dimension in _ORDER if criteria.get(dimension))


def check_name(catalogue: Catalogue, name: str) -> None:
    """Raise AicrError for a name that no file can have, or that an overlay has."""
    if not _NAME.fullmatch(name):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{name}" is no name of an overlay', where="--name",
            hint="lower-case letters, digits, dots and dashes",
        )  # fmt: skip
    if name == "base" or name in catalogue.names():
        raise AicrError(
            Code.CONFLICT, f'there is an overlay "{name}" already', where="--name",
            hint="give another name",
        )  # fmt: skip


def check_value(dimension: str, value: str) -> None:
    """Raise AicrError for a text that cannot be a new value of a dimension."""
    if not _NAME.fullmatch(value):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{value}" is no value', where=f"--{dimension}",
            hint="lower-case letters, digits, dots and dashes",
        )  # fmt: skip


def scaffold(
    catalogue: Catalogue, name: str, base: str, criteria: Mapping[str, Any], folder: str
) -> dict[str, str]:
    """Give the files of a new overlay by path below its data directory, the registry's among them."""
    wanted = concrete(criteria)
    above = {} if base == "base" else catalogue.criteria_of(base) or {}
    # What only new values would carry is not covered yet, which is why the overlay is written.
    inherited = resolve(catalogue, above, allow_partial=True).document
    now = resolve(catalogue, wanted, allow_partial=True).document
    api_version = catalogue.api_version
    shared = {"name": name, "criteria": list(wanted.items()), "api_version": api_version}
    overlay = _render(
        "overlay.yaml.j2", **shared, **_facts(inherited), base=base, folder=folder,
        title=f"{text(wanted)}.",
    )  # fmt: skip
    return {
        "registry.yaml": _render("registry.yaml.j2", **shared),
        f"overlays/{name}.yaml": overlay,
        f"tests/test_{re.sub('[^a-z0-9]', '_', name)}.py": _render(
            "test_recipe.py.j2", **shared, **_facts(now)
        ),
    }


def _facts(recipe: Document) -> Document:
    """Give what a recipe comes to, each text on one line: some stand in comments."""
    return {
        "components": [
            {
                "name": one_line(ref["name"]),
                "version": one_line(ref.get("version") or ref.get("tag") or ""),
            }
            for ref in recipe["componentRefs"]
        ],
        "constraints": [
            {"name": one_line(one["name"]), "value": one_line(one["value"])}
            for one in recipe.get("constraints", ())
        ],
        "checks": [
            (phase, settings["checks"])
            for phase, settings in (recipe.get("validation") or {}).items()
            if settings.get("checks")
        ],
    }


def _render(source: str, /, **variables: Any) -> str:
    found = files("aicr_core.engine").joinpath("templates", source).read_text("utf-8")
    return template(found, **variables, literal=json.dumps)
