"""Rendered templates as documents: split as Helm splits, without notes and partials, in an order of their own.

Both engines end here, so that they give the same text for the same chart. Imports nothing of AICR.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# A separator may be followed by a comment, which then is the document's first line. Blanks before it are not looked
# for: the parts are stripped, and looking for them takes the square of their number.
_SEPARATOR = re.compile(r"(?:\A|\n)---\s*")
_SOURCE = re.compile(r"# Source: (\S.*)\n")


def chart_texts(rendered: Mapping[str, str]) -> dict[str, str]:
    """Give what a rendering installs: neither notes nor partials, by template."""
    found = {}
    for path in sorted(rendered):
        name = path.rpartition("/")[2]
        if not name.startswith("_") and not path.endswith("NOTES.txt"):
            found[path] = rendered[path]
    return found


def split(text: str) -> list[str]:
    """Give the documents of a YAML text that hold more than comments."""
    parts = (part.strip() for part in _SEPARATOR.split(text))
    return [part for part in parts if _holds_something(part)]


def _holds_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def documents(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give (template, document) of rendered templates."""
    for path, text in texts.items():
        for part in split(text):
            yield path, part


def printed(output: str) -> Iterator[tuple[str, str]]:
    """Give (template, document) of what ``helm template`` prints."""
    for part in split(output):
        found = _SOURCE.match(part)
        yield (found[1], part[found.end() :].strip()) if found else ("", part)


def parcel(found: Iterable[tuple[str, str]]) -> str:
    """Join documents, each behind a line ``# Source: TEMPLATE``; sorted, for the engines differ in their order."""
    return "".join(f"---\n# Source: {path}\n{text}\n" for path, text in sorted(found))
