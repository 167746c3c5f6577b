"""Trusted roots: whose certificates and logs count. Nothing is fetched here; ``aicr trust update`` does that.

A root comes from the user (``--trust-root``), else from the file that ``aicr trust update`` wrote, else from the
sigstore package, which ships the public instance's (B-32: verifying never needs a network, not even once).
"""

from __future__ import annotations

import json
import os
from importlib import resources
from typing import TYPE_CHECKING, Any

from sigstore.models import TrustedRoot
from sigstore_models.trustroot.v1 import TrustedRoot as Model

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.api import Settings

FILE = "trusted_root.json"
_PUBLIC = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
"""The public instance's folder in the package's store."""


def trusted_root(given: bytes, settings: Settings) -> TrustedRoot:
    """Give the root that counts; ``given`` is the user's own, or empty. Raises AicrError(INVALID_REQUEST)."""
    if given:
        return parse(given, "--trust-root")
    path = updated_path(settings)
    try:
        with open(path, "rb") as stream:
            return parse(stream.read(), path)
    except FileNotFoundError:
        return shipped()
    except OSError as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"cannot read the trusted root: {error.strerror or error}",
            where=path,
        ) from None  # fmt: skip


def shipped() -> TrustedRoot:
    """Give the public instance's root that came with the sigstore package."""
    store = resources.files("sigstore._store") / _PUBLIC / FILE
    return TrustedRoot(Model.from_json(store.read_bytes()))


def updated_path(settings: Settings) -> str:
    """Where ``aicr trust update`` writes, unless told otherwise."""
    return os.path.join(settings.config_dir, FILE)


def parse(data: bytes, where: str) -> TrustedRoot:
    """Read a root, or the one inside a client's trust configuration. Raises AicrError(INVALID_REQUEST)."""
    try:
        document: Any = json.loads(data)
        inner = document.get("trustedRoot", document)
        root = TrustedRoot(Model.from_json(json.dumps(inner)))
        # What these give is needed for every signature: a root without it is none.
        root.get_fulcio_certs()
    except Exception:
        # The library's own errors name classes of its schema, and there are many.
        raise AicrError(
            Code.INVALID_REQUEST, "this is no trusted root of Sigstore", where=where,
            hint="it is JSON of the type application/vnd.dev.sigstore.trustedroot+json",
        ) from None  # fmt: skip
    return root
