"""Tables of results, for notebooks and data frames: rows of plain values, shown as HTML or handed to pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 200
"""Rows that a notebook shows; a data frame has all."""


class Table(NamedTuple):
    """A title, the names of the columns, and the rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def html(self) -> str:
        """Give it as an HTML table; every text is escaped, so that no document can put markup into a notebook."""
        from html import escape

        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in self.rows[:_SHOWN]
        )
        left = len(self.rows) - _SHOWN
        more = f"<p>{left} more</p>" if left > 0 else ""
        title = f"<caption>{escape(self.title)}</caption>"
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def pandas(self) -> Any:
        """Give it as a ``pandas.DataFrame``. Raises AicrError(NOT_FOUND) where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise AicrError(
                Code.NOT_FOUND, "pandas is not installed", hint="pip install pandas"
            ) from None
        return pandas.DataFrame(list(self.rows), columns=list(self.columns))
