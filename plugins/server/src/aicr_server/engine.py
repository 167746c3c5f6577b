"""The engine as the endpoints use it: a session, and answers that were given before.

Nothing that is kept depends on what was asked earlier: documents are shared and never changed, so a hit and a miss are
the same bytes (spec/server.md 17, D1). Kept answers are bounded; the least recently used go first.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from aicr_core.api import Session, Text
from aicr_server import archive
from aicr_server.problems import encode
from aicr_server.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from aicr_core.api import BundleRequest
    from aicr_server.querystring import Asked

T = TypeVar("T")
Document = dict[str, Any]
_FILES = ("valuesFile", "manifestFiles")
# A body of 7 KB for each of the 1,620 combinations of the shipped values, and some with a number of nodes; of values
# merged there are only as many as sets of overlays that apply: 37.
_RECIPES, _HYDRATED, _BUNDLES = 2048, 128, 64


class Made(NamedTuple):
    """An encoded recipe, and what a person should know about it."""

    body: bytes
    warnings: tuple[str, ...]


class Kept(Generic[T]):
    """A bounded table of answers; the least recently used goes first. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def find(self, key: Hashable) -> T | None:
        """Give what is kept under ``key``, if anything is."""
        with self._lock:
            found = self._found.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._found.move_to_end(key)
            return found

    def keep(self, key: Hashable, made: T) -> None:
        """Keep ``made`` under ``key``."""
        with self._lock:
            self._found[key] = made
            while len(self._found) > self._most:
                self._found.popitem(last=False)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what is kept under ``key``, or make it; two that make it at once make the same."""
        found = self.find(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return found


class Engine:
    """A session and the answers that it gave."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.vocabulary = Vocabulary(session.criteria_values())
        self.resolved: Callable[[float], None] = lambda _seconds: None
        self.recipes: Kept[Made] = Kept(_RECIPES)
        self.documents: Kept[Document] = Kept(_HYDRATED)
        self.archives: Kept[archive.Archive] = Kept(_BUNDLES)

    @classmethod
    def open(
        cls, env: Mapping[str, str], data: Sequence[str], warn: Callable[[str], None]
    ) -> Engine:
        """Open a session with everything loaded. Raises AicrError."""
        session = Session(env, data=data, warn=warn)
        session.warm()
        return cls(session)

    def resolve(
        self, asked: Asked, snapshot: Text | None = None
    ) -> tuple[Document, tuple[str, ...]]:
        """Give the recipe of criteria, of a snapshot where they say nothing, and its warnings. Raises AicrError."""
        stated = asked.stated
        # Without criteria the base recipe is meant, which a document that names none says.
        nothing = None if stated or asked.nodes or snapshot else Text(b"{}")
        started = time.perf_counter()
        made = self.session.recipe(
            stated, nodes=asked.nodes, document=nothing, snapshot=snapshot, allow_partial=True
        )
        self.resolved(time.perf_counter() - started)
        return made.document, made.warnings

    def recipe(self, asked: Asked) -> Made:
        """Give the encoded recipe of criteria. Raises AicrError."""

        def make() -> Made:
            document, warnings = self.resolve(asked)
            return Made(encode(document), warnings)

        return self.recipes.get(asked.key, make)

    def explained(self, document: Document, warnings: Sequence[str]) -> bytes:
        """Give a recipe with its warnings, and who names each component and sets each of its values, encoded."""
        components = self.session.origins(document)
        whole = {"recipe": document, "warnings": list(warnings), "components": components}
        return encode(whole)

    def hydrated(self, asked: Asked) -> Document:
        """Give the hydrated recipe of criteria. Raises AicrError."""
        document, _ = self.resolve(asked)
        # What applies decides on all but the criteria themselves: one document for many of them.
        applied = tuple(document["metadata"]["appliedOverlays"])
        shared = self.documents.get(applied, lambda: self._hydrated(document))
        criteria = document["criteria"]
        shown = {name: criteria.get(name, 0) for name in shared["criteria"]}
        return {**shared, "criteria": shown}

    def _hydrated(self, document: Document) -> Document:
        """Give the document of the query route: without what only files of the catalogue explain (section 8)."""
        whole = self.session.hydrated(document)
        components = {
            name: {key: value for key, value in entry.items() if key not in _FILES}
            for name, entry in whole["components"].items()
        }
        shown = {key: whole[key] for key in whole if key not in ("components", "validation")}
        return dict(sorted({**shown, "components": components}.items()))

    def bundle(self, body: bytes, request: BundleRequest) -> archive.Archive:
        """Make the archive of a bundle; ``body`` is the recipe. Raises AicrError."""
        return archive.of(self.session.bundle(request._replace(recipe=Text(body).source)))


def digest(body: bytes) -> bytes:
    """Give what tells bodies apart."""
    return hashlib.sha256(body).digest()
