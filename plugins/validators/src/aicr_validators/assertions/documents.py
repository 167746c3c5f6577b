"""Read the text of a component's assertions: plain documents, or Test documents of chainsaw (spec/validate.md 9.1-9.3).

Everything that cannot be carried out is refused here, before anything is asked of a cluster: the message names the
component and the line, or the step and the operation. Only assertions and errors are carried out; nothing that writes,
sleeps or runs programs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, load_all
from aicr_validators.assertions.expressions import MAX_LENGTH
from aicr_validators.assertions.matching import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUDGET = 360.0
"""Seconds for a text that says nothing of it."""
MAX_TEXT = 1 << 20
"""Characters of a text."""
MAX_OPERATIONS = 1000
GROUP = "chainsaw.kyverno.io/"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_TOP = ("apiVersion", "kind", "metadata", "spec")
_SPEC = ("description", "timeouts", "steps")
_STEP = ("name", "description", "try")
_OPERATIONS = ("assert", "error")


class Operation(NamedTuple):
    """One thing to look at: ``kind`` is assert or error, ``place`` where it stands, ``resource`` what is expected."""

    kind: str
    place: str
    resource: dict[str, Any]

    @property
    def api_version(self) -> str:
        """The group version."""
        return str(self.resource["apiVersion"])

    @property
    def object_kind(self) -> str:
        """The kind of the object."""
        return str(self.resource["kind"])

    @property
    def namespace(self) -> str:
        """The namespace; empty when none is named."""
        return str(self._metadata.get("namespace") or "")

    @property
    def name(self) -> str:
        """The name; empty when any object will do."""
        return str(self._metadata.get("name") or "")

    @property
    def selector(self) -> str:
        """The plain labels, as a selector."""
        labels = self._metadata.get("labels") or {}
        return ",".join(
            f"{key}={value}"
            for key, value in sorted(labels.items())
            if not key.startswith(("(", "~")) and not value.startswith("(")
        )

    @property
    def _metadata(self) -> Mapping[str, Any]:
        return self.resource.get("metadata") or {}


class Assertions(NamedTuple):
    """What a text asks for. ``together``: all must hold at once (plain documents); else one after the other."""

    operations: tuple[Operation, ...]
    together: bool
    budget: float = BUDGET


def parse(text: str, component: str) -> Assertions:
    """Give what the assertions of a component ask for; no operations when the text is empty.

    Raises AicrError(INVALID_REQUEST) for what is no YAML, malformed, or not supported.
    """
    source = f"health check of {component}"
    if len(text) > MAX_TEXT:
        raise _refused(source, f"it has {len(text)} characters, more than {MAX_TEXT}")
    documents = [document for document in load_all(text, source) if document is not None]
    is_test = "chainsaw.kyverno.io" in text and "kind: Test" in text
    if is_test:
        budgets: list[float] = []
        operations = [
            operation
            for number, document in enumerate(documents)
            for operation in _test(document, f"{source}: document {number}", budgets)
        ]
    else:
        budgets = [BUDGET]
        operations = [
            Operation("assert", place, _resource(document, place, named=True))
            for number, document in enumerate(documents)
            for place in (f"{source}: document {number}",)
        ]
    if len(operations) > MAX_OPERATIONS:
        raise _refused(source, f"it has {len(operations)} operations, more than {MAX_OPERATIONS}")
    return Assertions(tuple(operations), not is_test, sum(budgets))


def _test(document: Any, place: str, budgets: list[float]) -> Iterator[Operation]:
    test = _mapping(document, place, _TOP)
    if not str(test.get("apiVersion", "")).startswith(GROUP) or test.get("kind") != "Test":
        raise _refused(place, "beside a Test there may only be Tests of chainsaw.kyverno.io")
    spec = _mapping(test.get("spec") or {}, f"{place}: spec", _SPEC)
    timeouts = _mapping(spec.get("timeouts") or {}, f"{place}: spec.timeouts")
    budgets.append(_seconds(timeouts.get("assert"), f"{place}: spec.timeouts.assert"))
    for number, item in enumerate(_list(spec.get("steps"), f"{place}: spec.steps")):
        name = item.get("name") if isinstance(item, dict) else None
        at = f'{place}: step "{name}"' if name else f"{place}: step {number}"
        step = _mapping(item, at, _STEP)
        for index, attempt in enumerate(_list(step.get("try"), f"{at}: try")):
            yield _operation(attempt, f"{at} try[{index}]")


def _operation(item: Any, place: str) -> Operation:
    found = {k: v for k, v in _mapping(item, place).items() if k != "description"}
    strange = [name for name in found if name not in _OPERATIONS]
    if strange:
        raise _refused(
            place, f'the operation "{strange[0]}" is not supported, only assert and error are',
            "an assertion only reads; leave out what changes the cluster",
        )  # fmt: skip
    if len(found) != 1:
        raise _refused(place, "an operation is either assert or error")
    ((kind, body),) = found.items()
    resource = _mapping(body, f"{place}: {kind}", ("resource",)).get("resource")
    return Operation(kind, place, _resource(resource, f"{place}: {kind}.resource", named=False))


def _resource(value: Any, place: str, *, named: bool) -> dict[str, Any]:
    resource = _mapping(value, place)
    metadata = _mapping(resource.get("metadata") or {}, f"{place}: metadata")
    needed = {"apiVersion": resource, "kind": resource} | ({"name": metadata} if named else {})
    missing = [key for key, holder in needed.items() if not holder.get(key)]
    if missing:
        raise _refused(
            place, f"{', '.join(missing)} missing "
            f"({', '.join(f'{k}={shown(holder.get(k))}' for k, holder in needed.items())})",
            "an assertion names apiVersion and kind, and outside of a Test metadata.name",
        )  # fmt: skip
    for key, holder in (
        ("apiVersion", resource), ("kind", resource), ("name", metadata), ("namespace", metadata)
    ):  # fmt: skip
        word = holder.get(key)
        if word is not None and (not isinstance(word, str) or word.startswith("(")):
            raise _refused(place, f"{key} must be a plain text")
    labels = _mapping(metadata.get("labels") or {}, f"{place}: metadata.labels")
    if any(not isinstance(value, str) for value in labels.values()):
        raise _refused(place, "the values of metadata.labels must be texts")
    _bounded(resource, place)
    return resource


def _bounded(value: Any, place: str) -> None:
    """Refuse expressions that are too long already here: those of one resource stand in its keys and texts."""
    if isinstance(value, dict):
        for key, item in value.items():
            _bounded(str(key), place)
            _bounded(item, place)
    elif isinstance(value, list):
        for item in value:
            _bounded(item, place)
    elif isinstance(value, str) and value.startswith(("(", "~")) and len(value) > MAX_LENGTH:
        raise _refused(place, f"an expression has more than {MAX_LENGTH} characters")


def _mapping(value: Any, place: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refused(place, "a mapping is expected")
    strange = [key for key in value if known and key not in known]
    if strange:
        raise _refused(
            place, f'"{strange[0]}" is not supported, known are {", ".join(known)}',
            "only reading assertions are carried out",
        )  # fmt: skip
    return value


def _list(value: Any, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _refused(place, "a list is expected")
    return value


def _seconds(text: Any, place: str) -> float:
    if text is None:
        return BUDGET
    parts = _DURATION.findall(text) if isinstance(text, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise _refused(place, "it is no duration", "write it like 5m or 1m30s")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def _refused(place: str, why: str, hint: str | None = None) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, why, where=place, hint=hint)
