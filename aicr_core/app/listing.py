"""Use case ``recipe list``: the overlays of the catalogue, and whether each leaf is sound. Prints nothing.

Soundness is structural (spec/beyond.md 2.2): the recipe resolves, charts are pinned, constraints can be read. It
says nothing of a cluster, and how many checks a recipe names never changes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app.criteria import known_values
from aicr_core.app.recipe import RecipeRequest, catalogue_for
from aicr_core.engine import criteria as criteria_of
from aicr_core.engine.merge import PHASES
from aicr_core.engine.order import is_disabled
from aicr_core.engine.recipes import resolve
from aicr_core.kit.constraints import problem
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]


def overlays(
    environment: Environment, request: RecipeRequest, *, health: bool = True
) -> list[Document]:
    """Give the catalogue's overlays: name, criteria, whether it is a leaf, where it comes from, its health.

    The request's flags are compared for equality and joined by AND. Only leaves have a health. Raises
    AicrError for a value nobody knows.
    """
    catalogue = catalogue_for(environment, request)
    values = known_values(environment, catalogue, strict=request.criteria_strict)
    wanted = {
        name: criteria_of.parse(values, environment.index.way_to, name, text, f"--{name}")
        for name, text in request.flags.items()
    }
    parents = {catalogue.parent_of(name) for name in catalogue.names()}
    layers = {layer["name"]: layer for layer in catalogue.layers}
    rows = []
    for name in catalogue.names():
        overlay = catalogue.overlay(name)
        assert overlay is not None
        carried = overlay["criteria"] or {}
        if any(carried.get(key, criteria_of.ANY) != value for key, value in wanted.items()):
            continue
        row = {
            "name": name,
            "criteria": carried,
            "is_leaf": name not in parents,
            "base": overlay["base"] or "base",
            "source": layers[overlay["layer"]]["distribution"] or "external",
            "file": overlay["file"],
        }
        if health and row["is_leaf"]:
            row["health"] = health_of(catalogue, carried)
        rows.append(row)
    return rows


def components(environment: Environment, request: RecipeRequest) -> list[Document]:
    """Give the components that are registered, by name: its name, its chart, which versions there are.

    ``versions`` has each version or tag that a recipe can bring, and the overlays that say so. Raises AicrError.
    """
    catalogue = catalogue_for(environment, request)
    versions: dict[str, dict[str, list[str]]] = {}
    bodies = [("base", catalogue.base()), *((n, catalogue.overlay(n)) for n in catalogue.names())]
    for name, body in bodies:
        for ref in (body or {}).get("componentRefs") or ():
            version = ref.get("version") or ref.get("tag")
            if version:
                versions.setdefault(ref["name"], {}).setdefault(version, []).append(name)
    rows = []
    for name, entry in sorted(catalogue.registry().items()):
        helm = entry.get("helm") or {}
        row = {
            "name": name,
            "displayName": entry.get("displayName") or name,
            "description": entry.get("description") or "",
            "aliases": list(entry.get("valueOverrideKeys") or ()),
            "repository": helm.get("defaultRepository") or "",
            "chart": helm.get("defaultChart") or "",
            "namespace": helm.get("defaultNamespace") or "",
            "versions": [
                {"version": version, "overlays": sorted(names)}
                for version, names in sorted(versions.get(name, {}).items())
            ],
        }
        rows.append({key: value for key, value in row.items() if value != ""})
    return rows


def health_of(catalogue: Catalogue, criteria: Document) -> Document:
    """Give the structural health of the recipe of criteria, and the checks that it names by phase."""
    try:
        recipe = resolve(catalogue, criteria, allow_partial=True).document
    except AicrError as error:
        dimensions = dict.fromkeys(("chart_pinned", "constraints_wellformed"), "unknown")
        dimensions = {"resolves": "fail", **dimensions}
        return {"status": "fail", "dimensions": dimensions, "problems": [str(error)]}
    unpinned = [
        f"component {ref['name']} has a source but no version"
        for ref in recipe["componentRefs"]
        if ref["type"] == "Helm" and ref["source"] and not ref.get("version")
        and not is_disabled(ref)
    ]  # fmt: skip
    phases = recipe.get("validation") or {}
    # Those of phases are read by whoever runs the checks, and may be named as that plugin likes.
    malformed = [
        f"constraint {item['name']}: {text}"
        for item in recipe.get("constraints", ())
        if (text := problem(item["name"], item["value"]))
    ]
    dimensions = {
        "resolves": "pass",
        "chart_pinned": "fail" if unpinned else "pass",
        "constraints_wellformed": "fail" if malformed else "pass",
    }
    found: Document = {
        "status": "fail" if "fail" in dimensions.values() else "pass",
        "dimensions": dimensions,
        "coverage": {
            name: {
                "declared": name in phases,
                "checks": phases.get(name, {}).get("checks", []),
                "constraints": len(phases.get(name, {}).get("constraints", ())),
            }
            for name in PHASES
        },
    }
    if unpinned or malformed:
        found["problems"] = [*unpinned, *malformed]
    return found
