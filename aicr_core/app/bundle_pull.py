"""Use case ``bundle pull``: bring a published bundle back, hold it to its lists, write it whole. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app.bundle_place import Folder, pull
from aicr_core.app.bundle_tree import Memory
from aicr_core.engine.bundle_names import CHECKSUMS, INVENTORY
from aicr_core.engine.verify import integrity
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine import bundles


def pull_bundle(
    environment: Environment, uri: str, output: str, options: dict[str, Any], *, force: bool = False
) -> tuple[str, list[bundles.File]]:
    """Write the bundle at ``uri`` to the folder ``output``; give its absolute path and the files.

    Raises AicrError: UNAUTHORIZED for a bundle that is not what its lists say; nothing is written then.
    """
    if "://" not in uri:
        raise AicrError(
            Code.INVALID_REQUEST, "this is no URI of a published bundle", where=uri,
            hint="write oci://registry/repository:tag",
        )  # fmt: skip
    folder = Folder(output, force=force)
    folder.check()
    files = pull(environment, uri, options)
    _hold_to_lists(files, uri)
    return folder.put(files), files


def _hold_to_lists(files: Sequence[bundles.File], uri: str) -> None:
    tree = Memory(files)
    if CHECKSUMS not in tree.seen:
        raise AicrError(
            Code.INVALID_REQUEST, f"it holds no {CHECKSUMS}: no bundle of aicr", where=uri
        )
    found = integrity(tree.seen, tree.read(CHECKSUMS), tree.read(INVENTORY))
    if found.errors:
        more = f" (and {len(found.errors) - 1} more)" if len(found.errors) > 1 else ""
        raise AicrError(Code.UNAUTHORIZED, f"{found.errors[0]}{more}", where=uri)
