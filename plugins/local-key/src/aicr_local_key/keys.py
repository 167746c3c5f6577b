"""Read and make keys: Ed25519 and ECDSA P-256 in PEM. What is no such key is refused with the reason, in one line."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSWORD = "AICR_SIGNING_KEY_PASSWORD"  # noqa: S105
"""Environment variable with the password of an encrypted key: an argument would be seen by everybody on the machine."""
KINDS = ("ed25519", "ecdsa-p256")
_LIMIT = 64 * 1024
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----")
_PRIVATE = (
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "DSA PRIVATE KEY",
)

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey


def read_private(path: str, env: Mapping[str, str]) -> PrivateKey:
    """Read a private key file; its password, if it needs one, is in ``env``. Raises AicrError."""
    data = _file(path)
    labels = _labels(data)
    # Parameters of the curve, or a certificate, may stand beside the key.
    if labels and not set(labels) & set(_PRIVATE):
        raise _no_private(labels[0], path)
    password = env.get(PASSWORD, "")
    key: object
    try:
        key = serialization.load_pem_private_key(data, password.encode("utf-8") or None)
    except TypeError:
        # The library's way to say that a password is missing, or that one is given for a plain key.
        if password:
            key = _plain(data, path)
        else:
            raise _refused(
                "the key is encrypted", path, f"put its password into ${PASSWORD}"
            ) from None
    except (ValueError, UnsupportedAlgorithm):
        if password and b"ENCRYPTED" in data:
            raise _refused(f"the password in ${PASSWORD} does not open it", path, "") from None
        raise _refused("this is no private key in PEM", path, _MAKE) from None
    if isinstance(key, Ed25519PrivateKey) or _is_p256(key):
        return key  # type: ignore[return-value]
    raise _refused(f"{_named(key)} is not supported, only Ed25519 and ECDSA P-256", path, _MAKE)


def read_public(data: bytes) -> PublicKey:
    """Read a public key in PEM. Raises AicrError(INVALID_REQUEST)."""
    labels = _labels(data)
    if len(labels) > 1:
        raise _refused(
            "there is more than one key", "--key", "give the one public key that has to have signed"
        )
    label = next(iter(labels), "")
    if label == "CERTIFICATE" or "PRIVATE KEY" in label:
        what = "a certificate" if label == "CERTIFICATE" else "a private key"
        raise _refused(
            f"this is {what}, not a public key", "--key", "give the public key of the signer"
        )
    key: object
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("this is no public key in PEM", "--key", "") from None
    if isinstance(key, Ed25519PublicKey) or _is_p256(key):
        return key  # type: ignore[return-value]
    raise _refused(f"{_named(key)} is not supported, only Ed25519 and ECDSA P-256", "--key", "")


def fingerprint(key: PublicKey) -> str:
    """Give the identity of a key: ``sha256:`` and the digest of its DER form (SubjectPublicKeyInfo)."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def generate(kind: str, password: str) -> tuple[bytes, bytes, str]:
    """Make a key; give its private and public part in PEM, and its fingerprint. With a password it is encrypted."""
    key: PrivateKey = (
        Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(SECP256R1())
    )
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password.encode("utf-8"))
        if password
        else serialization.NoEncryption()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = key.public_key()
    text = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, text, fingerprint(public)


_MAKE = "make one: aicr key generate -o key.pem"


def _refused(message: str, where: str, hint: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, message, where=where, hint=hint or None)


def _plain(data: bytes, path: str) -> object:
    try:
        return serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _refused("this is no private key in PEM", path, _MAKE) from None


def _file(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            data = stream.read(_LIMIT + 1)
    except FileNotFoundError:
        raise AicrError(Code.NOT_FOUND, "there is no such key", where=path, hint=_MAKE) from None
    except OSError as error:
        raise AicrError(
            Code.UNAUTHORIZED if isinstance(error, PermissionError) else Code.INVALID_REQUEST,
            f"cannot read the key: {error.strerror or error}", where=path,
        ) from None  # fmt: skip
    if len(data) > _LIMIT:
        raise _refused("this is too large for a key", path, "")
    return data


def _labels(data: bytes) -> list[str]:
    """Give the labels of the PEM blocks, in order."""
    return [label.decode("ascii") for label in _BEGIN.findall(data)]


def _no_private(label: str, path: str) -> AicrError:
    if label == "CERTIFICATE" or label.endswith("PUBLIC KEY"):
        what = "a certificate" if label == "CERTIFICATE" else "a public key"
        return _refused(
            f"this is {what}, not a private key", path, "give the private key to sign with"
        )
    return _refused(f'a "{label}" is no key in a form that is known here', path, _MAKE)


def _is_p256(key: object) -> bool:
    curve = getattr(key, "curve", None)
    return isinstance(curve, SECP256R1)


def _named(key: object) -> str:
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"ECDSA {curve.name}"
    name = type(key).__name__.lstrip("_")
    for ending in ("PrivateKey", "PublicKey"):
        name = name.removesuffix(ending)
    return name
