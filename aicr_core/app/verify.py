"""Use case ``verify``: hold a bundle to its lists, its signatures, and what the user asks. Prints nothing.

No connection is made, but to fetch a bundle that is given by a URI. What is wrong with the bundle is in the result; an
error is raised only for what is wrong with the request.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import trust
from aicr_core.engine.bundle_names import (
    BUNDLE_ATTESTATION,
    CHECKSUMS,
    INVENTORY,
    TOOL_ATTESTATION,
)
from aicr_core.engine.verify import integrity
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.bundle_tree import Tree
    from aicr_core.app.environment import Environment
    from aicr_core.engine.attestation import Statement
    from aicr_core.model.trust import Trust, Verified


class VerifyRequest(NamedTuple):
    """What a user asks for; texts as given."""

    bundle: str
    min_trust_level: str = "max"
    require_creator: str = ""
    require_issuer: str = ""
    cli_version_constraint: str = ""
    certificate_identity_regexp: str = ""
    key: str = ""
    trust_root: str = ""
    ignore_modes: bool = False
    plain_http: bool = False
    insecure_tls: bool = False


def verify_bundle(environment: Environment, request: VerifyRequest) -> trust.Report:
    """Verify a folder or a published bundle. Raises AicrError: see the module."""
    policy = trust.policy(
        request.min_trust_level, request.require_creator, request.require_issuer,
        request.cli_version_constraint,
    )  # fmt: skip
    if request.certificate_identity_regexp:
        from aicr_core.app.bundle_attest import check_identity

        check_identity(environment, request.certificate_identity_regexp)
    given = _given(request)
    report = _look(environment, request, _tree(environment, request), given)
    return trust.judge(report._replace(keyed=bool(request.key)), policy)


def _given(request: VerifyRequest) -> Trust | None:
    """Read what the user trusts; nothing is imported for a user who names nothing."""
    if not request.key and not request.trust_root:
        return None
    from aicr_core.app.sources import read_bytes
    from aicr_core.model.trust import Trust

    for flag, place in (("--key", request.key), ("--trust-root", request.trust_root)):
        if "://" in place:
            # What is trusted is not to be fetched by the way: verifying makes no connection.
            raise AicrError(Code.INVALID_REQUEST, "give a file, not a URL", where=flag)
    return Trust(
        key=read_bytes(request.key) if request.key else b"",
        root=read_bytes(request.trust_root) if request.trust_root else b"",
    )


def _tree(environment: Environment, request: VerifyRequest) -> Tree:
    from aicr_core.app.bundle_tree import Folder, Memory

    if "://" in request.bundle:
        from aicr_core.app.bundle_place import pull

        options = {"plain_http": request.plain_http, "insecure_tls": request.insecure_tls}
        return Memory(pull(environment, request.bundle, options))
    if not request.bundle:
        raise AicrError(Code.INVALID_REQUEST, "no bundle is named", hint="aicr verify DIRECTORY")
    if not os.path.isdir(request.bundle):
        # The reference's exit status for it (spec/bundle.md 8.2).
        state = (
            "this is no directory"
            if os.path.exists(request.bundle)
            else "there is no such directory"
        )
        raise AicrError(
            Code.INTERNAL, state, where=request.bundle, hint="name the directory of a bundle"
        )
    return Folder(request.bundle)


def _look(
    environment: Environment, request: VerifyRequest, tree: Tree, given: Trust | None
) -> trust.Report:
    try:
        checksums = tree.read(CHECKSUMS)
        inventory = tree.read(INVENTORY) if INVENTORY in tree.seen else None
    except AicrError as error:
        return trust.Report(reason="its lists cannot be read", errors=(error.message,))
    found = integrity(tree.seen, checksums, inventory, modes=not request.ignore_modes)
    report = trust.Report(
        passed=not found.errors,
        files=found.files,
        coverage=found.coverage,
        external=any(path.startswith("data/") for path in tree.seen),
        errors=found.errors,
    )
    if found.errors or checksums is None:
        return report._replace(reason="its files are not what its lists say")
    if BUNDLE_ATTESTATION not in tree.seen:
        reason = "no attestation says who made it"
        return report._replace(level="unverified", reason=reason, external=False)
    return _attested(environment, request, tree, given, report, checksums)


def _attested(
    environment: Environment,
    request: VerifyRequest,
    tree: Tree,
    given: Trust | None,
    report: trust.Report,
    checksums: bytes,
) -> trust.Report:
    from aicr_core.engine.attestation import BUILD_TYPE
    from aicr_core.model.trust import Trust

    given = given or Trust()
    try:
        made, said = _signed(environment, tree, BUNDLE_ATTESTATION, given)
        if hashlib.sha256(checksums).hexdigest() not in said.subjects:
            raise AicrError(Code.UNAUTHORIZED, "it is signed for another checksums.txt")
    except AicrError as error:
        if error.code is not Code.UNAUTHORIZED:
            raise
        text = f"{BUNDLE_ATTESTATION}: {error.message}"
        reason = "its attestation does not verify"
        return report._replace(reason=reason, errors=(text,), external=False)
    report = report._replace(
        level="attested",
        attested=True,
        creator=made.identity,
        issuer=made.issuer,
        tool_version=said.tool_version,
        own=said.build_type == BUILD_TYPE,
    )
    if TOOL_ATTESTATION not in tree.seen:
        reason = "signed; no attestation says who made the tool"
        return report._replace(reason=reason, external=report.external and report.own)
    # From here on the tool's own attestation is part of what was asked.
    report = report._replace(own=False)
    try:
        tool = _tool(environment, request, tree, given, said)
    except AicrError as error:
        if error.code is not Code.UNAUTHORIZED:
            raise
        text = f"{TOOL_ATTESTATION}: {error.message}"
        reason = "signed; the attestation of the tool does not verify"
        return report._replace(reason=reason, errors=(text,), external=False)
    report = report._replace(tool_attested=True, tool_builder=tool.identity)
    if report.external:
        return report._replace(reason="signed; it holds data that the tool did not bring")
    return report._replace(level="verified", reason="signed, and so is the tool that made it")


def _tool(
    environment: Environment, request: VerifyRequest, tree: Tree, given: Trust, said: Statement
) -> Verified:
    """Verify the attestation of the tool; its signer's plugin, or the user, says whose it has to be."""
    import attrs

    from aicr_core.app.signers import CERTIFICATE, to_verify

    if not said.tool_digest:
        raise AicrError(Code.UNAUTHORIZED, "the bundle's statement names no tool by its digest")
    signer = to_verify(environment, CERTIFICATE)
    pinned = attrs.evolve(
        given,
        key=b"",
        identity=request.certificate_identity_regexp or signer.tool_identity,
        prefix=signer.tool_repository,
        issuer=signer.tool_issuer,
    )
    tool, of_tool = _signed(environment, tree, TOOL_ATTESTATION, pinned)
    if said.tool_digest not in of_tool.subjects:
        raise AicrError(Code.UNAUTHORIZED, "it is signed for another tool")
    return tool


def _signed(
    environment: Environment, tree: Tree, path: str, trusted: Trust
) -> tuple[Verified, Statement]:
    """Verify one attestation. Raises AicrError: UNAUTHORIZED says what does not hold."""
    from aicr_core.app.signers import PUBLIC_KEY, to_verify
    from aicr_core.engine.attestation import material_of, read_statement
    from aicr_core.plugins.manager import resolve

    data = tree.read(path)
    if data is None:
        raise AicrError(Code.UNAUTHORIZED, "it is no plain file")
    material = material_of(data)
    if trusted.key and material != PUBLIC_KEY:
        raise AicrError(
            Code.UNAUTHORIZED, "it is signed with a certificate, and --key asks for that very key"
        )
    signer = to_verify(environment, material)
    verified: Any = resolve(signer.verify)(environment.context({}), data, trusted)
    return verified, read_statement(verified.payload, verified.payload_type)
