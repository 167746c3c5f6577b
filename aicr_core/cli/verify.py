"""``aicr verify``: is a bundle whole, who made it, and is that enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import choice, insecure_tls, plain_http
from aicr_core.cli.output import render, write_result
from aicr_core.cli.signing import identity_pattern
from aicr_core.kit.errors import AicrError, Code, one_line

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.engine.trust import Report


@click.command(
    epilog="""\b
Examples:
  aicr verify bundle
  aicr verify bundle --key public.pem
  aicr verify bundle --min-trust-level attested --require-creator dev@example.com --format json
  aicr verify oci://registry.example.com/team/gpu-stack:v1 --key public.pem

\b
Exit status: 0 good; 2 less than what is asked, or a wrong option; 4 something does not hold;
8 no such directory."""
)
@click.argument("bundle", required=False, default="", metavar="BUNDLE")
@click.option("--min-trust-level", default="max", metavar="LEVEL",
              help="verified, attested, unverified, unknown; max (the default): the most it can have")  # fmt: skip
@click.option("--require-creator", default="", metavar="NAME",
              help="who has to have signed the bundle: an e-mail address, a workflow, a key's sha256:...")  # fmt: skip
@click.option("--require-issuer", default="", metavar="URL",
              help="who has to vouch for that name")  # fmt: skip
@click.option("--cli-version-constraint", default="", metavar="CONSTRAINT",
              help="version of the tool that made it: >= 0.8.0; a bare version means >=")  # fmt: skip
@identity_pattern(
    "who has to have signed the tool; matched whole, begins with the tool's repository"
)
@click.option("--key", default="", metavar="FILE", help="public key that has to have signed it")
@click.option("--trust-root", default="", metavar="FILE",
              help="trusted root for certificates, instead of the one that is there")  # fmt: skip
@click.option("--ignore-modes", is_flag=True,
              help="of modes compare only whether a file can be run, as Git keeps no other")  # fmt: skip
@click.option("--format", "-t", "fmt", default="text", metavar="text|json", help="default: text")
@plain_http
@insecure_tls
@click.pass_obj
def verify(environment: Environment, /, fmt: str, **options: Any) -> None:
    """Tell whether a bundle is what was made, and who made it; without a network.

    Every file has to be listed and unchanged, and no other may be there. BUNDLE is a directory, or the URI of a
    published bundle, which is fetched.
    """
    from aicr_core.app.verify import VerifyRequest
    from aicr_core.engine.trust import document
    from aicr_core.session import Session

    choice("format", fmt, ("text", "json"))
    report = Session.of(environment).verify(VerifyRequest(**options))
    write_result(_text(report) if fmt == "text" else render(document(report), "json"))
    if report.failures:
        cause = one_line(report.errors[0]) if report.errors else ""
        raise AicrError(
            Code.INVALID_REQUEST, _all(report.failures), where=options["bundle"], hint=cause
        )
    if report.errors:
        modes = all(" has the mode " in text for text in report.errors)
        hint = "Git and some archivers keep no modes: --ignore-modes" if modes else ""
        raise AicrError(Code.UNAUTHORIZED, _all(report.errors), where=options["bundle"], hint=hint)


def _all(texts: tuple[str, ...]) -> str:
    return texts[0] if len(texts) == 1 else f"{texts[0]} (and {len(texts) - 1} more)"


def _text(report: Report) -> str:
    lines = [_fact(report.passed, _files(report))]
    if report.passed:
        lines.append(_fact(report.attested or None, _signed(report)))
    if report.tool_attested:
        lines.append(_fact(True, f"the tool is signed by {report.tool_builder}"))
    if report.external:
        lines.append(_fact(None, "it holds data from outside"))
    lines += [_fact(False, text) for text in (*report.errors, *report.failures)]
    lines += ["", f"Trust level: {report.level} ({report.reason})"]
    if report.tool_version:
        lines.append(one_line(f"Made by:     aicr {report.tool_version}"))
    lines += ["", "PASSED" if report.good else "FAILED"]
    return "\n".join(lines) + "\n"


def _fact(good: bool | None, text: str) -> str:
    return f"  { {True: '✓', False: '✗', None: '-'}[good] } {one_line(text)}"


def _files(report: Report) -> str:
    if not report.passed:
        return "files are not what they were"
    modes = ", with their modes" if report.coverage == "inventory" else ""
    return f"{report.files} files are what they were{modes}; there is no other"


def _signed(report: Report) -> str:
    if not report.attested:
        # An attestation that is there and does not verify is told among the errors.
        return "who signed it is not known" if report.errors else "not signed"
    by = f", vouched for by {report.issuer}" if report.issuer else ""
    return f"signed by {report.creator}{by}"
