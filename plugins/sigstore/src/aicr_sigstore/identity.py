"""Who a certificate is for: its one name and its issuer, and the policy that holds them to what a user trusts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography import x509
from sigstore.errors import VerificationError

if TYPE_CHECKING:
    from aicr_core.api import Trust

_ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_USER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_UTF8 = 0x0C


def name_of(certificate: x509.Certificate) -> str:
    """Give the one name of a certificate. Raises VerificationError for none, several, or one of another kind."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise VerificationError("the certificate has no name") from None
    found = []
    for name in names:
        if isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier)):
            found.append(name.value)
        elif isinstance(name, x509.OtherName) and name.type_id == _USER_NAME:
            found.append(_utf8(name.value))
    if len(found) != 1 or len(list(names)) != 1 or not found[0]:
        raise VerificationError("the certificate does not have exactly one name that we know")
    return found[0]


def issuer_of(certificate: x509.Certificate) -> str:
    """Give who vouches for the name, empty if the certificate does not say."""
    for oid in (_ISSUER_V2, _ISSUER):
        try:
            extension = certificate.extensions.get_extension_for_oid(oid).value
        except x509.ExtensionNotFound:
            continue
        data = extension.public_bytes()
        return _utf8(data) if oid == _ISSUER_V2 else data.decode("utf-8", "replace")
    return ""


class Policy:
    """Holds a certificate to what is trusted; a pattern has to match the whole name. Remembers who it was."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self.name = ""
        self.issuer = ""

    def verify(self, cert: x509.Certificate) -> None:
        """Raise VerificationError unless name and issuer are as trusted."""
        trust = self._trust
        self.name = name_of(cert)
        self.issuer = issuer_of(cert)
        if trust.issuer and self.issuer != trust.issuer:
            raise VerificationError(f"{self.issuer or 'nobody'} vouches for it, not {trust.issuer}")
        if not self.name.startswith(trust.prefix):
            raise VerificationError(
                f"it is signed by {self.name}, which is not below {trust.prefix}"
            )
        if trust.identity and re.fullmatch(trust.identity, self.name) is None:
            raise VerificationError(
                f"it is signed by {self.name}, which {trust.identity} does not match as a whole"
            )


def _utf8(data: bytes) -> str:
    """Read a UTF8String in DER."""
    if len(data) < 2 or data[0] != _UTF8:
        raise VerificationError("a name in the certificate is no text")
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    if len(data) != start + size:
        raise VerificationError("a name in the certificate is cut off")
    return data[start:].decode("utf-8", "replace")
