"""Sign without a key of one's own: a certificate for who one is, a key for one signature, an entry in a log.

The certificate is there before anything is signed, so the statement can name who signs. What was signed is verified
here before it is handed out: a signature that nobody will accept is an error now, not at the other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sigstore._internal.fulcio.client import FulcioClientError
from sigstore._internal.rekor import RekorClientError
from sigstore.dsse import Statement
from sigstore.errors import Error, NetworkError, TUFError
from sigstore.models import ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IssuerError
from sigstore.sign import Signer, SigningContext

from aicr_core.api import PAYLOAD_TYPE, AicrError, Code, Signing, Trust
from aicr_sigstore.identity import name_of
from aicr_sigstore.tokens import identity_token
from aicr_sigstore.verifier import check

if TYPE_CHECKING:
    from aicr_core.api import Context


def open_certificate(ctx: Context) -> Signing:
    """Find out who signs and get the certificate for it. Raises AicrError: UNAUTHORIZED, SERVICE_UNAVAILABLE, ..."""
    config = _config(ctx.options.get("signing_config") or "")
    try:
        token = identity_token(ctx, config)
        signer = Signer(token, SigningContext.from_trust_config(config))
        # With its cache (the default) this is the certificate that the signature will carry.
        identity = name_of(signer._signing_cert())
    except AicrError:
        raise
    except Exception as error:
        raise failure(error, "get a certificate") from error

    def sign(payload: bytes, payload_type: str) -> bytes:
        if payload_type != PAYLOAD_TYPE:
            raise AicrError(Code.INTERNAL, f"statements alone are signed, not {payload_type}")
        try:
            data = signer.sign_dsse(Statement(payload)).to_json().encode("utf-8")
        except Exception as error:
            raise failure(error, "sign") from error
        check(data, Trust(), config.trusted_root)
        return data

    return Signing(identity=identity, sign=sign)


def _config(path: str) -> ClientTrustConfig:
    """Read the services to use from a file, else those of the public instance, refreshed. Raises AicrError."""
    if not path:
        try:
            return ClientTrustConfig.production()
        except Exception as error:
            raise failure(error, "learn the services of Sigstore") from error
    try:
        with open(path, encoding="utf-8") as stream:
            config = ClientTrustConfig.from_json(stream.read())
        # Both are decoded only when they are asked for.
        SigningContext.from_trust_config(config)
    except FileNotFoundError:
        raise AicrError(Code.NOT_FOUND, "there is no such file", where=path) from None
    except OSError as error:
        raise AicrError(Code.INVALID_REQUEST, f"cannot read it: {error}", where=path) from None
    except Exception as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"this is no client trust configuration of Sigstore ({type(error).__name__})",
            where=path, hint="it is JSON of the type application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        ) from None  # fmt: skip
    return config


def failure(error: Exception, doing: str) -> AicrError:
    """Give the error that a person understands for one of the library's, or of the services'."""
    status = _status(error)
    if isinstance(error, ExpiredIdentity):
        return AicrError(Code.UNAUTHORIZED, f"cannot {doing}: the identity token has expired")
    if status is not None and 400 <= status < 500:
        return AicrError(
            Code.UNAUTHORIZED, f"cannot {doing}: the service refuses it (HTTP {status})",
            hint="is the identity token for the audience sigstore, and not used up?",
        )  # fmt: skip
    # OSError: what the library's own client raises for connections is one.
    away = (OSError, NetworkError, TUFError, IssuerError, FulcioClientError, RekorClientError)
    if isinstance(error, away) or status is not None:
        return AicrError(
            Code.SERVICE_UNAVAILABLE, f"cannot {doing}: {_said(error)}",
            hint="signing without a key needs the services; with one it needs no network: --signing-key FILE",
        )  # fmt: skip
    code = Code.UNAUTHORIZED if isinstance(error, Error) else Code.INTERNAL
    return AicrError(code, f"cannot {doing}: {_said(error)}")


def _status(error: BaseException | None) -> int | None:
    """Give the HTTP status behind an error, if there is one."""
    while error is not None:
        response: Any = getattr(error, "response", None)
        if response is not None:
            return int(response.status_code)
        error = error.__cause__ or error.__context__
    return None


def _said(error: BaseException) -> str:
    """Give the innermost words there are: the library's outer errors often have none, or less exact ones."""
    words = ""
    current: BaseException | None = error
    while current is not None:
        text = str(current).strip().splitlines()
        words = text[0] if text else words
        current = current.__cause__ or current.__context__
    return words or type(error).__name__
