"""Run one golden row of the recipe files in process, as the command line would."""

from __future__ import annotations

import contextlib
import functools
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pathlib

Row = dict[str, Any]


@functools.cache
def rows(path: pathlib.Path) -> list[Row]:
    """All rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@functools.cache
def bodies(path: pathlib.Path) -> dict[str, Any]:
    """Bodies by id."""
    return {row["id"]: row["body"] for row in rows(path)}


def write_files(row: Row, folder: pathlib.Path) -> None:
    """Write the files of a row; a text ``@symlink:X`` means a link to X."""
    for name, text in row.get("files", {}).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("@symlink:"):
            target.symlink_to(text.removeprefix("@symlink:"))
        else:
            target.write_text(text, "utf-8")


def run(arguments: list[str], environment: Any) -> tuple[int, str, str]:
    """Run the command line in this process; give exit status, stdout and stderr."""
    from aicr_core.cli.root import run as run_cli

    # Results are written as bytes, so the stand-in for standard output has a buffer as the real one has.
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run_cli(arguments, environment)
    out.seek(0)
    return status, out.read(), err.getvalue()


def comparable(document: Any) -> Any:
    """Drop what the goldens do not hold, and sort what they compare as sets."""
    if not isinstance(document, dict) or "metadata" not in document:
        return document
    metadata = {k: v for k, v in document["metadata"].items() if k != "version"}
    for field in ("excludedOverlays", "constraintWarnings"):
        if metadata.get(field):
            metadata[field] = sorted(
                metadata[field], key=lambda item: json.dumps(item, sort_keys=True)
            )
    return {**document, "metadata": metadata}
