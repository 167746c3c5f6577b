"""How far a bundle is to be trusted, and whether that is far enough: levels, the user's policy, the verdict.

Levels and their names are the reference's (spec/bundle.md 8.2): ``unknown`` (something does not hold), ``unverified``
(files are whole, nobody signed), ``attested`` (signed), ``verified`` (signed, and so is the tool that made it). Pure.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aicr_core.kit import constraints
from aicr_core.kit.errors import AicrError, Code, nearest, one_line

Document = dict[str, Any]
LEVELS = ("unknown", "unverified", "attested", "verified")
MAX = "max"


class Policy(NamedTuple):
    """What the user asks of a bundle; empty fields ask for nothing."""

    level: str
    creator: str
    issuer: str
    version: str


class Report(NamedTuple):
    """What was found out about a bundle, and the verdict once it is judged.

    ``own``: a bundle of this tool without an attestation of the tool, which is all that it can have. ``keyed``: the
    user named the key that has to have signed it.
    """

    level: str = "unknown"
    reason: str = ""
    passed: bool = False
    files: int = 0
    coverage: str = "checksums"
    attested: bool = False
    creator: str = ""
    issuer: str = ""
    tool_attested: bool = False
    tool_builder: str = ""
    tool_version: str = ""
    external: bool = False
    own: bool = False
    keyed: bool = False
    errors: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing is wrong and nothing is missing that the user asked for."""
        return not self.errors and not self.failures


def policy(level: str, creator: str, issuer: str, version: str) -> Policy:
    """Read what the user asks. Raises AicrError(INVALID_REQUEST) for a level or version that is none."""
    name = level.strip().lower()
    if name not in (*LEVELS, MAX):
        close = nearest(name, (*LEVELS, MAX))
        start = f'did you mean "{close}"? ' if close else ""
        raise AicrError(
            Code.INVALID_REQUEST, f'unknown trust level "{level}"', where="--min-trust-level",
            hint=f"{start}known: {', '.join(reversed(LEVELS))}, {MAX}",
        )  # fmt: skip
    return Policy(name, creator, issuer, _version(version) if version else "")


def _version(text: str) -> str:
    """Give the constraint with its operator; a bare version means at least that one."""
    try:
        operator, value, _ = constraints.parse(text)
        constraints.parse_version(value)
    except AicrError as error:
        raise AicrError(
            Code.INVALID_REQUEST, error.message, where="--cli-version-constraint",
            hint="write >= 0.8.0, another of > <= < == !=, or a bare version for >=",
        ) from None  # fmt: skip
    return f"{operator or '>='} {value}"


def judge(report: Report, asked: Policy) -> Report:
    """Add what the policy finds missing. Raises AicrError(INVALID_REQUEST) for a tool version that is no version."""
    failures = []
    level = _most(report) if asked.level == MAX else asked.level
    if LEVELS.index(report.level) < LEVELS.index(level):
        failures.append(f'the trust level is "{report.level}", it has to be "{level}"')
    if asked.creator and asked.creator != report.creator:
        failures.append(f"made by {report.creator or 'nobody known'}, not by {asked.creator}")
    if asked.issuer and asked.issuer != report.issuer:
        failures.append(f"vouched for by {report.issuer or 'nobody known'}, not by {asked.issuer}")
    if asked.version and not report.tool_version:
        failures.append("no signed statement says which version of the tool made it")
    elif asked.version and not _satisfies(asked.version, report.tool_version):
        failures.append(f"made by version {report.tool_version}, it has to be {asked.version}")
    return report._replace(failures=tuple(failures))


def _satisfies(constraint: str, version: str) -> bool:
    try:
        return constraints.evaluate(constraint, version)
    except AicrError as error:
        raise AicrError(
            Code.INVALID_REQUEST,
            error.message,
            where="toolVersion of the bundle",
            hint="leave --cli-version-constraint out for bundles of development builds",
        ) from None


def _most(report: Report) -> str:
    """Give the highest level that such a bundle can have: that is what ``max`` asks for.

    A bundle that nobody signed has nothing to show, and passes as it does in the reference: who wants a signature asks
    for a level, a creator or a key.
    """
    if not report.passed:
        return "unknown"
    if not report.attested:
        return "attested" if report.keyed else "unverified"
    return "attested" if report.external or report.own else "verified"


def document(report: Report) -> Document:
    """Give a judged report for machines: the reference's keys, and what it does not tell (B-31)."""
    # What stands in a hostile file can be no text at all (a half of a pair of surrogates).
    optional = {
        "bundleCreator": one_line(report.creator),
        "bundleIssuer": one_line(report.issuer),
        "binaryBuilder": one_line(report.tool_builder),
        "toolVersion": one_line(report.tool_version),
        "errors": [one_line(text) for text in report.errors],
        "policyFailures": [one_line(text) for text in report.failures],
    }
    return {
        "verdict": "passed" if report.good else "failed",
        "trustLevel": report.level,
        "trustReason": report.reason,
        "checksumsPassed": report.passed,
        "checksumFiles": report.files,
        "coverage": report.coverage,
        "bundleAttested": report.attested,
        "binaryAttested": report.tool_attested,
        "identityPinned": report.tool_attested,
        "hasExternalData": report.external,
        **{key: value for key, value in optional.items() if value},
    }
