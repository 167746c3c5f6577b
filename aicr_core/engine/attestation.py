"""What a signature of a bundle says: an in-toto statement with SLSA provenance, written and read.

The subject is ``checksums.txt``, and through it every file (spec/bundle.md 8.1). Everything in a statement follows from
the bundle and from who signs: no clock, no random number, no path of this machine (B-30), so that a deterministic
signature makes the same bytes again. Signing and verifying are the signers' work. Pure.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine.bundle_names import CHECKSUMS, RECIPE
from aicr_core.engine.criteria import TEXT_DIMENSIONS
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.trust import PAYLOAD_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.bundles import File
    from aicr_core.model.bundle import BundlePlan
    from aicr_core.plugins.records import Installed

Document = dict[str, Any]
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://aicr.run/bundle/v1"
"""Bundles of this tool. It is a set of distributions and has no executable that could be attested apart."""
_MATERIALS = {
    "publicKey": "publicKey",
    "certificate": "certificate",
    "x509CertificateChain": "certificate",
}


def statement(
    files: Sequence[File],
    plan: BundlePlan,
    deployer: str,
    parts: Sequence[Installed],
    identity: str,
    started: str = "",
) -> bytes:
    """Give the statement about the complete bundle ``files`` as JSON; ``started`` is a fixed time, or empty.

    ``parts`` are the installed distributions that had a part in it.
    """
    digests = {file.path: hashlib.sha256(file.data).hexdigest() for file in files}
    subject = digests[CHECKSUMS]
    data = [path for path in digests if path.startswith("data/")]
    metadata = {"invocationId": f"sha256:{subject}"}
    if started:
        metadata["startedOn"] = started
    build: Document = {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "recipe": criteria_text(plan.criteria),
            "recipeSource": "external" if data else "embedded",
            "recipeDigest": {"sha256": digests[RECIPE]},
        },
        "internalParameters": {
            "components": [release.name for release in plan.releases],
            "deployer": deployer,
            "toolVersion": plan.tool_version,
        },
        "resolvedDependencies": [
            *(_distribution(part) for part in parts),
            *(_file(path, digests[path]) for path in (RECIPE, *sorted(data))),
            *_charts(plan),
        ],
    }
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": CHECKSUMS, "digest": {"sha256": subject}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": build,
            "runDetails": {"builder": {"id": identity}, "metadata": metadata},
        },
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def criteria_text(criteria: Mapping[str, Any]) -> str:
    """Give criteria in one line, concrete dimensions only, in their fixed order (spec/recipe.md)."""
    known = [*TEXT_DIMENSIONS, "nodes"]
    names = [*known, *sorted(set(criteria) - set(known))]
    concrete = [f"{n}={criteria[n]}" for n in names if criteria.get(n) not in (None, "", "any", 0)]
    return f"criteria({', '.join(concrete) or 'any'})"


def _distribution(part: Installed) -> Document:
    uri = {"uri": f"pkg:pypi/{part.name}@{part.version}"}
    return {**uri, "digest": {"sha256": part.sha256}} if part.sha256 else uri


def _file(name: str, sha256: str) -> Document:
    return {"name": name, "digest": {"sha256": sha256}}


def _charts(plan: BundlePlan) -> list[Document]:
    return [
        _file(f"{item.name}/{item.archive.path}", hashlib.sha256(item.archive.data).hexdigest())
        for item in plan.releases
        if item.archive is not None
    ]


class Statement(NamedTuple):
    """What of a statement is used: digests of its subjects, and what its predicate says of the build."""

    subjects: tuple[str, ...]
    build_type: str
    tool_version: str
    tool_digest: str
    """SHA-256 of the first dependency that has one: the executable, in bundles of tools that have one."""


def material_of(data: bytes) -> str:
    """Tell from a Sigstore bundle which signer verifies it: ``publicKey`` or ``certificate``.

    Raises AicrError(UNAUTHORIZED) for what is no such bundle.
    """
    document = _json(data, "the attestation")
    material = document.get("verificationMaterial")
    found = [
        _MATERIALS[key] for key in _MATERIALS if isinstance(material, dict) and key in material
    ]
    if len(found) != 1 or not isinstance(document.get("dsseEnvelope"), dict):
        raise AicrError(
            Code.UNAUTHORIZED, "the attestation is no Sigstore bundle of a signed statement"
        )
    return found[0]


def read_statement(payload: bytes, payload_type: str) -> Statement:
    """Read the payload of a signature that is valid. Raises AicrError(UNAUTHORIZED) for statements we do not know."""
    _known("payload type", payload_type, PAYLOAD_TYPE)
    document = _json(payload, "the signed statement")
    _known("statement type", document.get("_type"), STATEMENT_TYPE)
    _known("predicate type", document.get("predicateType"), PREDICATE_TYPE)
    build = _map(_map(document, "predicate"), "buildDefinition")
    dependencies = build.get("resolvedDependencies")
    digests = [_sha256(item) for item in dependencies] if isinstance(dependencies, list) else []
    subjects = document.get("subject")
    return Statement(
        subjects=tuple(_sha256(item) for item in subjects) if isinstance(subjects, list) else (),
        build_type=_text(build.get("buildType")),
        tool_version=_text(_map(build, "internalParameters").get("toolVersion")),
        tool_digest=next((digest for digest in digests if digest), ""),
    )


def _known(what: str, found: Any, known: str) -> None:
    if found != known:
        shown = found if isinstance(found, str) and len(found) < 200 else type(found).__name__
        raise AicrError(Code.UNAUTHORIZED, f'{what} "{shown}" is unknown, only "{known}" is known')


def _json(data: bytes, what: str) -> Document:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise AicrError(Code.UNAUTHORIZED, f"{what} is no JSON") from None
    if not isinstance(document, dict):
        raise AicrError(Code.UNAUTHORIZED, f"{what} is no JSON object")
    return document


def _map(document: Document, key: str) -> Document:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _sha256(descriptor: Any) -> str:
    digest = _map(descriptor, "digest") if isinstance(descriptor, dict) else {}
    return _text(digest.get("sha256")).lower()
