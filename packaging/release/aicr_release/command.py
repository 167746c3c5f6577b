"""The command line of a check, for who has downloaded a release: arguments in, exit status out."""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import NoReturn

from .check import check, report
from .failure import Kind, ReleaseError

EPILOG = """\
Exit status: 0 all as released; 1 wrong usage; 2 no release, or a file of it cannot be read; 3 a file is missing;
4 not signed by the key; 6 the package cryptography is missing; 8 a file is changed or added, or the provenance or an
SBOM is about other files. With several, the lowest; standard error has a line for each.
"""


class _Parser(argparse.ArgumentParser):
    """Wrong usage is exit status 1, as with ``aicr``."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}\n")


def main(arguments: list[str]) -> int:
    """Run ``verify.py DIR``; gives the exit status."""
    parser = _Parser(
        prog="verify.py", description="Check a downloaded release, offline.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "folder", metavar="DIR", type=pathlib.Path, help="folder with all its files"
    )
    parser.add_argument(
        "--key", metavar="PUB", type=pathlib.Path, help="public key, PEM: must be signed by it"
    )
    parser.add_argument(
        "--commit", default="", help="must be made from this commit (all 40 digits)"
    )
    parser.add_argument("--ref", default="", help="must be made from this ref, as refs/tags/v0.1.0")
    parsed = parser.parse_args(arguments)
    try:
        key = _read_key(parsed.key) if parsed.key else None
        out, err, status = report(
            parsed.folder.resolve(), check(parsed.folder, key, parsed.commit, parsed.ref)
        )
    except ReleaseError as error:
        out, err, status = [], [str(error)], error.kind.value
    except OSError as error:
        failure = ReleaseError(
            Kind.INVALID, f"cannot be read: {error.strerror}", where=str(error.filename)
        )
        out, err, status = [], [str(failure)], failure.kind.value
    for line in out:
        print(line)
    for line in err:
        print(line, file=sys.stderr)
    return status


def _read_key(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(
            Kind.MISSING, f"cannot be read: {error.strerror}", where=str(path)
        ) from None
