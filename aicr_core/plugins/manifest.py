"""Read and check ``aicr-plugin.toml``, the static part of a plugin (docs/plugins/manifest.md).

It is read when the index is built, never by a warm command. What it says is data: names, ranges, criteria
values, hints. Whether the plugin may be used is decided by ``plugins.states``.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from aicr_core._version import HOOKSPEC
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.specifiers import SpecifierSet

    from aicr_core.kit.tomlfile import TomlFile

FILE = "aicr-plugin.toml"
_TEXT = (
    "name", "summary", "hookspec", "min_python", "isolation", "data", "license", "contact",
)  # fmt: skip
_LISTS = ("hooks", "permissions", "overrides", "after", "requires", "environment")
_TABLES = ("criteria", "hints")
_KNOWN = (*_TEXT, *_LISTS, *_TABLES, "provides", "limits", "images")
LIMITS = ("seconds", "memory_mib")
"""Bounds of one call into a plugin that runs in a process of its own: wall time, address space."""
_PROVIDED = ("kind", "name", "section", "summary")
ISOLATIONS = ("inline", "thread", "process")
DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
_REQUIREMENT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*([<>=!~].*)?")


def load(root: str) -> TomlFile | None:
    """Give the manifest of the package folder ``root`` as it is written, or None when it has none.

    Raises AicrError(INVALID_REQUEST) with file and line when it cannot be parsed.
    """
    from aicr_core.kit import tomlfile

    return tomlfile.read(os.path.join(root, FILE), "the manifest")


def read(root: str) -> dict[str, Any] | None:
    """Give the checked manifest of the package folder ``root``, or None when it has none.

    Raises AicrError(INVALID_REQUEST) naming file, line and field.
    """
    written = load(root)
    return None if written is None else check(written)


def unfit(document: dict[str, Any]) -> str:
    """Say why this core and interpreter are not what the manifest was written for; empty when they are.

    It is asked before :func:`check`, whose words a manifest for a later core need not keep to. Raises
    AicrError(INVALID_REQUEST) for a bad range or version.
    """
    wanted = document.get("hookspec")
    if isinstance(wanted, str) and wanted and HOOKSPEC not in specifiers(wanted, "hookspec"):
        return f"it is written for hookspec {wanted}; this core has {HOOKSPEC}"
    least = document.get("min_python")
    if isinstance(least, str) and least:
        from packaging.version import InvalidVersion, Version

        running = ".".join(str(part) for part in sys.version_info[:3])
        try:
            if Version(running) < Version(least):
                return f"it needs Python {least} or later; this is {running}"
        except InvalidVersion:
            raise AicrError(
                Code.INVALID_REQUEST, f'min_python "{least}" is no version', hint='write "3.12"'
            ) from None
    return ""


@functools.lru_cache(maxsize=256)
def specifiers(text: str, field: str) -> SpecifierSet:
    """Give a range of versions. Raises AicrError(INVALID_REQUEST) for a bad one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise AicrError(
            Code.INVALID_REQUEST, f'{field} "{text}" is no version range', hint='write ">=1.0,<2"'
        ) from None


def requirement(text: str) -> tuple[str, str]:
    """Split an item of ``requires`` into plugin name and range, which may be empty. Raises AicrError for a bad one."""
    parts = _REQUIREMENT.fullmatch(text)
    if parts is None:
        raise AicrError(
            Code.INVALID_REQUEST,
            f'requires: "{text}" is no plugin name with or without a range',
            hint='write "name" or "name>=1.0,<2"; it is the name of the plugin, not of its distribution',
        )
    specifiers(parts[2] or "", "requires")
    return parts[1], (parts[2] or "").strip()


def check(written: TomlFile) -> dict[str, Any]:
    """Give the document of a manifest whose every field is right. Raises AicrError naming file, line and field."""
    return _Check(written).document()


