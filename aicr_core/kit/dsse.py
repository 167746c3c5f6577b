"""The form of a signature with a key: a DSSE envelope in a Sigstore bundle, as JSON. No cryptography is in here.

Sources: the DSSE specification (what is signed is type and payload, each with its length) and the Sigstore bundle
format v0.3 (``verificationMaterial.publicKey.hint`` names the key). Every signer with keys writes the same form, so one
verifier reads them all.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code

LONGEST_HINT = 256
"""A hint is repeated in messages, and nobody vouches for it."""
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle"


class KeyBundle(NamedTuple):
    """What a bundle holds: nothing of it is proven until the signature is verified, and ``hint`` never is."""

    payload: bytes
    payload_type: str
    signature: bytes
    hint: str


def dsse_message(payload: bytes, payload_type: str) -> bytes:
    """Give the bytes that are signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def write_key_bundle(bundle: KeyBundle) -> bytes:
    """Give a bundle as JSON that depends on nothing else."""
    document = {
        "mediaType": f"{_MEDIA_TYPE}.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": bundle.hint}},
        "dsseEnvelope": {
            "payload": base64.b64encode(bundle.payload).decode("ascii"),
            "payloadType": bundle.payload_type,
            "signatures": [{"sig": base64.b64encode(bundle.signature).decode("ascii")}],
        },
    }
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"


def read_key_bundle(data: bytes) -> KeyBundle:
    """Read a bundle with exactly one signature. Raises AicrError(UNAUTHORIZED) for anything else."""
    try:
        document: Any = json.loads(data, object_pairs_hook=_once)
        media_type = document["mediaType"]
        hint = document["verificationMaterial"]["publicKey"].get("hint", "")
        envelope = document["dsseEnvelope"]
        (signature,) = envelope["signatures"]
        found = KeyBundle(
            _bytes(envelope["payload"]), envelope["payloadType"], _bytes(signature["sig"]), hint
        )
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise _not("it is no Sigstore bundle with one signature of a statement") from None
    if not isinstance(media_type, str) or not media_type.startswith(_MEDIA_TYPE):
        raise _not("it is a Sigstore bundle of an unknown kind")
    if not isinstance(found.hint, str) or len(found.hint) > LONGEST_HINT:
        raise _not("it is a Sigstore bundle whose key has no name that can be")
    if not isinstance(found.payload_type, str):
        raise _not("it is a Sigstore bundle with a field of a wrong type")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Take no key twice: which of the two counts, other verifiers may decide otherwise."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("no text")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _not(message: str) -> AicrError:
    return AicrError(Code.UNAUTHORIZED, message)
