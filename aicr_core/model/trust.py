"""What crosses between the core and signers: signatures, what a user trusts, what a signature turned out to say.

The file format is that of Sigstore (a "bundle" in JSON with a DSSE envelope inside), for keys and for certificates;
``material`` is the word in it that tells the two apart. Frozen; no behaviour.
"""

from __future__ import annotations

import attrs

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Type of the payload of every DSSE envelope that is written here: an in-toto statement."""


@attrs.frozen(kw_only=True)
class Signature:
    """What a signer made: the Sigstore bundle in JSON, and who signed (a key's fingerprint, a certificate's name)."""

    data: bytes
    identity: str


@attrs.frozen(kw_only=True)
class Trust:
    """What the user trusts. Empty fields say nothing: the signer's own default holds, or everything does.

    ``key`` is a public key (PEM), ``root`` a Sigstore trusted root (JSON). ``identity`` is a regular expression that
    the signer's identity has to match whole, ``issuer`` the exact issuer of its certificate.
    """

    key: bytes = b""
    root: bytes = b""
    identity: str = ""
    issuer: str = ""


@attrs.frozen(kw_only=True)
class Verified:
    """What a valid signature says: the signed bytes and their type, who signed, and who vouches for that name."""

    payload: bytes
    payload_type: str
    identity: str
    issuer: str = ""
