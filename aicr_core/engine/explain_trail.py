"""Trails: who gave each leaf of a document its value, one after the other. Pure.

Nothing is merged here. A merge is followed from outside: what came of each step is held to what the step's source says,
and whatever stands there now was either said by that source or stood there before. So a trail ends, by construction,
in the value that the merge made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aicr_core.engine.explain_origin import Origin

T = TypeVar("T")
Path = tuple[str | int, ...]
SET, MERGE, REPLACE, DELETE = "set", "merge", "replace", "delete"


class Step(NamedTuple):
    """One thing that was said of a leaf.

    ``action`` is ``set`` where nothing stood, ``replace`` where something else did, ``merge`` where the same stood
    there already or the value joins a list that others began, ``delete`` where the leaf is gone by it (``value`` is
    None then).
    """

    value: Any
    origin: Origin
    action: str = SET


Trail = tuple[Step, ...]
"""What was said of one leaf, oldest first."""


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every scalar and empty collection of a tree with the keys and list positions that lead to it."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, (list, tuple)) and tree:
        for number, value in enumerate(tree):
            yield from leaves(value, (*path, number))
    else:
        yield path, tree


def same(one: Any, other: Any) -> bool:
    """Compare two leaves as documents do: 1, 1.0 and true are three values, and no number equals itself less."""
    return one is other or (type(one) is type(other) and (one == other or repr(one) == repr(other)))


def extended(trail: Trail, said: Trail, *, joined: bool = False) -> Trail:
    """Give a trail with what a source says added to it, the actions as they are now."""
    for step in said:
        action = step.action
        if action != DELETE:
            fresh = not trail or trail[-1].action == DELETE
            kept = not fresh and same(trail[-1].value, step.value)
            action = MERGE if joined or kept else SET if fresh else REPLACE
        trail = (*trail, step._replace(action=action))
    return trail


class Trails:
    """The trails of one tree while it is merged; ``live`` has those of what is there, ``gone`` of what once was."""

    def __init__(self) -> None:
        self.live: dict[Path, Trail] = {}
        self.gone: dict[Path, Trail] = {}

    def follow(
        self,
        after: Mapping[Path, Any],
        said: Mapping[Path, Sequence[Trail]],
        *,
        last_word: bool = True,
    ) -> None:
        """Take the tree that one step made.

        ``said`` are the leaves of the step's source, each with the trails that may have led to it, a later one before
        an earlier one. Without ``last_word`` the source is not credited with what stood there already.
        """
        live: dict[Path, Trail] = {}
        above = {path[:length] for path in self.live for length in range(1, len(path))}
        for path, value in after.items():
            if not path:
                continue  # An empty tree: nothing is said of anything.
            known = self.live.get(path)
            stood = known is not None and same(known[-1].value, value)
            trail = _of(said.get(path, ()), value) if last_word or not stood else None
            if trail is not None:
                live[path] = extended(known or self.gone.get(path, ()), trail)
                if known is None and path in above:
                    # A single value in the place of a mapping or a list.
                    live[path] = (*live[path][:-1], live[path][-1]._replace(action=REPLACE))
            elif known is not None and stood:
                live[path] = known
            else:
                found = self._joined(path, value, said)
                if found is not None:
                    live[path] = found
        lost = [path for path in self.live if path not in live]
        culprits = _culprits(said) if lost else {}
        for path in lost:
            trail = self.live[path]
            origin = next(
                (culprits[path[:n]] for n in range(len(path), -1, -1) if path[:n] in culprits),
                trail[-1].origin,
            )
            self.gone[path] = (*trail, Step(None, origin, DELETE))
        for path in live:
            self.gone.pop(path, None)
        self.live = live

    def _joined(self, path: Path, value: Any, said: Mapping[Path, Sequence[Trail]]) -> Trail | None:
        """Find an item of lists that were joined: it stands elsewhere than where its source has it."""
        if not isinstance(path[-1], int):
            return None
        parent = path[:-1]
        for trails in _items(self.live, parent):
            if same(trails[-1].value, value):
                return trails
        begun = (*parent, 0) in self.live
        for candidates in _items(said, parent):
            found = _of(candidates, value)
            if found is not None:
                return extended((), found, joined=begun)
        return None


def _items(table: Mapping[Path, T], parent: Path) -> Iterator[T]:
    """Give what a table has of the items of a list, in their order."""
    number = 0
    while (*parent, number) in table:
        yield table[*parent, number]
        number += 1


def _of(trails: Sequence[Trail], value: Any) -> Trail | None:
    return next((trail for trail in trails if same(trail[-1].value, value)), None)


def _culprits(said: Mapping[Path, Sequence[Trail]]) -> dict[Path, Origin]:
    """Give the origin of what may have taken a leaf away: of what the source says there, or first of all below it."""
    found: dict[Path, Origin] = {}
    for path, trails in said.items():
        for length in range(len(path) + 1):
            found.setdefault(path[:length], trails[0][-1].origin)
    return found
