"""What a session takes and gives where a document alone does not say enough. Values, shown as tables in notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aicr_core.app.sources import Source
    from aicr_core.model.check import Report

Document = dict[str, Any]


class Text(NamedTuple):
    """A document as bytes: its format (``yaml`` or ``json``), and its name in messages."""

    data: bytes
    fmt: str = "json"
    name: str = "request body"

    @property
    def source(self) -> Source:
        """The same for the use cases."""
        from aicr_core.app.sources import Source

        return Source(self.data, self.fmt, self.name)


class BundleFile(NamedTuple):
    """One file of a bundle: path with ``/``, bytes, Unix mode."""

    path: str
    data: bytes
    mode: int


class Bundle(NamedTuple):
    """A bundle in memory: its files in order of generation, the deployer's title, notes for the user."""

    files: tuple[BundleFile, ...]
    title: str
    notes: tuple[str, ...]


class Resolved(NamedTuple):
    """A recipe document and the warnings that came with it."""

    document: Document
    warnings: tuple[str, ...]


class Validation(NamedTuple):
    """The report of a validation, and what to warn of."""

    report: Report
    warnings: tuple[str, ...]
