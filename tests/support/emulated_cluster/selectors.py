"""Label and field selectors, as strict as the server's: a field that is not served is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulated_cluster.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulated_cluster.kinds import Kind

    Test = Callable[[dict[str, Any]], bool]

_COMMON = {"metadata.name", "metadata.namespace"}
_FIELDS = {
    "pods": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
             "status.phase", "status.podIP", "status.nominatedNodeName"},
    "events": {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
               "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
               "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"},
    "nodes": {"spec.unschedulable"},
    "namespaces": {"status.phase"},
    "secrets": {"type"},
    "jobs": {"status.successful"},
}  # fmt: skip
_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$")


def selector(kind: Kind, labels: str, fields: str) -> Test:
    """Give the test of an object for both selectors."""
    tests = [_label(part) for part in _parts(labels)]
    tests += [_field(kind, part) for part in fields.split(",") if part.strip()]
    return lambda item: all(test(item) for test in tests)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label(text: str) -> Test:
    def labels(item: dict[str, Any]) -> dict[str, str]:
        return item["metadata"].get("labels") or {}

    if match := _SET.match(text):
        key, word, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if word == "in":
            return lambda item: labels(item).get(key) in values
        return lambda item: labels(item).get(key) not in values
    for sign in ("!=", "==", "="):
        if sign in text:
            key, value = (part.strip() for part in text.split(sign, 1))
            if not re.fullmatch(r"[A-Za-z0-9._-]*", value) or not key:
                raise Refused(400, f"unable to parse requirement: invalid label value {value!r}")
            if sign == "!=":
                return lambda item: labels(item).get(key) != value
            return lambda item: labels(item).get(key) == value
    key = text.strip()
    if key.startswith("!"):
        return lambda item: key[1:].strip() not in labels(item)
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", key):
        raise Refused(400, f"unable to parse requirement: {text!r}")
    return lambda item: key in labels(item)


def _field(kind: Kind, text: str) -> Test:
    sign = "!=" if "!=" in text else "=="
    key, _, value = text.replace("!=", "=").replace("==", "=").partition("=")
    key = key.strip()
    if key not in _COMMON | (_FIELDS.get(kind.plural, set()) if not kind.custom else set()):
        raise Refused(400, f'Unable to find "{kind.api_version}, Resource={kind.plural}" that match '
                           f"label selector, field selector: field label not supported: {key}")  # fmt: skip

    def found(item: dict[str, Any]) -> str:
        at: Any = item
        for part in key.split("."):
            at = at.get(part) if isinstance(at, dict) else None
        return "" if at is None else str(at).lower() if isinstance(at, bool) else str(at)

    if sign == "!=":
        return lambda item: found(item) != value.strip()
    return lambda item: found(item) == value.strip()
