"""Is a folder exactly what was released? Offline, with the standard library, closed world.

Every listed file is there with its digest, nothing else lies there, the statement speaks of exactly these files, each
distribution has wheel, sdist and SBOM, the SBOM names these archives, and with a key: the statement is signed by it.
All that is wrong is told, not only the first.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import checksums, layout, provenance
from .failure import Kind, ReleaseError, plain

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@dataclass
class Verdict:
    """What was found; a release is good when ``problems`` is empty."""

    problems: list[ReleaseError] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    claim: provenance.Claim | None = None
    signer: str = ""
    signed: bool = False

    def add(self, kind: Kind, message: str, where: str, hint: str = "") -> None:
        """Note a problem and go on."""
        self.problems.append(ReleaseError(kind, message, where=where, hint=hint))


def check(
    folder: pathlib.Path, key: bytes | None = None, commit: str = "", ref: str = ""
) -> Verdict:
    """Check a release. ``key`` is a public key, PEM; ``commit`` and ``ref`` are what it must be made from.

    ReleaseError when there is nothing to check: no such folder, no readable ``SHA256SUMS``.
    """
    if not folder.is_dir():
        raise ReleaseError(Kind.MISSING, "no such folder", where=str(folder))
    verdict = Verdict(sums=checksums.read(folder))
    _digests(folder, verdict)
    _statement(folder, verdict, commit, ref)
    _complete(verdict)
    _boms(folder, verdict)
    _signature(folder, verdict, key)
    return verdict


def _digests(folder: pathlib.Path, verdict: Verdict) -> None:
    """Every listed file with its digest, and no other."""
    here = {path.name: path for path in folder.iterdir()}
    for name, digest in sorted(verdict.sums.items()):
        path = here.get(name)
        if path is None:
            verdict.add(Kind.MISSING, "is missing", name)
        elif path.is_symlink() or not path.is_file():
            verdict.add(Kind.DIFFERS, "is no regular file", name)
        elif checksums.digest(path) != digest:
            verdict.add(
                Kind.DIFFERS,
                "is changed: its SHA-256 is not the listed one",
                name,
                "download it again",
            )
    for name in sorted(here.keys() - verdict.sums.keys() - layout.UNLISTED):
        verdict.add(Kind.DIFFERS, "is added: the release does not list it", name)


def _statement(folder: pathlib.Path, verdict: Verdict, commit: str, ref: str) -> None:
    """The statement's subjects are the listed files, and it is about the wanted commit."""
    with _noting(verdict):
        claim = verdict.claim = provenance.read(checksums.read_text(folder / layout.STATEMENT))
        for name, digest in sorted(verdict.sums.items()):
            if name not in claim.subjects:
                verdict.add(Kind.DIFFERS, f"has no subject {name}", layout.STATEMENT)
            elif claim.subjects[name] != digest:
                verdict.add(Kind.DIFFERS, f"has another digest for {name}", layout.STATEMENT)
        for name in sorted(claim.subjects.keys() - verdict.sums.keys()):
            verdict.add(Kind.DIFFERS, f"lists {name}, {layout.SUMS} does not", layout.STATEMENT)
        for what, wanted, stated in (("commit", commit, claim.commit), ("ref", ref, claim.ref)):
            if wanted and wanted != stated:
                verdict.add(Kind.DIFFERS, f"is of {what} {stated}, not {wanted}", layout.STATEMENT)


def _complete(verdict: Verdict) -> None:
    """Each distribution has one of each kind of file."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in sorted(verdict.sums):
        named = layout.parse(file)
        if named is None:
            verdict.add(Kind.INVALID, f"lists {file}, which is no file of a release", layout.SUMS)
        else:
            found.setdefault((named.name, named.version), set()).add(named.kind)
    for (name, version), kinds in sorted(found.items()):
        for kind in layout.KINDS:
            if kind not in kinds:
                verdict.add(Kind.MISSING, f"lists no {kind} of {name} {version}", layout.SUMS)


def _boms(folder: pathlib.Path, verdict: Verdict) -> None:
    """Each SBOM is that of its distribution: name, version and the digests of wheel and sdist."""
    for file in sorted(verdict.sums):
        named = layout.parse(file)
        if named is None or named.kind != "sbom" or not (folder / file).is_file():
            continue
        with _noting(verdict):
            wanted = {}
            for other, digest in verdict.sums.items():
                of = layout.parse(other)
                if (
                    of
                    and (of.name, of.version) == (named.name, named.version)
                    and of.kind != "sbom"
                ):
                    wanted[other] = digest
            if _described(folder / file) != (named.name, named.version, wanted):
                verdict.add(Kind.DIFFERS, "does not describe the archives of this release", file)


def _described(path: pathlib.Path) -> tuple[str, str, dict[str, str]]:
    """Give name, version and archives with digests that an SBOM is about."""
    try:
        bom: Any = json.loads(checksums.read_text(path))
        component = bom["metadata"]["component"]
        archives = {
            r["url"]: h["content"]
            for r in component["externalReferences"]
            if r["type"] == "distribution"
            for h in r["hashes"]
            if h["alg"] == "SHA-256"
        }
        sound = (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
        result = (component["name"], component["version"], archives)
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise ReleaseError(Kind.INVALID, "is no CycloneDX 1.6 SBOM of a release", where=path.name)
    return result


def _signature(folder: pathlib.Path, verdict: Verdict, key: bytes | None) -> None:
    """With a key, the statement must be signed by it; without, say whether it is signed at all."""
    envelope = folder / layout.ENVELOPE
    verdict.signed = envelope.is_file()
    if key is None:
        return
    with _noting(verdict):
        if not verdict.signed:
            raise ReleaseError(
                Kind.UNAUTHORIZED, f"the release is not signed: there is no {layout.ENVELOPE}",
                where=str(folder),
            )  # fmt: skip
        from . import signing

        payload = checksums.read_text(folder / layout.STATEMENT).encode()
        verdict.signer = signing.verify(checksums.read_text(envelope), payload, key)


@contextlib.contextmanager
def _noting(verdict: Verdict) -> Iterator[None]:
    """Note a ReleaseError of the block in the verdict and go on after it."""
    try:
        yield
    except ReleaseError as error:
        verdict.problems.append(error)


def report(folder: pathlib.Path, verdict: Verdict) -> tuple[list[str], list[str], int]:
    """Give what to print on standard output, on standard error, and the exit status."""
    if verdict.problems:
        lines = [str(problem) for problem in verdict.problems]
        return [], lines, min(p.kind.value for p in verdict.problems)
    assert verdict.claim is not None
    named = [layout.parse(file) for file in verdict.sums]
    distributions = {(n.name, n.version) for n in named if n}
    claim = verdict.claim
    signature = f"by the key sha256:{verdict.signer}" if verdict.signer else "none"
    if verdict.signed and not verdict.signer:
        signature = "not checked; give the public key with --key"
    lines = [
        f"{plain(folder.name)}: {len(distributions)} distributions, {len(verdict.sums)} files, all as released",
        f"commit: {claim.commit}",
        f"ref: {claim.ref}",
        f"builder: {claim.builder}",
        f"signature: {signature}",
    ]
    if (folder / layout.SLSA).is_file():
        lines.append(f"{layout.SLSA}: not checked here; slsa-verifier does")
    return lines, [], 0
