"""Make a release from HEAD, check all of it, and only then put it where it was asked for."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from typing import TYPE_CHECKING

from . import build, check, checksums, graph, install, layout, provenance, sbom, signing, source
from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def make(
    root: pathlib.Path, output: pathlib.Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Build the release of ``root``'s HEAD into the new folder ``output``; ``say`` is told what happens.

    ``AICR_RELEASE_KEY`` (PEM or a path; ``AICR_RELEASE_KEY_PASSWORD``) signs it, ``AICR_BUILDER_ID`` says who builds.
    An earlier release in ``output`` is replaced, anything else there is refused. ReleaseError: nothing is written.
    """
    _refuse_foreign(output)
    signer = _signer(environ)
    commit = source.read(root, environ)
    say(f"commit {commit.commit} ({commit.ref}), SOURCE_DATE_EPOCH {commit.epoch}")
    if changed := source.changed(root):
        say(
            f"not in the release: {len(changed)} files with uncommitted changes, {changed[0]} first"
        )
    with _workshop(output) as work:
        folder = assemble(root, commit, environ.get("AICR_BUILDER_ID", ""), signer, work, say)
        install.check(folder, checksums.read(folder), _constraints(work), work)
        say("wheels install")
        if output.exists():
            shutil.rmtree(output)
        folder.chmod(0o755)
        folder.rename(output)
    say(f"{output}: sha256 of {layout.SUMS} {checksums.digest(output / layout.SUMS)}")


def assemble(
    root: pathlib.Path,
    commit: source.Source,
    builder: str,
    signer: signing.Signer | None,
    work: pathlib.Path,
    say: Callable[[str], None],
) -> pathlib.Path:
    """Make the files of a release under ``work`` and check them as a user would; give their folder."""
    folder, sums = build.build(root, commit, work)
    say(f"built twice: {len(sums)} archives, same bytes")
    sbom.write_all(folder, sums, graph.pins(_constraints(work)), commit.epoch)
    boms = sorted(folder.glob("*.cdx.json"))
    sums |= {path.name: checksums.digest(path) for path in boms}
    (folder / layout.SUMS).write_text(checksums.text(sums), "utf-8")
    statement = provenance.make(commit, sums, builder)
    (folder / layout.STATEMENT).write_text(statement, "utf-8")
    if signer:
        (folder / layout.ENVELOPE).write_text(signer.sign(statement.encode()), "utf-8")
    _verify(folder, commit, signer.public if signer else None)
    for path in boms:
        sbom.validate(path)
    say(f"{len(boms)} SBOMs valid, statement complete, {'signed' if signer else 'not signed'}")
    return folder


def _constraints(work: pathlib.Path) -> pathlib.Path:
    """Give the constraints of the commit that is built under ``work``."""
    return work / build.CONDITIONS[0].folder / "tree" / "constraints.txt"


def _refuse_foreign(output: pathlib.Path) -> None:
    """Refuse to replace what no release is."""
    if output.exists() and not (output / layout.SUMS).is_file():
        if output.is_dir() and not any(output.iterdir()):
            return
        raise ReleaseError(
            Kind.INVALID, "is there and is no release", where=str(output), hint="name another"
        )


@contextlib.contextmanager
def _workshop(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a folder beside ``output``, on its file system, so that the last step is a rename."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=output.parent) as work:
        yield pathlib.Path(work).resolve()


def _signer(environ: Mapping[str, str]) -> signing.Signer | None:
    """Read the key that is given, if any; before the builds, for they take their time."""
    given = environ.get("AICR_RELEASE_KEY", "")
    if not given:
        return None
    if "PRIVATE KEY" in given:
        pem = given.encode()
    else:
        try:
            pem = pathlib.Path(given).read_bytes()
        except OSError as error:
            raise ReleaseError(
                Kind.MISSING, f"cannot be read: {error.strerror}", where="AICR_RELEASE_KEY",
                hint="give a PEM file's path or its text",
            ) from None  # fmt: skip
    return signing.Signer(pem, environ.get("AICR_RELEASE_KEY_PASSWORD", "").encode() or None)


def _verify(folder: pathlib.Path, commit: source.Source, public: bytes | None) -> None:
    """Check what was made as a user would; ReleaseError with the first problem."""
    verdict = check.check(folder, public, commit.commit, commit.ref)
    for problem in verdict.problems:
        raise problem


def main(arguments: list[str]) -> int:
    """Run ``make.py OUTPUT``; gives the exit status."""
    import argparse
    import sys

    parser = argparse.ArgumentParser(prog="make.py", description=make.__doc__)
    parser.add_argument("output", type=pathlib.Path, help="folder to make")
    parser.add_argument(
        "--root", type=pathlib.Path, default=pathlib.Path.cwd(), help="repository (.)"
    )
    parsed = parser.parse_args(arguments)
    try:
        make(
            parsed.root, parsed.output.absolute(), os.environ, lambda line: print(line, flush=True)
        )
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return error.kind.value
    return 0
