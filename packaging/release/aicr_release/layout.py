"""The names of a release's files, and what a name says: distribution, version, kind.

A release is one flat folder. ``SHA256SUMS`` lists the wheel, the sdist and the SBOM of every distribution;
``provenance.json`` states where these came from, ``provenance.dsse.json`` is the same statement signed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SUMS = "SHA256SUMS"
STATEMENT = "provenance.json"
ENVELOPE = "provenance.dsse.json"
# Signed by the builder of the public CI; slsa-verifier checks it, not we.
SLSA = "slsa.intoto.jsonl"
UNLISTED = frozenset({SUMS, STATEMENT, ENVELOPE, SLSA})
"""Files beside the listed ones: they speak about the list, so the list cannot hold their digests."""

# PEP 440 as a normalised version appears in a file name; names are normalised by the build backend.
_NAME = re.compile(
    r"(?P<name>[a-z0-9]+(?:_[a-z0-9]+)*)-(?P<version>[0-9][0-9a-z.+!]*?)"
    r"(?P<kind>-py3-none-any\.whl|\.tar\.gz|\.cdx\.json)"
)
_KINDS = {"-py3-none-any.whl": "wheel", ".tar.gz": "sdist", ".cdx.json": "sbom"}
KINDS = ("wheel", "sdist", "sbom")


@dataclass(frozen=True)
class Named:
    """What the name of a file says. ``name`` is the distribution's, with hyphens."""

    name: str
    version: str
    kind: str


def parse(file: str) -> Named | None:
    """Read a file's name; None when it is none of a release's."""
    found = _NAME.fullmatch(file)
    if found is None:
        return None
    return Named(found["name"].replace("_", "-"), found["version"], _KINDS[found["kind"]])


def sbom_of(name: str, version: str) -> str:
    """Give the name of the SBOM of a distribution."""
    return f"{name.replace('-', '_')}-{version}.cdx.json"
