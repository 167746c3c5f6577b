"""The answers of ``aicr recipe explain`` for people: a value, where it is written, and how it came to be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.kit.emit import as_text
from aicr_core.kit.text import table, width

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]
_HEADER = ("SELECTOR", "VALUE", "FROM")
_COMFORT, _NARROWEST = (36, 24, 44), (24, 12, 28)
"""Columns that cells keep, if that is enough, and in any case; what does not fit then is wrapped by the terminal."""


def tables(answer: Document, columns: int = 0, *, absolute: bool = False) -> str:
    """Give the answers as text; on a terminal of so many ``columns``, cells are cut to fit. 0: nothing is cut.

    Files of packages are named by their package, unless ``absolute`` asks for their place on this machine.
    """
    answer = answer if absolute else _by_package(answer)
    parts = []
    if "values" in answer:
        parts.append(_values(answer["values"], columns))
    parts += [_why_not(item) for item in answer.get("whyNot", ())]
    parts += [_order(item) for item in answer.get("order", ())]
    parts += [_constraint(item) for item in answer.get("constraints", ())]
    parts += [_check(item) for item in answer.get("checks", ())]
    return "\n".join(parts)


def _by_package(answer: Any) -> Any:
    """Give an answer in which nothing of a package says where it lies on this machine."""
    if isinstance(answer, list):
        return [_by_package(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    packed = "distribution" in answer
    return {
        key: _by_package(item) for key, item in answer.items() if not (packed and key == "path")
    }


def place(origin: Document) -> str:
    """Say in a few words where an origin is."""
    if "file" not in origin:
        known = ("flag", "reading", "distribution", "pack")
        said = next((origin[key] for key in known if origin.get(key)), origin["layer"])
        return f"{said} ({origin['hook']})" if "hook" in origin else str(said)
    file, owner = str(origin["file"]), ""
    if "path" in origin:
        file = _near(origin["path"])
    elif "distribution" in origin:
        owner = f"{origin['distribution']} "
    line = f":{origin['line']}" if "line" in origin else ""
    flag = f"{origin['flag']} at " if "flag" in origin else ""
    return f"{flag}{owner}{file}{line}"


def _near(path: str) -> str:
    """Give a path as one would type it here, if it lies below."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return "null" if value is None else as_text(value) or '""'


def _values(rows: Sequence[Document], columns: int) -> str:
    cells = []
    for row in rows:
        value = _text(row["value"]) if "value" in row else "(gone)"
        cells.append((row["selector"], value, place(row["origin"])))
        cells += [("  before", *earlier) for earlier in _earlier(row["history"])]
    return table(_HEADER, _cut(cells, columns) if columns else cells)


def _earlier(steps: Sequence[Document]) -> list[tuple[str, str]]:
    """Give what was said before, the latest first: value and place."""
    return [
        (_text(step["value"]) if "value" in step else "(gone)", place(step["origin"]))
        for step in reversed(steps[:-1])
    ]


def _cut(rows: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    """Cut cells so that rows fit: ends of values, starts of selectors and places."""
    wide = [max(width(cell) for cell in column) for column in zip(_HEADER, *rows, strict=True)]
    for least in (_COMFORT, _NARROWEST):
        for number in (1, 0, 2):
            over = sum(wide) + 4 - columns
            if over > 0:
                wide[number] = max(min(wide[number], least[number]), wide[number] - over)
    return [
        [
            _shortened(cell, most, start=number != 1)
            for number, (cell, most) in enumerate(zip(row, wide, strict=True))
        ]
        for row in rows
    ]


def _shortened(cell: str, most: int, *, start: bool) -> str:
    """Cut a cell at its end, or at its start where the end tells more."""
    if width(cell) <= most:
        return cell
    return f"...{cell[len(cell) - most + 3 :]}" if start else f"{cell[: most - 3]}..."


def _why_not(item: Document) -> str:
    name, verdict = item["overlay"], item["verdict"]
    where = f" ({place(item['origin'])})" if "origin" in item else ""
    if verdict == "applied":
        through = item.get("through")
        why = f", as the base of {', '.join(through)}" if through else ""
        text = f"{name} is applied{why}{where}\n"
    elif verdict == "criteria":
        text = f"{name} does not apply{where}: its criteria differ from what is asked\n"
        rows = [
            (row["dimension"], str(row["asked"]), str(row["wanted"])) for row in item["differs"]
        ]
        text += table(("DIMENSION", "ASKED", "WANTED"), rows)
    elif verdict == "excluded":
        text = f"{name} does not apply{where}: the snapshot excludes it\n"
        failed = [
            (row["overlay"], row["constraint"], row["expected"], row.get("actual", "-"))
            for row in item["constraints"]
        ]
        text += table(("OVERLAY", "CONSTRAINT", "EXPECTED", "ACTUAL"), failed)
    elif verdict == "base-only":
        children = ", ".join(item["children"]) or "none, here"
        text = f"{name} does not apply{where}: it states no criteria, so it only comes with "
        text += f"overlays built on it: {children}\n"
    elif verdict == "inactive":
        text = f'{name} does not apply: its base "{item["base"]}" is in no installed plugin\n'
    elif verdict == "shadowed":
        by = item["by"]
        text = f"{name} does not apply: {by['file']} of {by['layer']} stands in the place of its file\n"
    else:
        text = f"{name} does not apply{where}: its criteria hold, but the recipe does not list it\n"
    if "shadows" in item:
        text += (
            f"It stands in the place of {item['shadows']['file']} of {item['shadows']['layer']}\n"
        )
    return text


def _order(item: Document) -> str:
    first, second = item["first"], item["second"]
    at = ", ".join(f"{name} is number {number}" for name, number in item["positions"].items())
    told = f" ({at})" if at else ""
    if item["reason"] == "name":
        why = f"nothing puts {first} before {second}: neither needs the other"
        if "before" not in item:
            return f"{why}, and one of them is not deployed{told}\n"
        word = "before" if item["before"] else "after"
        return (
            f"{why}. Of components whose turn it is the first name goes; so it comes {word}{told}\n"
        )
    what = "comes before" if item["reason"] == "dependency" else "comes after"
    rows = [(e["component"], e["needs"], place(e["origin"])) for e in item["path"]]
    return f"{first} {what} {second}{told}\n{table(('COMPONENT', 'NEEDS', 'SAID BY'), rows)}"


def _constraint(item: Document) -> str:
    phase = f" of phase {item['phase']}" if "phase" in item else ""
    rows = [("value", _text(item.get("value", ""))), ("from", place(item["origin"]))]
    rows += [("before", f"{value} from {where}") for value, where in _earlier(item["history"])]
    if "holds" in item:
        rows.append(("actual", item.get("actual", "-")))
        rows.append(("holds", "yes" if item["holds"] else f"no: {item['reason']}"))
    return f"{item['constraint']}{phase}\n{table(('FIELD', 'VALUE'), rows)}"


def _check(item: Document) -> str:
    rows = [("asked for in", f"{row['phase']}, by {place(row['origin'])}") for row in item["asked"]]
    rows = rows or [("asked for in", "no phase of this recipe")]
    by = item.get("by")
    if by is None:
        rows.append(("brought by", f"no installed plugin: {item['hint']}"))
    else:
        owner = by.get("distribution") or by.get("pack") or "a data directory"
        rows += [
            ("brought by", f"{owner} {by.get('version', '')}".strip()),
            ("phase", by["phase"]),
            ("looks at", by["description"]),
        ]
    return f"{item['check']}\n{table(('FIELD', 'VALUE'), rows)}"
