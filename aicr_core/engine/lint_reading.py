"""Read layers of catalogue files and go on after a fault: every file is a subject, every fault a finding.

It is the catalogue's builder that reads, so a file means here what it means to ``aicr recipe``. What is wrong across
files (names, references, values) is looked for in the other ``lint_*`` modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import schemas
from aicr_core.engine.catalogue import Catalogue, parse_values
from aicr_core.engine.catalogue_build import Builder
from aicr_core.engine.catalogue_files import Role, role
from aicr_core.engine.layers import read
from aicr_core.engine.lint_findings import Finding, Subject, make, of_error
from aicr_core.engine.lint_shape import NOTHING, fitted
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.engine.criteria import ValueTable
    from aicr_core.engine.layers import Layer
    from aicr_core.kit.schema import Schema

Document = dict[str, Any]
_PARSED = (Role.REGISTRY, Role.BASE, Role.OVERLAY, Role.VALUES)
_STREAMS = (Role.CHECK, Role.DRIFT, Role.VALIDATION)


class Reader(Builder):
    """A builder that notes faults; ``subjects`` are all files by layer and path, ``findings`` what is wrong in them."""

    def __init__(
        self,
        criteria: ValueTable,
        hints: Mapping[str, Mapping[str, str]],
        show: Callable[[Layer, str], str],
        focus: Callable[[Layer, str], bool],
    ) -> None:
        """``show`` gives what a file is called in findings; ``focus`` says whether it is under the lint."""
        super().__init__(criteria, hints)
        self.declared = {name: dict(values) for name, values in self.criteria.items()}
        self.findings: list[Finding] = []
        self.subjects: dict[tuple[int, str], Subject] = {}
        self._show = show
        self._focus = focus
        self._subject = Subject(0, "", "")
        self._rule = ""

    def add_files(self, layer: Layer, paths: Sequence[str]) -> None:
        """Read some files as a layer of their own; names and paths of theirs win."""
        number = len(self.layers)
        self.layers.append(layer)
        for path in paths:
            self._claim(path, number, set())
        for path in paths:
            self._take(layer, number, path)

    def focused(self, subject: Subject) -> bool:
        """Tell whether findings in a file are wanted."""
        return self._focus(self.layers[subject.layer], subject.path)

    def catalogue(self) -> Catalogue:
        """Make the catalogue of what could be read. Raises AicrError where that is none."""
        return Catalogue.from_sections(self.sections())

    def subject(self, layer: int, path: str) -> Subject:
        """Give the subject of a file."""
        key = (layer, path)
        if key not in self.subjects:
            self.subjects[key] = Subject(layer, path, self._show(self.layers[layer], path))
        return self.subjects[key]

    def refused(self, subject: Subject, error: AicrError) -> None:
        """Note what another reader says of a file."""
        self._note(subject, "R001" if error.message.startswith("not valid YAML") else "R002", error)

    # --- what the builder calls -------------------------------------------------------------------

    def _claim(self, path: str, number: int, replaced: set[str]) -> None:
        try:
            super()._claim(path, number, replaced)
        except AicrError as error:
            self._note(self.subject(number, path), "R040", error)
            self.files[path] = number

    def _collision(self, what: str, name: str, first: int, second: int) -> AicrError:
        self._rule = "R040"
        return super()._collision(what, name, first, second)

    def _take(self, layer: Layer, number: int, path: str) -> None:
        self._subject = self.subject(number, path)
        self._rule = "R001"
        purpose = role(path)
        try:
            if purpose is Role.VALUES:
                self._take_values(layer, path)
            elif purpose in _PARSED:
                super()._take(layer, number, path)
            elif purpose in _STREAMS and self._focus(layer, path) and path.endswith(_YAML):
                for _ in yamlio.compose_all(read(layer.root, path), path):
                    pass
        except AicrError as error:
            self._note(self._subject, self._rule, error)

    def _take_values(self, layer: Layer, path: str) -> None:
        data = read(layer.root, path)
        if self._focus(layer, path):
            self._subject.node = yamlio.compose(data, path)
            self._rule = "R002"
        values = parse_values(data, path)
        if not layer.external:
            self.values[path] = values

    def _first(self, data: bytes, source: str) -> yamlio.Node | None:
        node, more = yamlio.compose_first(data, source)
        self._subject.node = node
        self._rule = "R004"
        if more:
            self.findings.append(
                self._subject.finding("R037", (), "the file has several documents")
            )
        if node is None or node.is_null():
            self._rule = "R036"
            if role(self._subject.path) is not Role.REGISTRY:
                hint = "write what it is to say, or remove it"
                self.findings.append(self._subject.finding("R036", (), "the file is empty", hint))
            return None
        return node

    def _decoded(self, node: yamlio.Node, schema: Schema, source: str, number: int) -> Document:
        subject = self._subject

        def report(rule: str, at: yamlio.Node, message: str, hint: str) -> None:
            self.findings.append(make(rule, subject.shown, (at.line, at.column), message, hint))

        found = fitted(node, schema, report)
        self._rule = "R006"
        subject.document = {} if found is NOTHING else found
        return subject.document

    def _place(self, path: str, node: yamlio.Node | None) -> None:
        """Keep no positions: subjects have their nodes."""

    def _take_registry(self, data: bytes, source: str, number: int) -> None:
        node = self._first(data, source)
        if node is None:
            return
        schemas.check_head(node, "ComponentRegistry", source)
        own = self.layers[number]
        document = self._decoded(node, schemas.REGISTRY, source, number)
        for position, entry in enumerate(document.get("components", ())):
            name = entry["name"]
            known = self.registry.get(name)
            steps = ("components", position, "name")
            if known is not None and known[1] == number:
                text = f'component "{name}" stands twice in the registry'
                self.findings.append(self._subject.finding("R041", steps, text))
            elif known is not None and not own.external and name not in own.overrides:
                error = self._collision("component", name, known[1], number)
                self.findings.append(
                    self._subject.finding("R040", steps, error.message, error.hint or "")
                )
            self.registry[name] = (entry, number)

    def _take_metadata(
        self, data: bytes, source: str, path: str, number: int, *, is_base: bool
    ) -> None:
        before = len(self.warnings)
        super()._take_metadata(data, source, path, number, is_base=is_base)
        for text in self.warnings[before:]:
            what = text.partition(": ")[2]
            if what.startswith("ignored, its kind"):
                hint = "write RecipeMetadata or RecipeMixin, or move the file elsewhere"
                found = self._subject.finding("R036", ("kind",), f"the file is {what}", hint)
                self.findings.append(found)

    def _body(self, document: Document, path: str, number: int) -> Document:
        body = super()._body(document, path, number)
        self._subject.body = body
        return body

    def _note(self, subject: Subject, rule: str, error: AicrError) -> None:
        found = of_error(rule, error, subject.shown)
        if rule in ("R004", "R006", "R040") and subject.node is not None and not found.line:
            steps = {"R004": ("apiVersion" if "apiVersion" in error.message else "kind",)}
            place = subject.at(steps.get(rule, ("metadata", "name")))
            found = found._replace(line=place[0], column=place[1])
        self.findings.append(found)


_YAML = (".yaml", ".yml")
