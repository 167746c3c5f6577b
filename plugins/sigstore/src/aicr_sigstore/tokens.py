"""Find out who is signing: a token that is given, the CI's own, or a person in a browser; in this order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sigstore.oidc import IdentityError, IdentityToken, Issuer, detect_credential

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig

    from aicr_core.api import Context

VARIABLE = "AICR_IDENTITY_TOKEN"
"""An identity token; better than an argument, which everybody on the machine can read."""


def identity_token(ctx: Context, config: ClientTrustConfig) -> IdentityToken:
    """Give a token for the audience ``sigstore``. Raises AicrError, and what the library raises for services."""
    given = (ctx.options.get("identity_token") or ctx.settings.env.get(VARIABLE, "")).strip()
    try:
        raw = given or detect_credential()
        if raw:
            return IdentityToken(raw)
    except IdentityError as error:
        what = "the identity token" if given else "the identity that this CI gives"
        raise AicrError(
            Code.UNAUTHORIZED, f"{what} cannot be used: {str(error).splitlines()[0]}",
            hint="it is a JSON web token, in date, with the audience sigstore; in a GitHub workflow give the job"
            " the permission id-token: write",
        ) from None  # fmt: skip
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AicrError(
            Code.INVALID_REQUEST, "nobody is here to sign in with a browser",
            hint=f"give a token with --identity-token or ${VARIABLE}, or a key with --signing-key",
        )  # fmt: skip
    return Issuer(config.signing_config.get_oidc_url()).identity_token()
