"""Verify a signature with a certificate, without a network: chain, log entry, time, signature, then the name.

The steps are those of the sigstore library. It also asks that the certificate was logged (SCT), as the reference does
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigstore.errors import Error
from sigstore.models import Bundle
from sigstore.verify import Verifier

from aicr_core.api import AicrError, Code, Verified
from aicr_sigstore.identity import Policy
from aicr_sigstore.roots import trusted_root

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot

    from aicr_core.api import Context, Trust


def verify(ctx: Context, data: bytes, trust: Trust) -> Verified:
    """Give what was signed, and by whom. Raises AicrError: UNAUTHORIZED says what does not hold."""
    return check(data, trust, trusted_root(trust.root, ctx.settings))


def check(data: bytes, trust: Trust, root: TrustedRoot) -> Verified:
    """Verify a bundle with a root. Raises AicrError(UNAUTHORIZED)."""
    policy = Policy(trust)
    try:
        bundle = Bundle.from_json(data)
        payload_type, payload = Verifier(trusted_root=root).verify_dsse(bundle, policy)
    except Error as error:
        raise AicrError(Code.UNAUTHORIZED, _first_line(error)) from None
    except Exception as error:
        # A hostile file reaches decoders of several libraries; whatever they raise, the file does not verify.
        text = f"it is no valid Sigstore bundle ({type(error).__name__})"
        raise AicrError(Code.UNAUTHORIZED, text) from None
    return Verified(
        payload=payload, payload_type=payload_type, identity=policy.name, issuer=policy.issuer
    )


def _first_line(error: Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"it does not verify ({type(error).__name__})"
