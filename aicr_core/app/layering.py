"""Put the data layers of plugins in order and join the criteria values of their manifests.

The order is explicit: the base catalogue, then whatever ``after`` says, then by name. It decides which layer a later
one may override (design 10), never which of two equal claims is silently taken: two owners of one thing are an error
that names both distributions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aicr_core.engine.criteria import ValueTable
    from aicr_core.engine.layers import Layer

Document = dict[str, Any]


def catalogue_inputs(
    rows: Sequence[Document],
) -> tuple[list[Layer], ValueTable, dict[str, dict[str, str]]]:
    """Give layers in order, criteria values and hints of plugin rows.

    Raises AicrError(INVALID_REQUEST) for an ``after`` that leads in a circle, and for a word that two plugins give
    different criteria values.
    """
    from aicr_core.engine.layers import Layer

    placed = ordered(rows)
    hints: dict[str, dict[str, str]] = {}
    layers = []
    for row in placed:
        for kind, names in row["hints"].items():
            hints.setdefault(kind, {}).update(names)
        if row["data"] and row["root"]:
            root = f"{row['root']}/{row['data']}"
            layers.append(
                Layer(
                    row["name"], row["distribution"], row["version"], root, tuple(row["overrides"])
                )
            )
    return layers, _criteria(placed), hints


def ordered(rows: Iterable[Document]) -> list[Document]:
    """Order rows: the base catalogue, then by name, but each after those its ``after`` names and that are there.

    Raises AicrError(INVALID_REQUEST) that names the members of a circle.
    """
    left = sorted(rows, key=lambda row: (not _is_base(row), row["name"]))
    names = {row["name"] for row in left}
    waits = {row["name"]: (set(row["after"]) & names) - {row["name"]} for row in left}
    placed: list[Document] = []
    done: set[str] = set()
    while left:
        ready = next((row for row in left if waits[row["name"]] <= done), None)
        if ready is None:
            raise _circle(left, waits, done)
        placed.append(ready)
        done.add(ready["name"])
        left.remove(ready)
    return placed


def _is_base(row: Document) -> bool:
    return any((item["kind"], item["name"]) == ("data", "base") for item in row["provides"])


def _circle(left: list[Document], waits: dict[str, set[str]], done: set[str]) -> AicrError:
    owners = {row["name"]: row["distribution"] for row in left}
    path = [left[0]["name"]]
    while path[-1] not in path[:-1]:
        path.append(min(waits[path[-1]] - done))
    members = path[path.index(path[-1]) :]
    shown = " after ".join(f"{name} ({owners[name]})" for name in members)
    return AicrError(
        Code.INVALID_REQUEST, f"the data of plugins has no order: {shown}",
        hint="take one name out of `after` in a manifest, or disable a plugin: aicr plugins disable NAME",
    )  # fmt: skip


def _criteria(rows: Sequence[Document]) -> ValueTable:
    """Join the values that manifests declare; several plugins may declare one value, and each add aliases."""
    from aicr_core.engine.criteria import empty_table

    criteria = empty_table()
    # Dimension and word, to the value it means and who says so.
    meaning: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        for dimension, values in row["criteria"].items():
            for value, entry in values.items():
                known = criteria[dimension].get(value, {})
                aliases = [*known.get("aliases", ()), *entry.get("aliases", ())]
                criteria[dimension][value] = {
                    "layer": known.get("layer", row["name"]),
                    "aliases": list(dict.fromkeys(aliases)),
                    "external": False,
                }
                for word in (value, *entry.get("aliases", ())):
                    other, owner = meaning.setdefault(
                        (dimension, word), (value, row["distribution"])
                    )
                    if other != value:
                        raise _two_meanings(
                            dimension, word, (other, owner), (value, row["distribution"])
                        )
    return criteria


def _two_meanings(
    dimension: str, word: str, first: tuple[str, str], second: tuple[str, str]
) -> AicrError:
    meanings = " and ".join(f'"{value}" by {owner}' for value, owner in (first, second))
    return AicrError(
        Code.INVALID_REQUEST, f'{dimension} "{word}" means {meanings}',
        hint="take the alias out of a manifest, or disable one of the plugins: aicr plugins disable NAME",
    )  # fmt: skip
