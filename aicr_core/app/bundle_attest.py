"""Sign a bundle: find the signer, say what becomes public, and give the attestation as one more file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app.signers import CERTIFICATE, to_sign, to_verify
from aicr_core.engine import attestation
from aicr_core.engine.bundle_names import BUNDLE_ATTESTATION, LISTS_MODE
from aicr_core.engine.bundles import File
from aicr_core.engine.identity import FLAG, check_pattern
from aicr_core.kit import limits
from aicr_core.kit.clock import Clock
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context, Runner, Task
from aicr_core.model.trust import PAYLOAD_TYPE
from aicr_core.plugins import records
from aicr_core.plugins.index import USABLE
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment
    from aicr_core.app.signers import Owned

_ASKED = {"aicr_bundlers", "aicr_patch_values", "aicr_bundle_checks", "aicr_policy"}
_ASKED_FOR_CHARTS = {"aicr_chart_engines", "aicr_extra_images", "aicr_inventory_writers"}
"""Hooks that are called for a bundle, whatever it holds; and for one with its charts, or a bill of materials."""
_CORE = "aicr-core"


def wanted_signer(environment: Environment, request: BundleRequest) -> Owned | None:
    """Give plugin and signer that a request asks for, None if it asks for none. Raises AicrError for what cannot be."""
    given = {
        "--signing-key": request.signing_key,
        "--identity-token": request.identity_token,
        "--signing-config": request.signing_config,
    }
    if request.certificate_identity_regexp:
        check_identity(environment, request.certificate_identity_regexp)
    if not request.attest:
        for flag in (flag for flag, value in given.items() if value):
            raise AicrError(
                Code.INVALID_REQUEST, "without --attest nothing is signed", where=flag,
                hint="add --attest",
            )  # fmt: skip
        return None
    if request.signing_key and (request.identity_token or request.signing_config):
        raise AicrError(
            Code.INVALID_REQUEST, "a bundle is signed with a key or with a certificate, not both",
            where="--signing-key", hint="leave --identity-token and --signing-config out",
        )  # fmt: skip
    return to_sign(environment, request.signing_key)


def check_identity(environment: Environment, pattern: str) -> None:
    """Raise AicrError unless ``pattern`` may stand for who signs the tool, which the signer's plugin knows."""
    repository = to_verify(environment, CERTIFICATE).tool_repository
    if not repository:
        raise AicrError(
            Code.INVALID_REQUEST, "the installed signer knows no repository of the tool", where=FLAG
        )
    check_pattern(pattern, repository)


def attest(
    environment: Environment,
    request: BundleRequest,
    chosen: Owned,
    planned: Planned,
    files: Sequence[File],
    confirm: Callable[[str], bool],
) -> tuple[File, str]:
    """Sign the complete bundle ``files``; give its attestation, and who signed. Raises AicrError; writes nothing.

    ``confirm`` is asked about what the signer makes public, before anything is.
    """
    plugin, signer = chosen
    if signer.publishes and not request.yes and not confirm(signer.publishes):
        raise AicrError(Code.INVALID_REQUEST, "not signed, as you wished; nothing is written")
    started = Clock.from_env(environment.settings.env)
    options = {
        "key": request.signing_key,
        "identity_token": request.identity_token,
        "signing_config": request.signing_config,
    }

    parts = _parts(environment, request, {planned.plugin, plugin})

    def work(context: Context) -> tuple[bytes, str]:
        signing: Any = resolve(signer.open)(context)
        payload = attestation.statement(
            files, planned.plan, planned.deployer.name, parts, signing.identity,
            started.stamp() if started.fixed is not None else "",
        )  # fmt: skip
        signed = signing.sign(payload, PAYLOAD_TYPE)
        if not isinstance(signed, bytes):
            got = type(signed).__name__
            raise AicrError(Code.INTERNAL, f"the signer gave a {got}, not bytes")
        return signed, str(signing.identity)

    task = Task(name=f"signer {signer.name}", plugin=plugin, call=work, timeout=limits.SIGNING)
    (outcome,) = Runner(1, settings=environment.settings, options=options).run([task])
    if outcome.error is not None:
        raise outcome.error
    data, identity = outcome.value
    return File(BUNDLE_ATTESTATION, data, LISTS_MODE, "core"), identity


def _parts(
    environment: Environment, request: BundleRequest, chosen: set[str]
) -> list[records.Installed]:
    """Give the distributions that had a part in a bundle, core first: whose data was read, whose code was asked."""
    asked = _ASKED | (_ASKED_FOR_CHARTS if request.vendor_charts or request.sbom else set())
    names = {
        row["distribution"]
        for row in environment.index.rows
        if row["state"] in USABLE
        and (row["data"] or row["name"] in chosen or asked.intersection(row["hooks"]))
    }
    return [*records.installed({_CORE}), *records.installed(names - {_CORE})]
