"""Layers of catalogue files: one data root each, walked and checked.

A layer is a plugin's data root or a directory given by the user. This module lists files and reads them; it
does not parse them. External directories are untrusted: no symbolic links, bounded file size
(spec/recipe.md 17.1 with B14).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.limits import MAX_BYTES

MAX_FOLDERS = 64
"""Folders inside each other; a catalogue needs four."""


class Layer(NamedTuple):
    """One data root: ``name`` of the plugin (or ``external:N``), its distribution and version, the folder."""

    name: str
    distribution: str
    version: str
    root: str
    overrides: tuple[str, ...] = ()

    @property
    def external(self) -> bool:
        """Tell whether a user gave this layer (``--data``)."""
        return not self.distribution

    @property
    def owner(self) -> str:
        """What an error message calls the layer."""
        return self.root if self.external else self.distribution


def walk(layer: Layer) -> list[str]:
    """Give the relative paths of all files of a layer, sorted inside each folder, depth first.

    Raises AicrError(NOT_FOUND or INVALID_REQUEST) for an external directory that is missing, is or holds a
    symbolic link, holds a file over the size limit, or is nested too deep; for a name that is not UTF-8.
    """
    root = layer.root
    if layer.external:
        _check_root(root)
    found: list[str] = []
    _scan(layer, root, "", found)
    return found


def _check_root(root: str) -> None:
    if not os.path.exists(root):
        raise AicrError(Code.NOT_FOUND, "no such data directory", where=root)
    if not os.path.isdir(root):
        raise AicrError(Code.INVALID_REQUEST, "the data directory is a file", where=root)
    if os.path.islink(root) and not root.endswith("/"):
        raise AicrError(
            Code.INVALID_REQUEST,
            "the data directory is a symbolic link",
            where=root,
            hint="give the real path",
        )


def _scan(layer: Layer, folder: str, prefix: str, found: list[str]) -> None:
    if prefix.count("/") > MAX_FOLDERS:
        message = f"folders are nested deeper than {MAX_FOLDERS} levels"
        raise AicrError(Code.INVALID_REQUEST, message, where=layer.root)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _fault(error, folder, "list") from None
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        path = prefix + entry.name
        if not _is_utf8(entry.name):
            raise AicrError(
                Code.INVALID_REQUEST,
                "the name of the file is not UTF-8",
                where=entry.path,
                hint="rename it",
            )
        if layer.external and entry.is_symlink():
            raise AicrError(
                Code.INVALID_REQUEST,
                "symbolic links are not read from a data directory",
                where=entry.path,
                hint="replace the link by the file",
            )
        if entry.is_dir():
            _scan(layer, entry.path, path + "/", found)
        elif entry.is_file():
            if layer.external and entry.stat().st_size > MAX_BYTES:
                raise AicrError(
                    Code.INVALID_REQUEST, "the file is over the limit of 10 MiB", where=entry.path
                )
            found.append(path)
        else:
            raise AicrError(Code.INVALID_REQUEST, "not a regular file", where=entry.path)


def _fault(error: OSError, path: str, doing: str) -> AicrError:
    from aicr_core.kit.paths import fault  # only on the way to an error message

    return fault(error, path, doing)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read(layer_root: str, path: str) -> bytes:
    """Read one file of a layer. Raises AicrError when it vanished, grew or became a link meanwhile."""
    full = os.path.join(layer_root, path)
    try:
        descriptor = os.open(full, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with open(descriptor, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _fault(error, full, "read") from None
    if len(data) > MAX_BYTES:
        raise AicrError(Code.INVALID_REQUEST, "the file is over the limit of 10 MiB", where=full)
    return data
