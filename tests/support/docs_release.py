"""The release of a manual page: a small one, with its public key and the scripts that check it. No tests in here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

MARK = re.compile(r"<!-- release: (?P<name>\S+) -->")


def release_of(text: str, folder: pathlib.Path, work: pathlib.Path) -> None:
    """Put the release that a page has, if any, into its folder: ``NAME/``, ``aicr-release.pub``, ``packaging/``."""
    found = MARK.search(text)
    if found is None:
        return
    import release_lab

    repository = release_lab.repository(work / "repository")
    private, public = release_lab.key(work)
    release_lab.released(repository, work / "made", private).rename(folder / found["name"])
    public.rename(folder / "aicr-release.pub")
    (folder / "packaging").symlink_to(release_lab.ROOT / "packaging")
