"""Verify a signature with a certificate, without a network: chain, log entry, time, signature, then the name.

The steps are those of the sigstore library. It also asks that the certificate was logged (SCT), as the reference does
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigstore.errors import CertValidationError, Error
from sigstore.models import Bundle
from sigstore.verify import Verifier

from aicr_core.api import AicrError, Code, Verified
from aicr_sigstore.identity import Policy
from aicr_sigstore.roots import trusted_root

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot

    from aicr_core.api import Context, Trust


_OLD = (
    "the root that is known here may be too old for it: `aicr trust update`, or --trust-root FILE"
)


def verify(ctx: Context, data: bytes, trust: Trust) -> Verified:
    """Give what was signed, and by whom. Raises AicrError: UNAUTHORIZED says what does not hold."""
    root = trusted_root(trust.root, ctx.settings)
    try:
        return check(data, trust, root)
    except AicrError as error:
        cause = error.__cause__
        # The root that is there by default grows old; a root that the user names is what he wants.
        if not trust.root and (isinstance(cause, CertValidationError) or "keyring" in str(cause)):
            raise AicrError(error.code, f"{error.message}; {_OLD}") from None
        raise


def check(data: bytes, trust: Trust, root: TrustedRoot) -> Verified:
    """Verify a bundle with a root. Raises AicrError(UNAUTHORIZED)."""
    policy = Policy(trust)
    try:
        bundle = Bundle.from_json(data)
        payload_type, payload = Verifier(trusted_root=root).verify_dsse(bundle, policy)
    except CertValidationError as error:
        why = "its certificate is not of the trusted root, or was not valid when it signed"
        raise AicrError(Code.UNAUTHORIZED, why) from error
    except Error as error:
        raise AicrError(Code.UNAUTHORIZED, _first_line(error)) from error
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A hostile file reaches decoders of several libraries, some written in Rust, whose panics are no Exception;
        # whatever they raise, the file does not verify.
        text = f"it is no valid Sigstore bundle ({type(error).__name__})"
        raise AicrError(Code.UNAUTHORIZED, text) from None
    return Verified(
        payload=payload, payload_type=payload_type, identity=policy.name, issuer=policy.issuer
    )


def _first_line(error: Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"it does not verify ({type(error).__name__})"
