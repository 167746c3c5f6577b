"""Where a bundle goes: a folder, or a place that a publisher knows (``scheme://...``). Whole or not at all.

What can never work is refused before the work begins. What is in the bundle is decided elsewhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core._version import __version__
from aicr_core.engine import bundles
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.paths import atomic_write, tree_files, write_tree
from aicr_core.model.bundle import Artifact
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment

_HISTORY = (".git", ".hg", ".svn", ".jj")


class Folder:
    """A directory of the file system."""

    uri = ""

    def __init__(self, target: str, *, force: bool) -> None:
        self._target = target
        self._force = force

    def put(self, files: Sequence[bundles.File]) -> str:
        """Write the bundle in place; give the absolute path. Raises AicrError."""
        _put(self._target, list(files), force=self._force)
        return os.path.abspath(self._target)


class Published:
    """A place that a publisher pushes to."""

    def __init__(self, environment: Environment, request: BundleRequest) -> None:
        scheme = request.output.partition("://")[0]
        self._environment = environment
        self._options = {"plain_http": request.plain_http, "insecure_tls": request.insecure_tls}
        self._image_refs = request.image_refs
        self._publisher = environment.provider(
            "aicr_publishers", "scheme", "publisher", scheme, flag="--output"
        )
        self.uri = str(resolve(self._publisher.check)(request.output, __version__))

    def put(self, files: Sequence[bundles.File]) -> str:
        """Push the bundle; give its reference with digest, which is also written where the user wants it."""
        context = self._environment.context(self._options)
        artifacts = [Artifact(path=f.path, data=f.data, mode=f.mode) for f in files]
        facts = {"version": __version__, "title": "AICR Bundle"}
        reference = str(resolve(self._publisher.push)(context, self.uri, artifacts, facts))
        if self._image_refs:
            atomic_write(self._image_refs, f"{reference}\n".encode())
        return reference


def place(environment: Environment, request: BundleRequest) -> Folder | Published:
    """Give the place that ``--output`` names. Raises AicrError for one that can never work."""
    if "://" in request.output:
        return Published(environment, request)
    return Folder(request.output or ".", force=request.force)


def pull(environment: Environment, uri: str, options: dict[str, Any]) -> list[bundles.File]:
    """Bring a published bundle back, unverified. Raises AicrError."""
    scheme = uri.partition("://")[0]
    publisher = environment.provider("aicr_publishers", "scheme", "publisher", scheme, flag="URI")
    address = resolve(publisher.check)(uri, __version__)
    artifacts = resolve(publisher.pull)(environment.context(options), address)
    return [bundles.File(item.path, item.data, item.mode, scheme) for item in artifacts]


def _put(target: str, files: list[bundles.File], *, force: bool) -> None:
    """Replace an older bundle of ours; refuse any other folder that holds something (F11, B-18)."""
    if os.path.islink(target) and not os.path.isdir(target):
        raise AicrError(Code.INVALID_REQUEST, "the output is a dangling link", where=target)
    if os.path.exists(target) and not os.path.isdir(target):
        raise AicrError(
            Code.INVALID_REQUEST, "the output is a file", where=target, hint="give a directory"
        )
    keep: list[str] = []
    if os.path.isdir(target):
        everything = tree_files(target)
        # The folder may be a checkout: its history is no part of the bundle, and not ours to remove.
        keep = [path for path in everything if path.partition("/")[0] in _HISTORY]
        present = [path for path in everything if path not in set(keep)]
        ours = bundles.INVENTORY in present and _is_ours(target)
        if present and not ours and not force:
            raise AicrError(
                Code.INVALID_REQUEST,
                "the directory holds files that are no bundle of aicr",
                where=target,
                hint="give another directory, or --force to add the bundle to it",
            )
        if present and not ours:
            new = {file.path for file in files}
            keep += [path for path in present if path not in new]
    write_tree(target, [(file.path, file.data, file.mode) for file in files], keep)


def _is_ours(target: str) -> bool:
    import json

    try:
        with open(os.path.join(target, bundles.INVENTORY), encoding="utf-8") as stream:
            return bool(json.load(stream).get("kind") == "BundleInventory")
    except (OSError, ValueError, AttributeError):
        return False
