"""What a request brings: the object in its body, and what of an object may not change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulated_cluster.refused import Refused, invalid

if TYPE_CHECKING:
    from emulated_cluster.kinds import Kind

    Item = dict[str, Any]


def check_type(content_type: str) -> None:
    """Refuse a body that is neither JSON nor YAML; the real server takes protobuf as well."""
    word = content_type.split(";")[0].strip()
    if word and word not in ("application/json", "application/yaml"):
        text = f"the body of the request was in an unknown format: {word}"
        raise Refused(415, text)


def body_of(data: bytes, kind: Kind, namespace: str, name: str) -> Item:
    """Give the object of a request's body, checked against the URL."""
    try:
        item = json.loads(data)
    except ValueError:
        from aicr_core.kit import yamlio

        item = yamlio.load(data, "body")
    if not isinstance(item, dict):
        raise Refused(400, "couldn't get version/kind; json parse error")
    if (
        item.get("kind", kind.kind) != kind.kind
        or item.get("apiVersion", kind.api_version) != kind.api_version
    ):
        given = f"{item.get('apiVersion')}/{item.get('kind')}"
        raise Refused(400, f"{given} in the body does not match {kind.kind}")
    item["apiVersion"], item["kind"] = kind.api_version, kind.kind
    metadata = item.setdefault("metadata", {})
    if name and metadata.setdefault("name", name) != name:
        given = metadata["name"]
        raise Refused(
            400, f"the name of the object ({given}) does not match that of the URL ({name})"
        )
    if metadata.get("namespace", namespace) != namespace:
        raise Refused(
            400, "the namespace of the provided object does not match the namespace of the request"
        )
    if namespace:
        metadata["namespace"] = namespace
    return item


def check_immutable(kind: Kind, before: Item, item: Item) -> None:
    """Refuse a change of what may not change."""
    name = item["metadata"]["name"]
    if before.get("immutable"):
        for field in ("data", "binaryData", "immutable"):
            if item.get(field) != before.get(field):
                raise invalid(
                    kind.kind, name, field, "Forbidden: field is immutable when `immutable` is set"
                )
    if kind.plural == "jobs" and item["spec"].get("template") != before["spec"].get("template"):
        raise invalid(kind.kind, name, "spec.template", "Invalid value: field is immutable")
    if kind.plural.endswith("rolebindings") and item["roleRef"] != before["roleRef"]:
        raise invalid(kind.kind, name, "roleRef", "Invalid value: cannot change roleRef")