class _Check:
    """One manifest under examination; every refusal says the line of the field."""

    def __init__(self, written: TomlFile) -> None:
        self._written = written

    def document(self) -> dict[str, Any]:
        document = self._written.document
        self._shape(document)
        if not document.get("name"):
            self._refuse("the manifest has no name")
        data = document.get("data", "")
        if os.path.isabs(data) or ".." in data.split("/"):
            self._wrong("a folder inside the package", "data")
        for field in ("hookspec", "min_python", "requires"):
            try:
                self._ranges(document, field)
            except AicrError as error:
                self._refuse(error.message, field, hint=error.hint)
        for word in document.get("permissions", ()):
            if not vocabulary.is_permission(word):
                self._unknown("permission", word, vocabulary.PERMISSIONS, "permissions")
        if document.get("isolation", "inline") not in ISOLATIONS:
            self._wrong(f"one of {', '.join(ISOLATIONS)}", "isolation")
        self._criteria(document.get("criteria", {}))
        self._hints(document.get("hints", {}))
        self._limits(document.get("limits", {}))
        images = document.get("images", {})
        if not (isinstance(images, dict) and all(_is_texts(names) for names in images.values())):
            self._wrong("a table of lists of images, by component", "images")
        provided = document.get("provides", [])
        if not isinstance(provided, list):
            self._wrong("tables [[provides]] with kind and name", "provides")
        for number, item in enumerate(provided):
            self._provided(number, item)
        return document

    def _shape(self, document: dict[str, Any]) -> None:
        for field, value in document.items():
            if field not in _KNOWN:
                self._unknown("field", field, _KNOWN, field)
            if field in _TEXT and not isinstance(value, str):
                self._wrong("text", field)
            if field in _LISTS and not _is_texts(value):
                self._wrong("a list of texts", field)
            if field in _TABLES and not (
                isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())
            ):
                self._wrong("a table of tables", field)

    def _ranges(self, document: dict[str, Any], field: str) -> None:
        if field == "requires":
            for text in document.get(field, ()):
                requirement(text)
        else:
            unfit({field: document.get(field)})

    def _criteria(self, criteria: dict[str, Any]) -> None:
        for dimension, values in criteria.items():
            if dimension not in DIMENSIONS:
                self._unknown("criteria dimension", dimension, DIMENSIONS, "criteria", dimension)
            for value, entry in values.items():
                place = ("criteria", dimension, value)
                if value != value.strip().lower() or not isinstance(entry, dict):
                    self._wrong("a lower-case name and a table", *place)
                for field in entry:
                    if field != "aliases":
                        self._unknown(
                            "field", ".".join((*place, field)), ("aliases",), *place, field
                        )
                if not _is_texts(entry.get("aliases", [])):
                    self._wrong("a list of texts", *place, "aliases")
                for alias in entry.get("aliases", ()):
                    # A person's text is trimmed and lowered before it is looked up.
                    if not alias or alias != alias.strip().lower():
                        self._wrong("a list of lower-case names", *place, "aliases")

    def _hints(self, hints: dict[str, Any]) -> None:
        for kind, names in hints.items():
            if kind not in vocabulary.KINDS and kind not in DIMENSIONS:
                self._unknown("kind", kind, (*vocabulary.KINDS, *DIMENSIONS), "hints", kind)
            if not all(isinstance(name, str) for name in names.values()):
                self._wrong("a table of distribution names", "hints", kind)

    def _limits(self, limits: Any) -> None:
        if not isinstance(limits, dict):
            self._wrong(f"a table of {' and '.join(LIMITS)}", "limits")
        for field, value in limits.items():
            if field not in LIMITS:
                self._unknown("field", f"limits.{field}", LIMITS, "limits", field)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and 0 < value < float("inf")):
                self._wrong("a number above zero", "limits", field)

    def _provided(self, number: int, item: Any) -> None:
        if not isinstance(item, dict) or not {"kind", "name"} <= set(item):
            self._wrong("tables [[provides]] with kind and name", "provides", number)
        for field, value in item.items():
            if field not in _PROVIDED:
                self._unknown("field", f"provides.{field}", _PROVIDED, "provides", number, field)
            if not isinstance(value, str):
                self._wrong("text", "provides", number, field)
        if item["kind"] not in vocabulary.KINDS:
            self._unknown("kind", item["kind"], vocabulary.KINDS, "provides", number, "kind")

    def _unknown(self, what: str, word: str, known: Iterable[str], *place: str | int) -> NoReturn:
        known = list(known)
        close = nearest(word.rpartition(".")[2] if what == "field" else word, known)
        hint = f'did you mean "{close}"?' if close else f"known: {', '.join(known)}"
        self._refuse(f'unknown {what} "{word}"', *place, hint=hint)

    def _wrong(self, wanted: str, *place: str | int) -> NoReturn:
        field = ".".join(part for part in place if isinstance(part, str))
        self._refuse(f"{field} must be {wanted}", *place)

    def _refuse(self, message: str, *place: str | int, hint: str | None = None) -> NoReturn:
        where = self._written.where(*place)
        raise AicrError(Code.INVALID_REQUEST, message, where=where, hint=hint)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
