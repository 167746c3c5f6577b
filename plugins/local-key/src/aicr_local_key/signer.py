"""Sign statements with a key of the user's, and verify them: DSSE in a Sigstore bundle; no log, no network.

The same key and statement give the same bytes: Ed25519 is deterministic by itself, ECDSA is used as RFC 6979 says.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from aicr_core.api import AicrError, Code, Signing, Verified
from aicr_local_key.keys import fingerprint, read_private, read_public

if TYPE_CHECKING:
    from aicr_core.api import Context, Trust
    from aicr_local_key.keys import PrivateKey, PublicKey

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def open_key(ctx: Context) -> Signing:
    """Read the key of ``ctx.options["key"]``; give who it is and how to sign. Raises AicrError."""
    key = read_private(ctx.options["key"], ctx.settings.env)
    identity = fingerprint(key.public_key())

    def sign(payload: bytes, payload_type: str) -> bytes:
        signature = _sign(key, pae(payload, payload_type))
        return bundle(payload, payload_type, signature, identity)

    return Signing(identity=identity, sign=sign)


def verify(_ctx: Context, data: bytes, trust: Trust) -> Verified:
    """Give what was signed with the key that the user trusts. Raises AicrError (UNAUTHORIZED if it was not)."""
    hint, payload, payload_type, signature = _parts(data)
    if not trust.key:
        made = f" {hint}" if hint else ""
        raise _not(f"it is signed with the key{made}: give its public key with --key")
    key = read_public(trust.key)
    identity = fingerprint(key)
    try:
        _check(key, signature, pae(payload, payload_type))
    except InvalidSignature:
        other = f": it names the key {hint}" if hint and hint != identity else ""
        raise _not(f"the key {identity} has not signed it{other}") from None
    return Verified(payload=payload, payload_type=payload_type, identity=identity)


def pae(payload: bytes, payload_type: str) -> bytes:
    """Give the bytes that DSSE signs: type and payload, each with its length before it."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def bundle(payload: bytes, payload_type: str, signature: bytes, hint: str) -> bytes:
    """Give the Sigstore bundle of a signature, as JSON that depends on nothing else."""
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": payload_type,
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
        },
    }
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ECDSA(SHA256(), deterministic_signing=True))


def _check(key: PublicKey, signature: bytes, message: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    else:
        key.verify(signature, message, ECDSA(SHA256()))


def _parts(data: bytes) -> tuple[str, bytes, str, bytes]:
    """Give hint, payload, its type and the signature of a bundle with exactly one."""
    try:
        document: Any = json.loads(data)
        media_type = document["mediaType"]
        hint = document["verificationMaterial"]["publicKey"].get("hint", "")
        envelope = document["dsseEnvelope"]
        (signature,) = envelope["signatures"]
        parts = (
            hint, _bytes(envelope["payload"]), envelope["payloadType"], _bytes(signature["sig"]),
        )  # fmt: skip
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise _not("it is no Sigstore bundle with one signature of a statement") from None
    if not isinstance(media_type, str) or not media_type.startswith(
        "application/vnd.dev.sigstore.bundle"
    ):
        raise _not("it is a Sigstore bundle of an unknown kind")
    if not isinstance(parts[0], str) or not isinstance(parts[2], str):
        raise _not("it is a Sigstore bundle with a wrong type of field")
    return parts


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("no text")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _not(message: str) -> AicrError:
    return AicrError(Code.UNAUTHORIZED, message)
