"""The engine as the endpoints use it: a session, and answers that were given before.

Nothing that is kept depends on what was asked earlier: documents are shared and never changed, so a hit and a miss are
the same bytes (spec/server.md 17, D1). Kept answers are bounded; the least recently used go first.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
# A body of 7 KB for each of the 1,620 combinations of the shipped values, and as many with a number of nodes.
_FILES = ("valuesFile", "manifestFiles")
_RECIPES, _HYDRATED, _BUNDLES = 4096, 256, 64


class Kept(Generic[T]):
    """A bounded table of answers; the least recently used goes first. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what is kept under ``key``, or make it; two that make it at once give the same."""
        with self._lock:
            if key in self._found:
                self.hits += 1
                self._found.move_to_end(key)
                return self._found[key]
            self.misses += 1
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return made


class Engine:
    """A session and the answers that it gave."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.vocabulary = Vocabulary(session.criteria_values())
        self.resolved: Callable[[float], None] = lambda _seconds: None
        self.recipes: Kept[bytes] = Kept(_RECIPES)
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

    def resolve(self, asked: Asked) -> Document:
        """Give the recipe document of criteria. Raises AicrError."""
        stated = {name: value for name, value in asked.criteria.items() if value != "any"}
        # Without criteria the base recipe is meant, which a document that names none says.
        nothing = None if stated or asked.nodes else Text(b"{}")
        started = time.perf_counter()
        made = self.session.recipe(
            stated, nodes=asked.nodes, document=nothing, allow_partial=True, lenient=True
        )
        self.resolved(time.perf_counter() - started)
        return made.document

    def recipe(self, asked: Asked) -> bytes:
        """Give the encoded recipe of criteria. Raises AicrError."""
        return self.recipes.get(asked.key, lambda: encode(self.resolve(asked)))

    def hydrated(self, asked: Asked) -> Document:
        """Give the hydrated recipe of criteria. Raises AicrError."""
        return self.documents.get(asked.key, lambda: self._hydrated(asked))

    def _hydrated(self, asked: Asked) -> Document:
        """Give the document of the query route: without what only files of the catalogue explain (section 8)."""
        whole = self.session.hydrated(self.resolve(asked))
        components = {
            name: {key: value for key, value in entry.items() if key not in _FILES}
            for name, entry in whole["components"].items()
        }
        shown = {key: whole[key] for key in whole if key not in ("components", "validation")}
        return dict(sorted({**shown, "components": components}.items()))

    def bundle(self, body: bytes, request: BundleRequest) -> archive.Archive:
        """Give the archive of a bundle; ``body`` is the recipe. Raises AicrError."""
        key = (hashlib.sha256(body).digest(), request._replace(recipe=""))
        return self.archives.get(
            key, lambda: archive.of(self.session.bundle(request._replace(recipe=Text(body).source)))
        )
