"""References of container images: their grammar, taken apart and put together again.

The grammar is that of the distribution project's reference package (what Docker, containerd and registries take).
No registry is asked, and where a reference stands in a document is not known here (``engine.images``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_REGISTRY = "docker.io"
"""Where a reference without a registry leads."""

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>{_HOST})/)?(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
_LONGEST = 1024


class ImageReference(NamedTuple):
    """A reference taken apart, each part as it was written; a part that was not is empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        host = f"{self.registry}/" if self.registry else ""
        tag = f":{self.tag}" if self.tag else ""
        return f"{host}{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"

    @property
    def full(self) -> ImageReference:
        """The same image with everything written out: registry, ``library/``, and ``latest`` where nothing pins it."""
        registry = self.registry or DEFAULT_REGISTRY
        repository = self.repository
        if registry in (DEFAULT_REGISTRY, f"index.{DEFAULT_REGISTRY}"):
            registry = DEFAULT_REGISTRY
            repository = repository if "/" in repository else f"library/{repository}"
        tag = self.tag or ("" if self.digest else "latest")
        return ImageReference(registry, repository, tag, self.digest)


def image_reference(text: str) -> ImageReference | None:
    """Take a reference apart; None for a text that is none.

    The first part names a registry if it has a dot, a colon or an upper-case letter, or is ``localhost``.
    """
    found = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    registry, repository = found["registry"] or "", found["repository"]
    if registry and not _is_host(registry):
        repository, registry = f"{registry}/{repository}", ""
        if not re.fullmatch(rf"{_PART}(?:/{_PART})*", repository):
            return None
    return ImageReference(registry, repository, found["tag"] or "", found["digest"] or "")


def _is_host(text: str) -> bool:
    return "." in text or ":" in text or text == "localhost" or any(c.isupper() for c in text)
