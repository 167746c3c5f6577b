"""Sign statements with a key of the user's, and verify them; no log, no network.

The same key and statement give the same bytes: Ed25519 is deterministic by itself, ECDSA is used as RFC 6979 says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from aicr_core.api import (
    AicrError,
    Code,
    KeyBundle,
    Signing,
    Verified,
    dsse_message,
    read_key_bundle,
    write_key_bundle,
)
from aicr_local_key.keys import fingerprint, read_private, read_public

if TYPE_CHECKING:
    from aicr_core.api import Context, Trust
    from aicr_local_key.keys import PrivateKey, PublicKey


def open_key(ctx: Context) -> Signing:
    """Read the key of ``ctx.options["key"]``; give who it is and how to sign. Raises AicrError."""
    key = read_private(ctx.options["key"], ctx.settings.env)
    identity = fingerprint(key.public_key())

    def sign(payload: bytes, payload_type: str) -> bytes:
        signature = _sign(key, dsse_message(payload, payload_type))
        return write_key_bundle(KeyBundle(payload, payload_type, signature, identity))

    return Signing(identity=identity, sign=sign)


def verify(_ctx: Context, data: bytes, trust: Trust) -> Verified:
    """Give what was signed with the key that the user trusts. Raises AicrError (UNAUTHORIZED if it was not)."""
    found = read_key_bundle(data)
    if not trust.key:
        made = f" {found.hint}" if found.hint else ""
        raise _not(f"it is signed with the key{made}: give its public key with --key")
    key = read_public(trust.key)
    identity = fingerprint(key)
    try:
        _check(key, found.signature, dsse_message(found.payload, found.payload_type))
    except InvalidSignature:
        other = found.hint and found.hint != identity
        more = f": it names the key {found.hint}" if other else ""
        raise _not(f"the key {identity} has not signed it{more}") from None
    return Verified(payload=found.payload, payload_type=found.payload_type, identity=identity)


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ECDSA(SHA256(), deterministic_signing=True))


def _check(key: PublicKey, signature: bytes, message: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    else:
        key.verify(signature, message, ECDSA(SHA256()))


def _not(message: str) -> AicrError:
    return AicrError(Code.UNAUTHORIZED, message)
