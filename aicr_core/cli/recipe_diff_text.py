"""The comparison of two recipes for people: sections of one table each, plain or as markdown for a pull request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import one_line
from aicr_core.kit.text import markdown, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Document = dict[str, Any]
Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
_WIDTH = 80
"""Where a cell is cut: some values are long lists."""
_SIDES = ("FROM", "TO")


def as_table(result: Document) -> str:
    """Give the comparison as plain tables with a heading each."""
    if result["equal"]:
        return "NO CHANGES\n"
    parts = [f"{title.upper()}\n{table(header, rows)}" for title, header, rows in _sections(result)]
    return "\n".join([*parts, f"{_summary(result)}\n"])


def as_markdown(result: Document, before: str, after: str) -> str:
    """Give the comparison for a pull request; ``before`` and ``after`` are what the sides are called."""
    head = f"## Recipe: {_code(before)} to {_code(after)}"
    if result["equal"]:
        return f"{head}\n\nNo changes.\n"
    parts = [
        f"### {title[:1].upper()}{title[1:]}\n\n{markdown(header, rows)}"
        for title, header, rows in _sections(result)
    ]
    return "\n".join([f"{head}\n\n{_summary(result)}\n", *parts])


def _code(text: str) -> str:
    return f"`{one_line(text).replace('`', '')}`"


def _summary(result: Document) -> str:
    counts = result["summary"]["components"]
    return (
        f"Components: {counts['added']} added, {counts['removed']} removed, {counts['changed']} changed, "
        f"{counts['unchanged']} unchanged."
    )


def _sections(result: Document) -> Iterator[Section]:
    """Give the sections that have something to say, in the order in which a reader asks."""
    makers: tuple[Callable[[Document], Section], ...] = (
        _criteria, _overlays, _components, _charts, _values, _images, _constraints, _checks, _settings, _order,
    )  # fmt: skip
    for make in makers:
        section = make(result)
        if section[2]:
            yield section


def _criteria(result: Document) -> Section:
    rows = [(row["dimension"], row["from"], row["to"]) for row in result["criteria"]]
    return "criteria", ("DIMENSION", *_SIDES), [tuple(map(str, row)) for row in rows]


def _moved(names: Document) -> list[tuple[str, str]]:
    return [(kind, name) for kind in ("added", "removed") for name in names[kind]]


def _overlays(result: Document) -> Section:
    return "overlays", ("CHANGE", "OVERLAY"), list(_moved(result["overlays"]))


def _components(result: Document) -> Section:
    found = result["components"]
    rows: list[tuple[str, ...]] = []
    for kind, (old, new) in (("added", ("", "{}")), ("removed", ("{}", ""))):
        for ref in found[kind]:
            version = ref.get("version") or ref.get("tag") or "-"
            rows.append((kind, ref["name"], "version", old.format(version), new.format(version)))
    for one in found["changed"]:
        for row in one["fields"]:
            rows.append(("changed", one["name"], row["field"], *_both(row)))
        for field, names in one["lists"].items():
            rows += [("changed", one["name"], f"{field} {kind}", *(
                (name, "") if kind == "removed" else ("", name)
            )) for kind, name in _moved(names)]  # fmt: skip
    return "components", ("CHANGE", "COMPONENT", "FIELD", *_SIDES), rows


def _charts(result: Document) -> Section:
    rows: list[tuple[str, ...]] = [(row["component"], *_both(row)) for row in result["charts"]]
    return "charts", ("COMPONENT", *_SIDES), rows


def _values(result: Document) -> Section:
    rows: list[tuple[str, ...]] = []
    told = False
    for one in result["components"]["changed"]:
        for row in one["values"]:
            origins = row.get("origins")
            told = told or origins is not None
            texts = [_origin((origins or {}).get(side)) for side in ("from", "to")]
            rows.append((one["name"], row["path"], *_both(row), *texts))
    header = ("COMPONENT", "VALUE", *_SIDES, "SAID BY (FROM)", "SAID BY (TO)")
    size = len(header) if told else len(header) - 2
    return "values", header[:size], [row[:size] for row in rows]


def _origin(origin: Document | None) -> str:
    if origin is None:
        return ""
    if "file" not in origin:
        return str(origin.get("layer", ""))
    return f"{origin['file']}:{origin['line']}" if "line" in origin else str(origin["file"])


def _images(result: Document) -> Section:
    rows: list[tuple[str, ...]] = [
        (row["component"], kind, image)
        for row in result.get("images", ())
        for kind, image in _moved(row)
    ]
    return "images that values name", ("COMPONENT", "CHANGE", "IMAGE"), rows


def _constraints(result: Document) -> Section:
    found = result["constraints"]
    rows = [("added", row["name"], "", row["value"]) for row in found["added"]]
    rows += [("removed", row["name"], row["value"], "") for row in found["removed"]]
    rows += [("changed", row["name"], row["from"], row["to"]) for row in found["changed"]]
    return "constraints", ("CHANGE", "CONSTRAINT", *_SIDES), list(rows)


def _checks(result: Document) -> Section:
    rows: list[tuple[str, ...]] = [
        (phase, kind, name)
        for phase, names in result["checks"].items()
        for kind, name in _moved(names)
    ]
    return "checks", ("PHASE", "CHANGE", "CHECK"), rows


def _settings(result: Document) -> Section:
    """Show what else of the validation differs than which checks it names."""
    rows: list[tuple[str, ...]] = []
    for row in result["validation"]:
        phase, _, rest = row["path"].partition(".")
        if rest == "checks" or (
            not rest and set(row.get("from") or row.get("to") or ()) == {"checks"}
        ):
            continue
        rows.append((phase, rest or "(all)", *_both(row)))
    return "settings of the validation", ("PHASE", "FIELD", *_SIDES), rows


def _order(result: Document) -> Section:
    order = result["deploymentOrder"]
    if not order["changed"]:
        return "order", (), []
    size = max(len(order["from"]), len(order["to"]))
    sides: list[Sequence[str]] = [
        [*order[side], *[""] * (size - len(order[side]))] for side in ("from", "to")
    ]
    rows = [(str(n), old, new) for n, (old, new) in enumerate(zip(*sides, strict=True), 1)]
    return "order", ("", *_SIDES), list(rows)


def _both(row: Document) -> tuple[str, str]:
    return _shown(row, "from"), _shown(row, "to")


def _shown(row: Document, side: str) -> str:
    if side not in row:
        return ""
    value = row[side]
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
