"""What the rules of the lint see: the subjects, everything around them, and what overlays come to when merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.catalogue import Key, criteria_key
from aicr_core.engine.recipes import merging
from aicr_core.engine.rules import Rules, rules_for
from aicr_core.kit.errors import AicrError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.engine.lint_findings import Subject
    from aicr_core.engine.lint_reading import Reader
    from aicr_core.engine.selection import Entry
    from aicr_core.plugins.providers import Phase

Document = dict[str, Any]


class Checks(NamedTuple):
    """The checks and phases of the installed plugins; without phases nothing of validation is judged."""

    entries: Sequence[Entry] = ()
    phases: Sequence[Phase] = ()


class Spec(NamedTuple):
    """What an overlay comes to with its chain: ``spec``, with its mixins up to the one that ``error`` is about."""

    spec: Document
    error: AicrError | None


class Project:
    """One run of the lint."""

    def __init__(self, reader: Reader, checks: Checks, manifests: Mapping[str, str]) -> None:
        """``manifests`` are the manifest files of plugins by the name of their layer."""
        self.reader = reader
        self.checks = checks
        self.manifests = manifests
        self.bodies: dict[str, Document] = {n: body for n, (body, _) in reader.overlays.items()}
        self.parents = {body["base"] for body in self.bodies.values()}
        self.problem: AicrError | None = None
        self.catalogue: Catalogue | None = None
        self._specs: dict[str, Spec | None] = {}
        try:
            self.catalogue = reader.catalogue()
        except AicrError as error:
            self.problem = error

        ordered = [subject for _, subject in sorted(reader.subjects.items())]
        self.subjects = tuple(filter(reader.focused, ordered))
        """The files under the lint, by layer and path."""
        self.equals: dict[Key, list[str]] = {}
        """Names of all overlays by the key of their criteria, in byte order."""
        for name in sorted(self.bodies):
            criteria = self.bodies[name]["criteria"]
            if criteria is not None:
                self.equals.setdefault(criteria_key(criteria), []).append(name)
        self.focused = {body["name"] for _, body in self.overlays()}
        """Names of the overlays under the lint."""

    def overlays(self) -> Iterator[tuple[Subject, Document]]:
        """Give the overlays under the lint that count under their name."""
        for subject in self.subjects:
            body = subject.body
            if body is not None and self.bodies.get(body["name"]) is body:
                yield subject, body

    def documents(self) -> Iterator[tuple[Subject, Document]]:
        """Give base, overlays and mixins under the lint."""
        for subject in self.subjects:
            if subject.body is not None:
                yield subject, subject.body

    def everything(self) -> list[Document]:
        """Give base, overlays and mixins of all layers."""
        found = [*self.bodies.values(), *(body for body, _ in self.reader.mixins.values())]
        return [self.reader.base, *found] if self.reader.base is not None else found

    def chain(self, name: str) -> tuple[str, ...] | None:
        """Give the names from below the root down to ``name``; None where one is missing or met twice."""
        names: list[str] = []
        current = name
        while current:
            if current in names or current not in self.bodies:
                return None
            names.append(current)
            current = self.bodies[current]["base"]
        return tuple(reversed(names))

    def rules(self, body: Document) -> Rules:
        """Give the merge rules of a document's generation."""
        return rules_for(body["apiVersion"])

    def spec(self, name: str) -> Spec | None:
        """Give what an overlay (empty: the base) comes to; None where that cannot be said."""
        if name not in self._specs:
            self._specs[name] = self._merged(name)
        return self._specs[name]

    def _merged(self, name: str) -> Spec | None:
        chain = self.chain(name)
        if chain is None or self.catalogue is None:
            return None
        spec: Document = {}
        error = None
        try:
            for step in merging(self.catalogue, chain):
                spec = step.spec
        except AicrError as problem:
            error = problem
        return Spec(spec, error) if spec else None
