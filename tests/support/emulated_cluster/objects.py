"""The objects of the emulated cluster: one ordered history of changes, from which lists and watches are read."""

from __future__ import annotations

import copy
import datetime
import threading
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from emulated_cluster.refused import Refused, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]
    Name = tuple[str, str]


class Change(NamedTuple):
    """One entry of the history; ``before`` is None for a new object, ``after`` None for one that is gone."""

    version: int
    kind: Kind
    before: Item | None
    after: Item | None


class Objects:
    """A store of objects of any kind. Items given out must not be changed: put a copy back."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.history: list[Change] = []
        self.compacted = 0
        self.stopped = False
        self._version = 1000
        self._items: dict[tuple[str, str], dict[Name, Item]] = {}
        self._kinds: dict[tuple[str, str], Kind] = {}

    @property
    def version(self) -> int:
        """The newest resourceVersion."""
        return self._version

    def compact(self) -> None:
        """Forget the history: an older watch or continue token is answered 410."""
        with self.changed:
            self._version += 1
            self.compacted = self._version

    def stop(self) -> None:
        """Let every watch end."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def get(self, kind: Kind, namespace: str, name: str) -> Item:
        """Give an object, or raise 404."""
        item = self._items.get(kind.key, {}).get((namespace, name))
        if item is None:
            raise missing(kind.qualified, name)
        return item

    def all(self, kind: Kind, namespace: str = "") -> list[Item]:
        """Give the objects of a kind in the order of their names."""
        items = self._items.get(kind.key, {})
        return [items[key] for key in sorted(items) if not namespace or key[0] == namespace]

    def every(self) -> Iterator[tuple[Kind, Item]]:
        """Give every object."""
        for key, items in list(self._items.items()):
            for item in list(items.values()):
                yield self._kinds[key], item

    def create(self, kind: Kind, item: Item) -> Item:
        """Add an object; raises 409 when there is one of that name."""
        with self.changed:
            item = copy.deepcopy(item)
            metadata = item.setdefault("metadata", {})
            if "name" not in metadata and metadata.get("generateName"):
                metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
            place = self._place(metadata)
            if place in self._items.get(kind.key, {}):
                text = f'{kind.qualified} "{place[1]}" already exists'
                raise Refused(409, text, "AlreadyExists", details={"name": place[1]})
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.kind)
            metadata["uid"] = str(uuid.uuid4())
            metadata["creationTimestamp"] = now()
            metadata.pop("deletionTimestamp", None)
            return self._put(kind, place, item)

    def update(self, kind: Kind, item: Item) -> Item:
        """Store a changed object; an unchanged one keeps its version."""
        with self.changed:
            place = self._place(item["metadata"])
            before = self.get(kind, *place)
            given = item["metadata"].get("resourceVersion")
            if given and given != before["metadata"]["resourceVersion"]:
                raise Refused(
                    409,
                    f'Operation cannot be fulfilled on {kind.qualified} "{place[1]}": the object has been '
                    "modified; please apply your changes to the latest version and try again",
                )
            item = copy.deepcopy(item)
            for field in ("uid", "creationTimestamp", "resourceVersion", "deletionTimestamp"):
                if field in before["metadata"]:
                    item["metadata"][field] = before["metadata"][field]
            if item == before:
                return before
            if item["metadata"].get("deletionTimestamp") and not item["metadata"].get("finalizers"):
                self._remove(kind, place)
                return item
            return self._put(kind, place, item)

    def change(
        self, kind: Kind, namespace: str, name: str, edit: Callable[[Item], None]
    ) -> Item | None:
        """Edit an object where it is; None when it is gone. For what plays a controller."""
        with self.changed:
            try:
                item = copy.deepcopy(self.get(kind, namespace, name))
            except Refused:
                return None
            edit(item)
            return self.update(kind, item)

    def delete(
        self, kind: Kind, namespace: str, name: str, propagation: str = "Background"
    ) -> Item:
        """Remove an object and, unless orphaned, what it owns; one with finalizers is only marked."""
        with self.changed:
            item = self.get(kind, namespace, name)
            if item["metadata"].get("finalizers"):
                if "deletionTimestamp" not in item["metadata"]:
                    item = copy.deepcopy(item)
                    item["metadata"]["deletionTimestamp"] = now()
                    self._put(kind, (namespace, name), item)
                return item
            owned = list(self._owned_by(item["metadata"]["uid"]))
            if propagation == "Foreground":
                self._collect(owned, propagation)
                self._remove(kind, (namespace, name))
            else:
                self._remove(kind, (namespace, name))
                if propagation == "Orphan":
                    for other, dependent in owned:
                        self._disown(other, dependent, item["metadata"]["uid"])
                else:
                    self._collect(owned, propagation)
            if kind.plural == "namespaces":
                for other, inside in list(self.every()):
                    if inside["metadata"].get("namespace") == name:
                        self._collect([(other, inside)], "Background")
            return item

    def _collect(self, owned: list[tuple[Kind, Item]], propagation: str) -> None:
        for kind, item in owned:
            try:
                self.delete(kind, *self._place(item["metadata"]), propagation)
            except Refused:
                continue  # gone already, with another owner

    def _owned_by(self, uid: str) -> Iterator[tuple[Kind, Item]]:
        for kind, item in self.every():
            for owner in item["metadata"].get("ownerReferences") or ():
                if owner.get("uid") == uid:
                    yield kind, item

    def _disown(self, kind: Kind, item: Item, uid: str) -> None:
        item = copy.deepcopy(item)
        owners = item["metadata"]["ownerReferences"]
        item["metadata"]["ownerReferences"] = [o for o in owners if o.get("uid") != uid]
        self._put(kind, self._place(item["metadata"]), item)

    @staticmethod
    def _place(metadata: Item) -> Name:
        return (metadata.get("namespace", ""), metadata.get("name", ""))

    def _put(self, kind: Kind, place: Name, item: Item) -> Item:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        self._kinds[kind.key] = kind
        items = self._items.setdefault(kind.key, {})
        self.history.append(Change(self._version, kind, items.get(place), item))
        items[place] = item
        self.changed.notify_all()
        return item

    def _remove(self, kind: Kind, place: Name) -> None:
        self._version += 1
        gone = self._items[kind.key].pop(place)
        last = copy.deepcopy(gone)
        last["metadata"]["resourceVersion"] = str(self._version)
        self.history.append(Change(self._version, kind, last, None))
        self.changed.notify_all()


def now() -> str:
    """The time as objects write it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
