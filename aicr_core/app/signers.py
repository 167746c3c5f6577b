"""Find the signer that is needed: one that signs with what the user has, or one that verifies what a bundle carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.plugins.providers import Signer

    Owned = tuple[str, Signer]

CERTIFICATE = "certificate"
PUBLIC_KEY = "publicKey"


def to_sign(environment: Environment, key: str = "") -> Owned:
    """Give the plugin and signer for a private key (a path, or a URI), or the keyless one without. Raises AicrError."""
    kind = _kind(key) if key else ""
    known = _all(environment)
    fit = [(p, s) for p, s in known if (kind in s.keys if kind else not s.keys)]
    if key and kind != "file" and not fit:
        kinds = sorted({word for _, signer in known for word in signer.keys})
        raise AicrError(
            Code.INVALID_REQUEST, f"no signer knows keys of the kind {kind}://", where="--signing-key",
            hint=f"known: {', '.join(kinds) or 'none'}; a key in a file is given by its path",
        )  # fmt: skip
    return _one(environment, fit, PUBLIC_KEY if key else CERTIFICATE, "signs")


def to_verify(environment: Environment, material: str) -> Signer:
    """Give the signer that verifies signatures of this material. Raises AicrError."""
    fit = [(p, s) for p, s in _all(environment) if s.material == material and s.verify is not None]
    return _one(environment, fit, material, "verifies")[1]


def _kind(key: str) -> str:
    scheme, separator, _ = key.partition("://")
    return scheme if separator else "file"


def _all(environment: Environment) -> list[Owned]:
    if not environment.manager_needed("aicr_signers"):
        return []
    return list(environment.manager.named("aicr_signers", "name").values())


def _one(environment: Environment, fit: list[Owned], material: str, does: str) -> Owned:
    if len(fit) > 1:
        names = ", ".join(sorted(signer.name for _, signer in fit))
        raise AicrError(
            Code.INVALID_REQUEST, f"several installed signers would do: {names}",
            hint="leave all but one out: --no-plugin NAME",
        )  # fmt: skip
    if not fit:
        word = "a key" if material == PUBLIC_KEY else "a certificate"
        hint = environment.index.way_to("signer", material) or "install a plugin that does"
        raise AicrError(
            Code.NOT_FOUND, f"no plugin is installed that {does} with {word}", hint=hint
        )
    return fit[0]
