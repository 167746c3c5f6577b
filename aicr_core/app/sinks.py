"""Put a result where a person wants it: a file, or a store's URI. Standard output is the command line's.

Every sink gets the whole result or nothing. What cannot be written is kept in a temporary file, so that work of
minutes is never lost to a missing right (spec/snapshot.md 9.3, 14.10).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context


def store_for(environment: Environment, uri: str) -> tuple[str, Any]:
    """Give (plugin, store) of a URI's scheme. Raises AicrError(NOT_FOUND) with the package that has it."""
    scheme = uri.partition("://")[0]
    stores = environment.manager.named("aicr_stores", "scheme")
    if scheme not in stores:
        hints = environment.index.hints("store")
        raise environment.manager.missing("store for URIs of scheme", scheme, sorted(stores), hints)
    return stores[scheme]


def store_context(environment: Environment, kubeconfig: str, kind: str = "") -> Context:
    """Give what a store's ``read`` and ``write`` get: the time for one document, and the user's kubeconfig.

    ``kind`` is what is expected where more than one document may be.
    """
    from aicr_core.kit.run import Context

    options = {
        "kubeconfig": kubeconfig, "cluster": environment.known_cluster(kubeconfig), "kind": kind,
    }  # fmt: skip
    return Context(settings=environment.settings, timeout=limits.HTTP, options=options)


def check(environment: Environment, target: str) -> None:
    """Refuse a target that cannot work, before any work is done. Raises AicrError."""
    target = target.strip()
    if target in ("", "-"):
        return
    if "://" in target:
        if target.startswith(("http://", "https://")):
            raise AicrError(
                Code.INVALID_REQUEST, "a result cannot be written to a URL", where="--output",
                hint="give a file, - for standard output, or cm://namespace/name",
            )  # fmt: skip
        from aicr_core.plugins.manager import resolve

        _, store = store_for(environment, target)
        if store.check is not None:
            resolve(store.check)(target)
        return
    folder = os.path.dirname(os.path.realpath(target))
    if os.path.isdir(target):
        raise AicrError(
            Code.INVALID_REQUEST, "the output is a directory", where=target, hint="give a file"
        )
    if not os.path.isdir(folder):
        raise AicrError(
            Code.INVALID_REQUEST, f"the directory {folder} is not there", where="--output",
            hint="make it first",
        )  # fmt: skip
    if not os.access(target if os.path.exists(target) else folder, os.W_OK):
        raise AicrError(
            Code.UNAUTHORIZED, "cannot be written", where=target, hint="choose another place"
        )


def put(
    environment: Environment,
    target: str,
    text: str,
    fmt: str,
    *,
    notes: Mapping[str, str] | None = None,
    kubeconfig: str = "",
    kind: str = "snapshot",
) -> None:
    """Write ``text`` to a file or store, whole or not at all.

    Raises AicrError; it names the temporary file in which the result was kept.
    """
    data = text.encode("utf-8")
    try:
        if "://" in target:
            from aicr_core.plugins.manager import resolve
            from aicr_core.plugins.providers import StoredDocument

            _, store = store_for(environment, target)
            stored = StoredDocument(data=data, format=fmt, kind=kind, notes=notes or {})
            resolve(store.write)(store_context(environment, kubeconfig), target, stored)
        else:
            from aicr_core.kit.paths import atomic_write

            atomic_write(target, data)
    except AicrError as error:
        kept = _keep(data, fmt)
        if kept:
            error.hint = f"{error.hint}; " if error.hint else ""
            error.hint += f"the result was kept in {kept}"
        raise


def _keep(data: bytes, fmt: str) -> str:
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(prefix="aicr-", suffix=f".{fmt}", delete=False) as stream:
            stream.write(data)
    except OSError:
        return ""
    return stream.name
