"""Lists and watches of the emulated API server."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING, Any

from emulated_cluster.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulated_cluster.api import Asked
    from emulated_cluster.kinds import Kind
    from emulated_cluster.objects import Objects
    from emulated_cluster.selectors import Test

    Item = dict[str, Any]


def list_of(objects: Objects, asked: Asked, kind: Kind, namespace: str, test: Test) -> Item:
    """Give a list, or a page of it."""
    with objects.changed:
        found = [item for item in objects.all(kind, namespace) if test(item)]
        version = objects.version
        oldest = objects.compacted
    metadata: Item = {"resourceVersion": str(version)}
    token = asked.query.get("continue")
    if token:
        after, since = _token(token)
        if since < oldest:
            raise Refused(
                410, "The provided continue parameter is too old to display a consistent list"
            )
        found = [item for item in found if _order(item) > after]
    limit = int(asked.query.get("limit") or 0)
    if limit and len(found) > limit:
        last = _order(found[limit - 1])
        text = json.dumps({"v": version, "after": last})
        metadata["continue"] = base64.urlsafe_b64encode(text.encode()).decode()
        metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    accept = asked.headers.get("accept", "")
    if "as=PartialObjectMetadataList" in accept:
        items = [metadata_only(item) for item in found]
        return {
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata, "items": items,
        }  # fmt: skip
    return {
        "kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata,
        # As the real server: objects of a list do not repeat their kind, unless they are custom ones.
        "items": found if kind.custom else [_bare(item) for item in found],
    }  # fmt: skip


def watch(
    objects: Objects, asked: Asked, kind: Kind, namespace: str, test: Test
) -> Iterator[bytes]:
    """Give the events of a watch, one a line, until its time is over."""
    end = time.monotonic() + float(asked.query.get("timeoutSeconds") or 1800)
    given = asked.query.get("resourceVersion", "")

    def ours(item: Item | None) -> bool:
        if item is None or (namespace and item["metadata"].get("namespace") != namespace):
            return False
        return test(item)

    with objects.changed:
        if given in ("", "0"):
            first = [item for item in objects.all(kind, namespace) if test(item)]
            at = len(objects.history)
        elif int(given) < objects.compacted:
            refused = Refused(410, f"too old resource version: {given} ({objects.compacted})")
            yield _event("ERROR", refused.document())
            return
        else:
            first = []
            at = next(
                (n for n, change in enumerate(objects.history) if change.version > int(given)),
                len(objects.history),
            )
    for item in first:
        yield _event("ADDED", item)
    while True:
        with objects.changed:
            while at >= len(objects.history):
                left = end - time.monotonic()
                if left <= 0 or objects.stopped:
                    return
                objects.changed.wait(min(left, 1.0))
            changes = objects.history[at:]
            at = len(objects.history)
        for change in changes:
            if change.kind.key != kind.key:
                continue
            was, now = ours(change.before), ours(change.after)
            if now:
                yield _event("MODIFIED" if was else "ADDED", change.after)
            elif was:
                yield _event("DELETED", change.after or change.before)


def _order(item: Item) -> list[str]:
    return [item["metadata"].get("namespace", ""), item["metadata"]["name"]]


def _token(text: str) -> tuple[list[str], int]:
    try:
        token = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        raise Refused(400, "continue key is not valid") from None
    return token["after"], token["v"]


def _bare(item: Item) -> Item:
    return {k: v for k, v in item.items() if k not in ("kind", "apiVersion")}


def metadata_only(item: Item) -> Item:
    """Give an object without all but its metadata."""
    return {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"],
    }  # fmt: skip


def _event(word: str, item: Item | None) -> bytes:
    return json.dumps({"type": word, "object": item}).encode() + b"\n"
