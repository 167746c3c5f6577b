"""What is installed, by digest: a distribution's version and the digest of its RECORD, for statements and bills.

The digest is over the lines that came with the wheel, sorted, so one wheel has the same digest wherever it is
installed: pip adds lines of its own (compiled files, scripts with this machine's interpreter, INSTALLER). A working
tree (editable install) has a version and no digest, because nothing recorded what its files are.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.plugins import discovery

if TYPE_CHECKING:
    from collections.abc import Iterable

_ADDED = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")


class Installed(NamedTuple):
    """A distribution by its normal name; ``sha256`` is empty for a working tree."""

    name: str
    version: str
    sha256: str


def installed(names: Iterable[str], folders: list[str] | None = None) -> list[Installed]:
    """Give the distributions of these names that are there, sorted by name; the first on the search path counts."""
    wanted = {normal(name) for name in names}
    found: dict[str, Installed] = {}
    for folder in discovery.search_path() if folders is None else folders:
        try:
            entries = sorted(entry for entry in os.listdir(folder) if entry.endswith(".dist-info"))
        except OSError:
            continue
        for entry in entries:
            # "some_name-1.0.dist-info": cheap to pass over before a file is opened.
            name = normal(entry.partition("-")[0])
            if name in wanted and name not in found:
                info = os.path.join(folder, entry)
                found[name] = Installed(name, discovery.metadata(info)[1], _digest(info))
    return [found[name] for name in sorted(found)]


def altered(name: str, folders: list[str] | None = None) -> list[str]:
    """Give the files of a distribution that are not what its RECORD says, or are gone; sorted, below its folder.

    A digest of the RECORD tells which wheel was installed; this tells whether its files are still the wheel's.
    """
    import base64

    wanted = normal(name)
    for folder in discovery.search_path() if folders is None else folders:
        for entry in sorted(os.listdir(folder)):
            if not entry.endswith(".dist-info") or normal(entry.partition("-")[0]) != wanted:
                continue
            changed = []
            for path, digest, _ in _rows(os.path.join(folder, entry)):
                algorithm, _, expected = digest.partition("=")
                if algorithm != "sha256" or os.path.isabs(path):
                    continue
                try:
                    with open(os.path.join(folder, path), "rb") as stream:
                        found = hashlib.file_digest(stream, "sha256").digest()
                except OSError:
                    found = b""
                if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != expected:
                    changed.append(path)
            return sorted(changed)
    return []


def normal(name: str) -> str:
    """Give a distribution's name in its normal form (packaging specification, "name normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(info: str) -> str:
    rows = _rows(info)
    if not rows or _editable(info):
        return ""
    own = os.path.basename(info)
    added = {f"{own}/{name}" for name in _ADDED}
    lines = [
        f"{path},{digest},{size}\n"
        for path, digest, size in rows
        if digest and path not in added and not path.startswith(("../", "/"))
    ]
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8")).hexdigest()


def _rows(info: str) -> list[list[str]]:
    """Give path, digest and size of each line of the RECORD of a ``.dist-info`` folder; none without one."""
    try:
        with open(os.path.join(info, "RECORD"), encoding="utf-8", newline="") as stream:
            return [row for row in csv.reader(stream) if len(row) == 3]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _editable(info: str) -> bool:
    import json

    try:
        with open(os.path.join(info, "direct_url.json"), encoding="utf-8") as stream:
            document = json.load(stream)
        return bool(document["dir_info"]["editable"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
