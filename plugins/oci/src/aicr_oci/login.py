"""Answer a registry that asks who we are: Basic, or the token flow of the distribution project's registries.

``WWW-Authenticate: Bearer realm=...`` names a server that trades user and password (or an identity token) for a token
that is good for one repository; without credentials it may give one for what is public. A token is asked for only where
its server is reached as safely as the registry itself, and a token is never sent anywhere but to the registry.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from aicr_core.api import AicrError, Code
from aicr_oci import credentials
from aicr_oci.faults import login_hint, refused

if TYPE_CHECKING:
    from aicr_core.api import Context
    from aicr_oci.credentials import Credentials
    from aicr_oci.exchange import Answer
    from aicr_oci.reference import Reference
    from aicr_oci.transport import Transport

_TOKEN_LIMIT = 1024 * 1024
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PIECE = re.compile(
    rf'[\s,]*(?:({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|({_WORD})(?=\s|,|$))'
)
_SENDABLE = re.compile(r"[\x21-\x7e]+")
"""What may stand in a header; anything else would be quoted in the error that http.client raises."""


class Challenge(NamedTuple):
    """One way to log in that a server offers: its scheme in lower case and its parameters."""

    scheme: str
    parameters: dict[str, str]


class Login:
    """Holds what the registry has to be told about us: nothing, until it asks."""

    def __init__(
        self, ctx: Context, transport: Transport, reference: Reference, *, push: bool
    ) -> None:
        self._ctx = ctx
        self._transport = transport
        self._reference = reference
        self._push = push
        self._looked = False
        self._known: Credentials | None = None
        self.header = ""
        self.secrets: set[str] = set()

    def answer(self, asked: Answer) -> None:
        """Make ``header`` what the registry asks for in a 401. Raises AicrError(UNAUTHORIZED) when that cannot be."""
        offers = {
            c.scheme: c.parameters for c in challenges(asked.headers.get_all("WWW-Authenticate"))
        }
        before = self.header
        if "bearer" in offers:
            self._bear(offers["bearer"])
        elif "basic" in offers:
            found = self._credentials()
            if found is not None and found.username:
                self.header = f"Basic {found.basic}"
        if not self.header or (self.header == before and self.header.startswith("Basic ")):
            raise refused(asked, self._doing(), self._reference, self.secrets)

    def _doing(self) -> str:
        with_login = "with the credentials for it" if self._known else "without credentials"
        return f"{'push' if self._push else 'pull'} {with_login}"

    def _credentials(self) -> Credentials | None:
        if not self._looked:
            self._known = credentials.find(self._ctx, self._reference.host)
            self._looked = True
            if self._known is not None:
                self.secrets |= self._known.secrets()
        return self._known

    def _bear(self, offer: dict[str, str]) -> None:
        found = self._credentials()
        token = found.registry_token if found is not None else ""
        token = token or self._trade(offer, found)
        if not _SENDABLE.fullmatch(token):
            raise self._strange("the token server gave no usable token")
        self.secrets.add(token)
        self.header = f"Bearer {token}"

    def _trade(self, offer: dict[str, str], found: Credentials | None) -> str:
        realm = offer.get("realm", "")
        self._check_realm(realm)
        fields = {"service": offer.get("service", ""), "scope": self._scope(offer)}
        fields = {name: value for name, value in fields.items() if value}
        headers = {"Accept": "application/json"}
        if found is not None and found.identity_token:
            fields |= {"grant_type": "refresh_token", "client_id": "aicr"}
            body = urlencode({**fields, "refresh_token": found.identity_token}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            answer = self._transport.send("POST", realm, headers, body=body, limit=_TOKEN_LIMIT)
        else:
            if found is not None and found.username:
                headers["Authorization"] = f"Basic {found.basic}"
            joint = "&" if "?" in realm else "?"
            answer = self._transport.send(
                "GET", f"{realm}{joint}{urlencode(fields)}", headers, limit=_TOKEN_LIMIT
            )
        if answer.status != 200:
            raise refused(answer, f"get a token to {self._doing()}", self._reference, self.secrets)
        try:
            document = json.loads(answer.data)
            token = document.get("token") or document.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str):
            raise self._strange("the token server gave no token")
        return token

    def _scope(self, offer: dict[str, str]) -> str:
        """Give the scope to ask for: what the registry says, with the right to push where that will be needed."""
        scope = offer.get("scope", "")
        own = f"repository:{self._reference.repository}:"
        if self._push and (not scope or scope.startswith(own)):
            return f"{own}pull,push"
        return scope

    def _check_realm(self, realm: str) -> None:
        try:
            parts = urlsplit(realm)
            sound = parts.scheme in ("https", self._transport.scheme) and bool(parts.hostname)
        except ValueError:
            sound = False
        if not sound:
            raise self._strange("the registry sends us for a token to a place that is not safe")

    def _strange(self, message: str) -> AicrError:
        return AicrError(
            Code.UNAUTHORIZED, message, where=self._reference.uri, hint=login_hint(self._reference)
        )


def challenges(headers: list[str] | None) -> list[Challenge]:
    """Read WWW-Authenticate headers; a header may hold several challenges. What cannot be read ends its header."""
    found: list[Challenge] = []
    for text in headers or ():
        position, current = 0, None
        while piece := _PIECE.match(text, position):
            position = piece.end()
            key, quoted, plain, scheme = piece.groups()
            if scheme:
                current = Challenge(scheme.lower(), {})
                found.append(current)
            elif current is not None:
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                current.parameters.setdefault(key.lower(), value)
    return found
