"""What crosses between the core and signers: who is about to sign, what a user trusts, what a signature says.

The file format is that of Sigstore (a "bundle" in JSON with a DSSE envelope inside), for keys and for certificates;
``material`` is the word in it that tells the two apart. Frozen; no behaviour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Type of the payload of every DSSE envelope that is written here: an in-toto statement."""


@attrs.frozen(kw_only=True)
class Signing:
    """A signer that is ready: who signs is known before anything is signed, because the statement names it (B-30).

    ``identity`` is a key's fingerprint or a certificate's name. ``sign(payload, payload_type)`` gives the Sigstore
    bundle in JSON.
    """

    identity: str
    sign: Callable[[bytes, str], bytes]


@attrs.frozen(kw_only=True)
class Trust:
    """What the user trusts. Empty fields say nothing: the signer's own default holds, or everything does.

    ``key`` is a public key (PEM), ``root`` a Sigstore trusted root (JSON). ``identity`` is a regular expression that
    the signer's identity has to match whole, ``prefix`` what it literally has to begin with, ``issuer`` the exact
    issuer of its certificate.
    """

    key: bytes = b""
    root: bytes = b""
    identity: str = ""
    prefix: str = ""
    issuer: str = ""


@attrs.frozen(kw_only=True)
class Verified:
    """What a valid signature says: the signed bytes and their type, who signed, and who vouches for that name."""

    payload: bytes
    payload_type: str
    identity: str
    issuer: str = ""
