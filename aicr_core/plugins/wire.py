"""Values on their way between this process and a plugin's worker: Python to JSON and back.

What may cross is closed: JSON's own values, tuples, bytes, sets, and the frozen classes of the modules that plugins are
offered. Nothing else is imported by a name from the wire and nothing is unpickled, so a worker that went wrong can say
nothing but data. Who talks to whom is ``plugins.remote`` and ``plugins.worker``.
"""

from __future__ import annotations

import base64
import enum
import functools
import importlib
import json
from collections.abc import Mapping
from typing import Any, cast

from aicr_core.kit.errors import AicrError, Code

PROTOCOL = 1
"""Version of the messages; both sides are of one installation, so another one is a defect."""
_TUPLE, _BYTES, _SET, _PAIRS, _OBJECT = "$tuple", "$bytes", "$set", "$pairs", "$object"
CONTEXT, TARGET = "$context", "$target"
"""Mark the places of a provider's ``ctx`` and of a check's ``target``: what is behind them makes one over there."""
_TAGS = (_TUPLE, _BYTES, _SET, _PAIRS, _OBJECT)
_LONGEST = 10_000
"""Characters of the text of an exception that cross."""


MODULES = {
    name.rpartition(".")[2]: name
    for name in (
        "aicr_core.model.agent",
        "aicr_core.model.bundle",
        "aicr_core.model.charts",
        "aicr_core.model.check",
        "aicr_core.model.inventory",
        "aicr_core.model.ledger",
        "aicr_core.model.lint",
        "aicr_core.model.parts",
        "aicr_core.model.rbac",
        "aicr_core.model.readings",
        "aicr_core.model.settings",
        "aicr_core.model.snapshot",
        "aicr_core.model.trust",
        "aicr_core.plugins.providers",
        "aicr_core.kit.errors",
        "aicr_core.kit.imageref",
        "aicr_core.kit.run",
    )
}
"""Modules whose frozen classes may cross, by their short names."""


@functools.cache
def class_of(name: str) -> type | None:
    """Give the class that ``module.Class`` names, or None: a frozen attrs class, NamedTuple or enum of :data:`MODULES`.

    One at a time, so that neither side imports what the other never mentions.
    """
    module, _, attribute = name.partition(".")
    if module not in MODULES:
        return None
    kind = getattr(importlib.import_module(MODULES[module]), attribute, None)
    return kind if isinstance(kind, type) and _name_of(kind) == name and _is_plain(kind) else None


def _name_of(kind: type) -> str:
    module = kind.__module__.rpartition(".")[2]
    return f"{module}.{kind.__qualname__}" if MODULES.get(module) == kind.__module__ else ""


def _is_plain(kind: type) -> bool:
    return (
        hasattr(kind, "__attrs_attrs__") or hasattr(kind, "_fields") or issubclass(kind, enum.Enum)
    )


class Marker(dict[str, Any]):
    """What crosses of a context; a mapping of a user's that looks like one crosses as a mapping."""


def dumps(value: Any) -> bytes:
    """Give the line for a message. Raises AicrError(INTERNAL) for a value that cannot cross."""
    return json.dumps(encode(value), separators=(",", ":")).encode("ascii") + b"\n"


def loads(line: bytes) -> Any:
    """Read a line. Raises AicrError(INTERNAL) for anything that :func:`dumps` would not write."""
    try:
        document = json.loads(line)
        return decode(document)
    except (ValueError, RecursionError) as error:
        text = line[:60].decode("utf-8", "replace")
        raise AicrError(Code.INTERNAL, f'"{text}" is no message: {type(error).__name__}') from None


