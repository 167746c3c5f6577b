"""A running aicrd for pages of the manual with the mark ``<!-- server: NAME -->``: its address is ``$NAME``."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from http_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = re.compile(r"^<!-- server: (?P<name>[A-Z]+) -->$", re.MULTILINE)


@contextlib.contextmanager
def server_of(text: str) -> Iterator[dict[str, str]]:
    """Give the variables that a page's commands find the server by; none where it has no mark."""
    found = _MARK.search(text)
    if found is None:
        yield {}
        return
    with running() as (port, _):
        yield {found["name"]: f"http://127.0.0.1:{port}"}
