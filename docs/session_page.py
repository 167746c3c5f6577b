"""The page of the Python API's session, made from its docstrings (``docs/generate.py`` writes it)."""

from __future__ import annotations

import inspect
import re

from aicr_core.session import Session, results
from aicr_core.session.documents import Documents
from aicr_core.session.places import Places


class _Something:
    def __repr__(self) -> str:
        return "..."


_SOMETHING = _Something()
PARTS = (
    (Documents, "Documents", "Bytes and values in and out: nothing is read that a document names."),
    (
        Places,
        "Places",
        "Files, clusters, registries, the installed plugins: what the command line uses.",
    ),
)


def session_page(note: str) -> str:
    """Give the page: each method of the session with its arguments and what it says of itself."""
    lines = [
        note,
        "# The session, method by method",
        "",
        "How to use it: [the Python API](python.md). Every method raises `AicrError` and nothing else, but for a wrong",
        "argument (`TypeError`). A method that takes a request takes its fields by name as well.",
        "",
        _prose(inspect.getdoc(Session)),
        "",
        f"## `Session{_signature(Session.__init__).removesuffix(' -> None')}`",
        "",
        _prose(inspect.getdoc(Session.__init__)),
    ]
    for owner, title, about in PARTS:
        lines += ["", f"## {title}", "", about]
        for name, member in vars(owner).items():
            if name.startswith("_") or not (
                inspect.isfunction(member) or isinstance(member, property)
            ):
                continue
            lines += ["", f"### `{name}{_signature(member)}`", "", _prose(inspect.getdoc(member))]
    lines += ["", "## What it takes and gives"]
    for name, kind in vars(results).items():
        if inspect.isclass(kind) and kind.__module__ == results.__name__:
            fields = ", ".join(f"`{field}`" for field in kind._fields)  # type: ignore[attr-defined]
            lines += [
                "",
                f"### `{name}`",
                "",
                _prose(inspect.getdoc(kind)),
                "",
                f"Fields: {fields}.",
            ]
    return "\n".join(lines) + "\n"


def _signature(member: object) -> str:
    if isinstance(member, property):
        return ""
    shown = inspect.signature(member)  # type: ignore[arg-type]
    given = [
        # The text of a function holds its address, which is another in every run.
        item.replace(default=_SOMETHING) if inspect.isfunction(item.default) else item
        for item in shown.parameters.values()
        if item.name != "self"
    ]
    return f"{shown.replace(parameters=given)}".replace("'", "")


def _prose(text: str | None) -> str:
    plain = (text or "").replace("``", "`")
    return re.sub(r":(?:meth|class|func):`(\w+)`", r"`\1`", plain)
