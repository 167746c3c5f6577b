"""Use case ``bundle pull``: bring a published bundle back, hold it to its checksums, write it whole. Prints nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aicr_core.app.bundle_place import Folder, pull
from aicr_core.engine import bundles
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment


def pull_bundle(
    environment: Environment, uri: str, output: str, options: dict[str, Any], *, force: bool = False
) -> tuple[str, list[bundles.File]]:
    """Write the bundle at ``uri`` to the folder ``output``; give its absolute path and the files.

    Raises AicrError: UNAUTHORIZED for a bundle that is not what its checksums say; nothing is written then.
    """
    if "://" not in uri:
        raise AicrError(
            Code.INVALID_REQUEST, "this is no URI of a published bundle", where=uri,
            hint="write oci://registry/repository:tag",
        )  # fmt: skip
    files = pull(environment, uri, options)
    _hold_to_checksums(files, uri)
    return Folder(output, force=force).put(files), files


def _hold_to_checksums(files: Sequence[bundles.File], uri: str) -> None:
    listing = next((file.data for file in files if file.path == bundles.CHECKSUMS), None)
    if listing is None:
        raise AicrError(
            Code.INVALID_REQUEST, f"it holds no {bundles.CHECKSUMS}: no bundle of aicr", where=uri
        )
    want = {}
    for line in listing.decode("utf-8", "replace").splitlines():
        digest, _, path = line.partition("  ")
        want[path] = digest
    for file in files:
        if file.path != bundles.CHECKSUMS and not file.path.startswith("attestation/"):
            digest = hashlib.sha256(file.data).hexdigest()
            if want.pop(file.path, None) != digest:
                raise AicrError(
                    Code.UNAUTHORIZED,
                    f"{file.path} is not what {bundles.CHECKSUMS} says",
                    where=uri,
                )
    if want:
        raise AicrError(Code.UNAUTHORIZED, f"{min(want)} is missing", where=uri)
