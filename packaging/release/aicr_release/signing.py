"""DSSE: sign a statement with a private key, check it with the public one. Ed25519 and ECDSA, PEM files.

Both are deterministic here (ECDSA by RFC 6979), so a signed release is reproducible by who has the key.
``cryptography`` is imported when a key is used and not before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from .failure import Kind, ReleaseError
from .layout import ENVELOPE

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD = "application/vnd.in-toto+json"


def encoded(payload: bytes) -> bytes:
    """Give the bytes that are signed: DSSE's pre-authentication encoding of a statement."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


class Signer:
    """A private key that signs statements; ReleaseError when it cannot be read or is of another kind."""

    def __init__(self, pem: bytes, password: bytes | None = None) -> None:
        serialization = _cryptography()
        try:
            self._key: Any = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError) as error:
            raise _unusable(f"the private key cannot be read: {error}") from None
        public = self._key.public_key()
        self._arguments = _arguments(public, deterministic=True)
        self._id = key_id(public)
        self.public: bytes = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        """The public key, PEM."""

    def sign(self, payload: bytes) -> str:
        """Give the signed envelope of a statement as JSON text."""
        signature = self._key.sign(encoded(payload), *self._arguments)
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD,
            "signatures": [{"keyid": self._id, "sig": base64.b64encode(signature).decode()}],
        }
        return json.dumps(envelope, indent=2) + "\n"


def key_id(key: Any) -> str:
    """Name a public key: SHA-256 of its DER form."""
    serialization = _cryptography()
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def verify(envelope: str, payload: bytes, pem: bytes) -> str:
    """Check that ``envelope`` holds ``payload`` signed by the public key; give the key's id.

    ReleaseError, kind UNAUTHORIZED: another key, another payload; INVALID: no envelope, no public key.
    """
    serialization = _cryptography()
    from cryptography.exceptions import InvalidSignature

    try:
        key: Any = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        private = b"PRIVATE KEY" in pem
        raise _unusable(
            "that is a private key, a public one is needed"
            if private
            else f"no public key: {error}"
        ) from None
    arguments = _arguments(key)
    for signature in _signatures(envelope, payload):
        try:
            key.verify(signature, encoded(payload), *arguments)
        except InvalidSignature:
            continue
        return key_id(key)
    raise ReleaseError(
        Kind.UNAUTHORIZED, f"not signed by this key (sha256:{key_id(key)[:16]})", where=ENVELOPE,
        hint="take the public key from a place you trust, not from beside the release",
    )  # fmt: skip


def _signatures(envelope: str, payload: bytes) -> list[bytes]:
    try:
        read = json.loads(envelope)
        kind, held = read["payloadType"], base64.b64decode(read["payload"], validate=True)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in read["signatures"]]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise ReleaseError(Kind.INVALID, "is no DSSE envelope", where=ENVELOPE) from None
    if kind != PAYLOAD or held != payload:
        raise ReleaseError(
            Kind.UNAUTHORIZED, "what is signed is not provenance.json", where=ENVELOPE
        )
    return signatures


def _arguments(key: Any, *, deterministic: bool = False) -> tuple[Any, ...]:
    """Give what the key's algorithm wants besides key and bytes; ReleaseError for other algorithms."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PublicKey):
        return ()
    algorithms: dict[str, Callable[[], hashes.HashAlgorithm]] = {
        "secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384, "secp521r1": hashes.SHA512,
    }  # fmt: skip
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in algorithms:
        algorithm = algorithms[key.curve.name]()
        if deterministic:
            return (ec.ECDSA(algorithm, deterministic_signing=True),)
        return (ec.ECDSA(algorithm),)
    raise _unusable("unsupported; use a key of Ed25519 or ECDSA (P-256, P-384, P-521)")


def _unusable(message: str) -> ReleaseError:
    return ReleaseError(Kind.INVALID, message, where="key")


def _cryptography() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise ReleaseError(
            Kind.TOOL, "checking a signature needs the package cryptography",
            hint="pip install cryptography, or leave --key out to check everything else",
        ) from None  # fmt: skip
    return serialization
