"""Read and check ``aicr-plugin.toml``, the static part of a plugin (docs/plugins/manifest.md).

It is read when the index is built, never by a warm command. What it says is data: names, ranges, criteria
values, hints. Whether the plugin may be used is decided by ``plugins.states``.
"""

from __future__ import annotations

import os
from typing import Any

from aicr_core._version import HOOKSPEC
from aicr_core.kit.errors import AicrError, Code, nearest

FILE = "aicr-plugin.toml"
_TEXT = ("name", "summary", "hookspec", "min_python", "isolation", "data", "license", "contact")
_LISTS = ("hooks", "permissions", "overrides", "after", "requires", "environment")
_TABLES = ("criteria", "hints")
_KNOWN = (*_TEXT, *_LISTS, *_TABLES, "provides", "limits", "images")
LIMITS = ("seconds", "memory_mib")
"""Bounds of one call into a plugin that runs in a process of its own: wall time, address space."""
_PROVIDED = ("kind", "name", "section", "summary")
ISOLATIONS = ("inline", "thread", "process")
DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")


def read(root: str) -> dict[str, Any] | None:
    """Give the checked manifest of the package folder ``root``, or None when it has none.

    Raises AicrError(INVALID_REQUEST) naming file and field.
    """
    import tomllib

    path = os.path.join(root, FILE)
    try:
        with open(path, "rb") as stream:
            document = tomllib.load(stream)
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"cannot read the manifest: {error}", where=path
        ) from None
    return _check(document, path)


def _check(document: dict[str, Any], path: str) -> dict[str, Any]:
    for field, value in document.items():
        if field not in _KNOWN:
            close = nearest(field, _KNOWN)
            hint = f'did you mean "{close}"?' if close else f"known: {', '.join(_KNOWN)}"
            raise AicrError(Code.INVALID_REQUEST, f'unknown field "{field}"', where=path, hint=hint)
        if field in _TEXT and not isinstance(value, str):
            raise _wrong(path, field, "text")
        if field in _LISTS and not _is_texts(value):
            raise _wrong(path, field, "a list of texts")
        if field in _TABLES and not (
            isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())
        ):
            raise _wrong(path, field, "a table of tables")
    if not document.get("name"):
        raise AicrError(Code.INVALID_REQUEST, "the manifest has no name", where=path)
    data = document.get("data", "")
    if os.path.isabs(data) or ".." in data.split("/"):
        raise _wrong(path, "data", "a folder inside the package")
    for dimension, values in document.get("criteria", {}).items():
        if dimension not in DIMENSIONS:
            hint = f"dimensions: {', '.join(DIMENSIONS)}"
            message = f'unknown criteria dimension "{dimension}"'
            raise AicrError(Code.INVALID_REQUEST, message, where=path, hint=hint)
        for value, entry in values.items():
            if value != value.strip().lower() or not isinstance(entry, dict):
                raise _wrong(path, f"criteria.{dimension}.{value}", "a lower-case name and a table")
            if not _is_texts(entry.get("aliases", [])):
                raise _wrong(path, f"criteria.{dimension}.{value}.aliases", "a list of texts")
    for kind, names in document.get("hints", {}).items():
        if not all(isinstance(name, str) for name in names.values()):
            raise _wrong(path, f"hints.{kind}", "a table of distribution names")
    if document.get("isolation", "inline") not in ISOLATIONS:
        raise _wrong(path, "isolation", f"one of {', '.join(ISOLATIONS)}")
    _check_limits(document.get("limits", {}), path)
    images = document.get("images", {})
    if not (isinstance(images, dict) and all(_is_texts(names) for names in images.values())):
        raise _wrong(path, "images", "a table of lists of images, by component")
    provided = document.get("provides", [])
    if not isinstance(provided, list):
        raise _wrong(path, "provides", "tables [[provides]] with kind and name")
    for item in provided:
        _check_provided(item, path)
    return document


def _check_limits(limits: Any, path: str) -> None:
    if not isinstance(limits, dict):
        raise _wrong(path, "limits", f"a table of {' and '.join(LIMITS)}")
    for field, value in limits.items():
        if field not in LIMITS:
            hint = f"known: {', '.join(LIMITS)}"
            message = f'unknown field "limits.{field}"'
            raise AicrError(Code.INVALID_REQUEST, message, where=path, hint=hint)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise _wrong(path, f"limits.{field}", "a number above zero")


def _check_provided(item: Any, path: str) -> None:
    if not isinstance(item, dict) or not {"kind", "name"} <= set(item):
        raise _wrong(path, "provides", "tables [[provides]] with kind and name")
    for field, value in item.items():
        if field not in _PROVIDED:
            close = nearest(field, _PROVIDED)
            hint = f'did you mean "{close}"?' if close else f"known: {', '.join(_PROVIDED)}"
            message = f'unknown field "provides.{field}"'
            raise AicrError(Code.INVALID_REQUEST, message, where=path, hint=hint)
        if not isinstance(value, str):
            raise _wrong(path, f"provides.{field}", "text")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _wrong(path: str, field: str, wanted: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f"{field} must be {wanted}", where=path)


def fits(specifier: str) -> bool:
    """Tell whether this core's hook API is in the plugin's range. Raises AicrError for a bad range."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(HOOKSPEC)
    except InvalidSpecifier:
        raise AicrError(
            Code.INVALID_REQUEST,
            f'hookspec "{specifier}" is no version range',
            hint='write ">=1.0,<2"',
        ) from None
