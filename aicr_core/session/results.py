"""What a session takes and gives where a document alone does not say enough. Values, shown as tables in notebooks.

``to_dict`` and ``from_dict`` (``session.convert``, offered by ``aicr_core.api``) take any of them, and any frozen class
of the API, to plain values and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aicr_core.app.sources import Source
    from aicr_core.model.check import Report
    from aicr_core.session.tables import Table

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

    def table(self) -> Table:
        """Give its files with their sizes in bytes and modes."""
        from aicr_core.session.tables import Table

        rows = [(file.path, len(file.data), f"{file.mode:o}") for file in self.files]
        return Table(self.title, ("path", "bytes", "mode"), rows)

    def to_pandas(self) -> Any:
        """Give the table as a data frame. Raises AicrError(NOT_FOUND) without pandas."""
        return self.table().pandas()

    def _repr_html_(self) -> str:
        return self.table().html()


class Resolved(NamedTuple):
    """A recipe document and the warnings that came with it."""

    document: Document
    warnings: tuple[str, ...]

    def table(self) -> Table:
        """Give its components in deployment order: name, version, chart, namespace."""
        from aicr_core.session.tables import Table

        known = {ref["name"]: ref for ref in self.document.get("componentRefs", ())}
        order = [*self.document.get("deploymentOrder", ())]
        order += [name for name in known if name not in order]
        rows = [
            (
                name,
                known[name].get("version") or known[name].get("tag") or "",
                known[name].get("chart") or "",
                known[name].get("namespace") or "",
            )
            for name in order
            if name in known
        ]
        criteria = self.document.get("criteria") or {}
        title = ", ".join(f"{name}={value}" for name, value in criteria.items()) or "the base"
        return Table(f"recipe for {title}", ("component", "version", "chart", "namespace"), rows)

    def to_pandas(self) -> Any:
        """Give the table as a data frame. Raises AicrError(NOT_FOUND) without pandas."""
        return self.table().pandas()

    def _repr_html_(self) -> str:
        return self.table().html()


class Validation(NamedTuple):
    """The report of a validation, and what to warn of."""

    report: Report
    warnings: tuple[str, ...]

    def table(self) -> Table:
        """Give its constraints and checks: name, phase, status, message, what to do."""
        from aicr_core.session.tables import Table

        rows = [
            (
                item.name,
                item.phase,
                item.result.status,
                item.result.message,
                item.result.remediation,
            )
            for phase in self.report.phases
            for item in phase.items
        ]
        columns = ("name", "phase", "status", "message", "what to do")
        return Table(f"validation of {self.report.recipe}", columns, rows)

    def to_pandas(self) -> Any:
        """Give the table as a data frame. Raises AicrError(NOT_FOUND) without pandas."""
        return self.table().pandas()

    def _repr_html_(self) -> str:
        return self.table().html()