def encode(value: Any) -> Any:
    """Give the JSON-shaped form of a value. Raises AicrError(INTERNAL) for one that cannot cross."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [encode(item) for item in value]
    if kind is tuple:
        return {_TUPLE: [encode(item) for item in value]}
    if isinstance(value, (bytes, bytearray)):
        return {_BYTES: base64.b64encode(value).decode("ascii")}
    if kind in (set, frozenset):
        # Both come back as a frozenset; their order must not depend on the process.
        return {_SET: sorted((encode(item) for item in value), key=json.dumps)}
    if isinstance(value, AicrError):
        return {_OBJECT: "errors.AicrError", "fields": error_document(value)}
    name = _name_of(kind)
    if name and _is_plain(kind):
        return {_OBJECT: name, "fields": _fields(value)}
    if kind is Marker:
        return {
            key: {name: encode(item) for name, item in held.items()} for key, held in value.items()
        }
    if isinstance(value, Mapping):
        return _mapping(value)
    base = next((base for base in (str, int, float, list) if isinstance(value, base)), None)
    if base is not None:
        # A reader's own kind of text or list: what it is beside that does not cross.
        return encode(base(value))
    raise _refused(kind)


def _refused(kind: type) -> AicrError:
    return AicrError(
        Code.INTERNAL, f"a {kind.__module__}.{kind.__qualname__} cannot go to another process"
    )


def _fields(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return encode(value.value)
    if isinstance(value, tuple):
        return {name: encode(getattr(value, name)) for name in value._fields}  # type: ignore[attr-defined]
    import attrs

    return {
        field.alias: encode(getattr(value, field.name))
        for field in attrs.fields(type(value))
        if field.init
    }


def context_document(ctx: Any, timeout: float, env: Mapping[str, str]) -> Marker:
    """Give what crosses of a context: time, settings with the variables ``env``, and the options that are plain values.

    A live object among the options, such as a connection, stays here: the worker has no way to use it.
    """
    options = {}
    for name, value in ctx.options.items():
        try:
            encode(value)
        except AicrError:
            continue
        options[name] = value
    settings = None if ctx.settings is None else ctx.settings._replace(env=dict(env))
    return Marker({CONTEXT: {"timeout": timeout, "settings": settings, "options": options}})


_OF_TARGET = (
    "recipe", "snapshot", "namespace", "run", "constraints", "asserts", "profiles", "nodes", "node_selector",
    "tolerations", "image_pull_secrets", "pace",
)  # fmt: skip


def target_document(target: Any) -> Marker:
    """Give what crosses of a check's target: its documents. Its cluster and its ledger stay here and are asked."""
    return Marker({TARGET: {name: getattr(target, name) for name in _OF_TARGET}})


def _mapping(value: Mapping[Any, Any]) -> Any:
    if all(type(key) is str for key in value) and not any(
        tag in value for tag in (*_TAGS, CONTEXT, TARGET)
    ):
        return {key: encode(item) for key, item in value.items()}
    return {_PAIRS: [[encode(key), encode(item)] for key, item in value.items()]}


def decode(document: Any) -> Any:
    """Give the value behind its JSON-shaped form. Raises AicrError(INTERNAL) for what :func:`encode` does not give."""
    if isinstance(document, list):
        return [decode(item) for item in document]
    if not isinstance(document, dict):
        return document
    for tag in _TAGS:
        if tag in document:
            try:
                return _tagged(tag, document)
            except (AicrError, RecursionError):
                raise
            except Exception as error:
                # Whatever a class says to fields that do not suit it.
                text = f"a message holds a wrong {tag}: {type(error).__name__}: {error}"
                raise AicrError(Code.INTERNAL, text) from None
    return {key: decode(item) for key, item in document.items()}


def _tagged(tag: str, document: dict[str, Any]) -> Any:
    content = document[tag]
    if tag == _TUPLE:
        return tuple([decode(item) for item in content])
    if tag == _BYTES:
        return base64.b64decode(content, validate=True)
    if tag == _SET:
        return frozenset(decode(item) for item in content)
    if tag == _PAIRS:
        return {decode(key): decode(item) for key, item in content}
    if content == "errors.AicrError":
        return error_from(document["fields"], "")
    kind = class_of(content) if isinstance(content, str) else None
    if kind is None:
        raise AicrError(Code.INTERNAL, f'a message holds a "{content}", which nobody knows here')
    fields = decode(document["fields"])
    return kind(fields) if issubclass(kind, enum.Enum) else kind(**fields)


def error_document(error: BaseException) -> dict[str, Any]:
    """Give what crosses of an exception: an AicrError whole, of any other its type and text."""
    if isinstance(error, AicrError):
        return {
            "code": error.code.value, "message": error.message, "hint": error.hint, "where": error.where,
            "ours": True, "status": getattr(error, "status", 0), "reason": getattr(error, "reason", ""),
        }  # fmt: skip
    try:
        message = str(error)[:_LONGEST]
    except Exception:
        message = "(its text cannot be had)"
    return {"type": type(error).__name__, "message": message, "ours": False}


class PluginException(Exception):
    """An exception of a plugin's that is not ours; the class that is raised has the name of the one it stands for."""


def error_from(document: Any, plugin: str) -> Exception:
    """Give the exception that a worker reports: an AicrError as the plugin's, any other as it would read in process."""
    try:
        message = str(document["message"])
        if not document["ours"]:
            name = str(document["type"])
            kind = name if name.isidentifier() else "Exception"
            return cast("Exception", type(kind, (PluginException,), {})(message))
        hint, where = document.get("hint"), document.get("where")
        error = AicrError(
            Code(document["code"]), message, plugin=plugin or None,
            hint=None if hint is None else str(hint), where=None if where is None else str(where),
        )  # fmt: skip
        if document.get("status") or document.get("reason"):
            # What an API server answered: checks tell a conflict from a refusal by it (model.cluster).
            vars(error).update(status=int(document["status"]), reason=str(document["reason"]))
        return error
    except (AttributeError, KeyError, TypeError, ValueError):
        text = "its worker reports an error that says nothing"
        return AicrError(Code.INTERNAL, text, plugin=plugin or None)
