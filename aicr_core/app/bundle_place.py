"""Where a bundle goes: a folder, or a place that a publisher knows (``scheme://...``). Whole or not at all.

What can never work is refused before the work begins. What is in the bundle is decided elsewhere.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

from aicr_core._version import __version__
from aicr_core.engine import bundles
from aicr_core.engine.bundle_names import HISTORY, INVENTORY, UNLISTED
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.paths import atomic_write, tree_files, write_tree
from aicr_core.model.bundle import Artifact
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context
    from aicr_core.plugins.providers import Publisher


class Folder:
    """A directory of the file system."""

    uri = ""

    def __init__(self, target: str, *, force: bool) -> None:
        self._target = target
        self._force = force

    def check(self) -> None:
        """Raise AicrError for a folder that no bundle may be written to."""
        _present(self._target, force=self._force)

    def put(self, files: Sequence[bundles.File]) -> str:
        """Write the bundle in place; give the absolute path. Raises AicrError."""
        _put(self._target, list(files), force=self._force)
        return os.path.abspath(self._target)

    def local(self, where: str) -> tuple[list[str], str]:
        """Give the steps that bring the bundle to a person's disk, none here, and the folder it is then in."""
        return [], where


class Published:
    """A place that a publisher pushes to."""

    def __init__(self, environment: Environment, request: BundleRequest) -> None:
        self._environment = environment
        self._options = {"plain_http": request.plain_http, "insecure_tls": request.insecure_tls}
        self._image_refs = request.image_refs
        self._plugin, self._publisher = _publisher(environment, request.output, "--output")
        self.uri = str(resolve(self._publisher.check)(request.output, __version__))
        folder = os.path.dirname(self._image_refs) or "."
        if self._image_refs and not os.path.isdir(folder):
            # Known before the push: afterwards it would be an error about something that has happened.
            raise AicrError(
                Code.NOT_FOUND, "there is no such folder", where=f"--image-refs {folder}"
            )

    def put(self, files: Sequence[bundles.File]) -> str:
        """Push the bundle; give its reference with digest, which is also written where the user wants it."""
        artifacts = [Artifact(path=f.path, data=f.data, mode=f.mode) for f in files]
        facts = {"version": __version__, "title": "AICR Bundle"}
        push = resolve(self._publisher.push)
        reference = str(
            _bounded(
                self._environment, self._plugin, self._publisher, self._options, "push",
                lambda context: push(context, self.uri, artifacts, facts),
            )
        )  # fmt: skip
        if self._image_refs:
            atomic_write(self._image_refs, f"{reference}\n".encode())
        return reference

    def local(self, where: str) -> tuple[list[str], str]:
        """Give the steps that bring the bundle to a person's disk, and the folder it is then in."""
        scheme = self.uri.partition("://")[0]
        uri = where if "://" in where else f"{scheme}://{where}"
        flags = [f" --{name.replace('_', '-')}" for name, on in self._options.items() if on]
        return [f"aicr bundle pull {shlex.quote(uri)} -o bundle{''.join(flags)}"], "bundle"


def place(environment: Environment, request: BundleRequest) -> Folder | Published:
    """Give the place that ``--output`` names. Raises AicrError for one that can never work."""
    if "://" in request.output:
        return Published(environment, request)
    if request.output == "-":
        raise AicrError(
            Code.INVALID_REQUEST, "a bundle is a directory, it cannot go to standard output",
            where="--output", hint="name a directory",
        )  # fmt: skip
    return Folder(request.output or ".", force=request.force)


def pull(environment: Environment, uri: str, options: dict[str, Any]) -> list[bundles.File]:
    """Bring a published bundle back, unverified. Raises AicrError."""
    plugin, publisher = _publisher(environment, uri, "URI")
    address = resolve(publisher.check)(uri, "")
    call = resolve(publisher.pull)
    artifacts = _bounded(
        environment, plugin, publisher, options, "pull", lambda context: call(context, address)
    )
    return [bundles.File(item.path, item.data, item.mode, plugin) for item in artifacts]


def _publisher(environment: Environment, uri: str, flag: str) -> tuple[str, Publisher]:
    scheme = uri.partition("://")[0]
    return environment.provider_of("aicr_publishers", "scheme", "publisher", scheme, flag=flag)


def _bounded(
    environment: Environment,
    plugin: str,
    publisher: Publisher,
    options: dict[str, Any],
    doing: str,
    call: Callable[[Context], Any],
) -> Any:
    """Call a publisher in a thread of its own: a server that never ends an answer does not hold the command."""
    from aicr_core.kit.run import Runner, Task

    runner = Runner(1, settings=environment.settings, options=options)
    (outcome,) = runner.run([Task(f"the {doing}", plugin, call, publisher.timeout)])
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def _put(target: str, files: list[bundles.File], *, force: bool) -> None:
    """Replace an older bundle of ours; with ``force`` add to what else is there."""
    keep, others = _present(target, force=force)
    if others:
        new = {file.path for file in files}
        keep += [path for path in others if path not in new]
    write_tree(target, [(file.path, file.data, file.mode) for file in files], keep)


def _present(target: str, *, force: bool) -> tuple[list[str], list[str]]:
    """Give the history of a folder, and its other files that are not of a bundle of ours.

    Raises AicrError for a folder that no bundle may be written to (F11, B-18).
    """
    if os.path.islink(target) and not os.path.isdir(target):
        raise AicrError(Code.INVALID_REQUEST, "the output is a dangling link", where=target)
    if os.path.exists(target) and not os.path.isdir(target):
        raise AicrError(
            Code.INVALID_REQUEST, "the output is a file", where=target, hint="give a directory"
        )
    everything = tree_files(target) if os.path.isdir(target) else []
    # The folder may be a checkout: its history is no part of the bundle, and not ours to remove.
    history = [path for path in everything if path.partition("/")[0] in HISTORY]
    others = [path for path in everything if path not in set(history)]
    ours = _listed(target) if INVENTORY in others else None
    if ours is not None:
        others = [path for path in others if path not in ours]
    if others and not force:
        raise AicrError(
            Code.INVALID_REQUEST,
            "the directory holds files that are no bundle of aicr"
            if ours is None
            else f"beside the bundle lie files that are none of its own: {_few(others)}",
            where=target,
            hint="give another directory, or --force to add the bundle to it",
        )
    return history, others


def _listed(target: str) -> frozenset[str] | None:
    """Give the files of the bundle in ``target`` by its inventory; None if that is none of ours."""
    import json

    try:
        with open(os.path.join(target, INVENTORY), encoding="utf-8") as stream:
            inventory = json.load(stream)
        if inventory.get("kind") != "BundleInventory":
            return None
        return frozenset([INVENTORY, *UNLISTED, *(item["path"] for item in inventory["files"])])
    except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return None


def _few(paths: Sequence[str]) -> str:
    from aicr_core.engine.verify import shown

    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(shown(path) for path in paths[:3]) + more
