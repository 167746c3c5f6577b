"""References to artifacts in a registry: ``oci://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]``, parsed strictly.

The host has to be written (spec/bundle.md B-26): a first part without a dot, colon or the word ``localhost`` would
silently mean Docker Hub. The grammar of repository, tag and digest is that of the OCI distribution specification.
Nothing here speaks to a registry.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aicr_core.api import AicrError, Code

SCHEME = "oci://"
LONGEST = 1024
"""More than any reference can have: 255 for host and repository, 128 for a tag, 71 for a digest."""
HUB = "docker.io"
HUB_API = "registry-1.docker.io"
"""Docker Hub's registry answers under a name of its own."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Reference(NamedTuple):
    """One artifact of a registry, by tag or by digest; the digest counts where both are given."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"

    @property
    def uri(self) -> str:
        """The reference as a user writes it."""
        return f"{SCHEME}{self}"

    @property
    def api_host(self) -> str:
        """Host and port that answer for it."""
        return HUB_API if self.host == HUB else self.host

    @property
    def version(self) -> str:
        """What the registry is asked for: the digest, else the tag."""
        return self.digest or self.tag

    def at(self, digest: str) -> Reference:
        """Give the reference by digest alone, which always means the same bytes."""
        return self._replace(tag="", digest=digest)


def parse(uri: str) -> Reference:
    """Read a reference. Raises AicrError(INVALID_REQUEST) that says which part is wrong, and how to mend it."""
    rest = uri.removeprefix(SCHEME)
    if len(rest) > LONGEST:
        raise AicrError(Code.INVALID_REQUEST, "the reference is too long", where=f"{uri[:60]}...")
    host, slash, path = rest.partition("/")
    if "@" in host:
        # Whatever stands before the @ may be a password: it is not repeated.
        raise AicrError(
            Code.INVALID_REQUEST,
            "a reference holds no user name or password",
            where=f"{SCHEME}...@{host.rpartition('@')[2]}",
            hint="log in with `docker login`; its credentials are used",
        )
    _check_host(host, slash, uri)
    path, at, digest = path.partition("@")
    repository, colon, tag = path.partition(":")
    if not _REPOSITORY.fullmatch(repository) or len(host) + len(repository) >= 255:
        raise _bad(uri, f'"{repository}" is no name of a repository', "use lower case: team/stack")
    if colon and not _TAG.fullmatch(tag):
        raise _bad(uri, f'"{tag}" is no tag', "use letters, digits, and . _ - inside")
    if at and not _DIGEST.fullmatch(digest):
        raise _bad(uri, f'"{digest}" is no digest', "write @sha256: and 64 hexadecimal digits")
    return Reference(host.lower(), repository, tag, digest)


def default_tag(version: str) -> str:
    """Make a version a tag: ``+``, which a tag cannot hold, becomes ``_``, as Helm does."""
    return version.replace("+", "_")


def _check_host(host: str, slash: str, uri: str) -> None:
    if not slash:
        raise _bad(uri, "it names no repository", "write oci://registry.example.com/team/stack:tag")
    if not _HOST.fullmatch(host):
        raise _bad(uri, f'"{host}" is no host', "write oci://registry.example.com/team/stack:tag")
    if not ("." in host or ":" in host or host.lower() == "localhost"):
        raise _bad(
            uri, f'"{host}" has no dot and no port, so it is no registry',
            f"write the registry too, such as oci://{HUB}/{host}/...",
        )  # fmt: skip
    port = host.rpartition("]")[2].partition(":")[2]
    if port and not 0 < int(port) < 65536:
        raise _bad(uri, f"{port} is no port", "a port is a number from 1 to 65535")


def _bad(uri: str, message: str, hint: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, message, where=uri, hint=hint)
