"""What a distribution says of itself: name, version, licence, requirements; of a wheel or of one installed here.

A licence is taken as declared: the SPDX expression, else the old text where it means one SPDX licence, else the
classifier where that does. What is ambiguous ("BSD") has to be looked up once and is written down in ``CONCLUDED``.
"""

from __future__ import annotations

import email.parser
import importlib.metadata
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib
    from email.message import Message

CONCLUDED = {
    "jinja2": "BSD-3-Clause",
    "nvidia-ml-py": "BSD-3-Clause",
    "sigstore-models": "MIT",
}
"""Licences read from the licence file by hand, where the metadata does not say which of a family it is."""

SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}
"""Free text and classifiers that mean exactly one SPDX licence."""


@dataclass(frozen=True)
class Metadata:
    """The part of a distribution's metadata that an SBOM holds. ``extras`` are those it offers."""

    name: str
    version: str
    summary: str
    licence: str
    concluded: bool
    requires: tuple[Requirement, ...]
    extras: tuple[str, ...]


def of_wheel(path: pathlib.Path) -> Metadata:
    """Read the metadata of a wheel."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return _read(email.parser.BytesParser().parsebytes(archive.read(name)))


def of_installed(name: str) -> Metadata | None:
    """Read the metadata of a distribution of this environment; None where it is not installed."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return _read(email.parser.Parser().parsestr(text))


def _read(headers: Message) -> Metadata:
    name = canonicalize_name(str(headers["Name"]))
    licence = _licence(headers)
    concluded = not licence
    if concluded:
        licence = CONCLUDED.get(name, "")
    if not licence:
        raise ReleaseError(
            Kind.INVALID,
            "its metadata does not say under which SPDX licence it is",
            where=name,
            hint="read its licence file and add it to CONCLUDED in packaging/release/aicr_release/metadata.py",
        )
    return Metadata(
        name,
        str(headers["Version"]),
        str(headers.get("Summary", "")),
        licence,
        concluded,
        tuple(Requirement(text) for text in headers.get_all("Requires-Dist", [])),
        tuple(sorted(headers.get_all("Provides-Extra", []))),
    )


def _licence(headers: Message) -> str:
    """Give the declared SPDX expression, or '' where the metadata does not name exactly one."""
    if headers["License-Expression"]:
        return str(headers["License-Expression"])
    from cyclonedx.spdx import is_expression

    classifiers = [
        c.rpartition(" :: ")[2]
        for c in headers.get_all("Classifier", [])
        if c.startswith("License :: OSI Approved :: ")
    ]
    for text in [str(headers.get("License", "")), *(classifiers if len(classifiers) == 1 else [])]:
        if known := SPELLINGS.get(text.strip().lower()):
            return known
        if text.strip() and is_expression(text.strip()):
            return text.strip()
    return ""
