"""Bearer tokens, when the operator gives a file of them: ``NAME:SHA256`` a line (spec/server.md 22).

The file is read again when it changes, so a token can be taken away without a restart. Probes stay open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code
from aicr_server.page import is_part
from aicr_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_LINE = re.compile(r"([A-Za-z0-9._-]+):([0-9a-f]{64})\Z")
_OPEN = frozenset({"/health", "/ready"})


class Guard:
    """Lets requests pass that carry a known token; all of them without a file."""

    def __init__(self, token_file: str, told: Callable[[str], None] = lambda _text: None) -> None:
        """Read the file. Raises AicrError(INVALID_REQUEST) for one that cannot be used.

        ``told`` hears of a file that cannot be used later: what was valid stays so, and an operator has to know.
        """
        self._file = token_file
        self._told = told
        self._state: tuple[int, ...] = ()
        self._digests: tuple[str, ...] = ()
        if token_file:
            self._load()

    def refuses(self, path: str, authorization: str) -> Problem | None:
        """Give the problem of a request that may not pass, or None."""
        if not self._file or path in _OPEN or is_part(path):
            return None
        self._refresh()
        scheme, _, token = authorization.partition(" ")
        given = hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest()
        # Every digest is compared, so the time says nothing of which one is near.
        known = [hmac.compare_digest(given, digest) for digest in self._digests]
        if scheme.lower() == "bearer" and any(known):
            return None
        return Problem(
            Code.UNAUTHORIZED, "A valid bearer token is needed",
            headers={"www-authenticate": 'Bearer realm="aicrd"'},
        )  # fmt: skip

    def _refresh(self) -> None:
        """Read the file again if it is another one; a bad edit locks nobody out, but is told, once."""
        state = _state(self._file)
        if state == self._state:
            return
        self._state = state
        try:
            self._load()
        except AicrError as error:
            self._told(f"the token file cannot be used, former tokens stay valid: {error}")

    def _load(self) -> None:
        state = _state(self._file)
        try:
            with open(self._file, encoding="utf-8") as stream:
                lines = [line.strip() for line in stream]
        except (OSError, UnicodeDecodeError) as error:
            raise AicrError(
                Code.INVALID_REQUEST, f"cannot read {self._file}: {error}", where="AICR_TOKEN_FILE"
            ) from None
        digests = []
        for number, line in enumerate(lines, start=1):
            if not line or line.startswith("#"):
                continue
            found = _LINE.match(line)
            if found is None:
                raise AicrError(
                    Code.INVALID_REQUEST, "no NAME:SHA256", where=f"{self._file}:{number}",
                    hint="write the digest of the token: printf %s TOKEN | sha256sum",
                )  # fmt: skip
            digests.append(found[2])
        self._digests = tuple(digests)
        self._state = state


def _state(path: str) -> tuple[int, ...]:
    """Give what changes when a file is edited or replaced, also by one of the same size and time; () for none."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return (status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size)
