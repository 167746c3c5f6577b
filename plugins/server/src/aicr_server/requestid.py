"""The identifier of a request: the client's where it is a UUID, in any usual spelling, else a new one."""

from __future__ import annotations

import re
import uuid

_HEX = "[0-9a-fA-F]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = re.compile(rf"(?:(?:urn:uuid:)?{_DASHED}|\{{{_DASHED}\}}|{_HEX}{{32}})\Z", re.IGNORECASE)


def of(given: str) -> str:
    """Give the identifier of a request whose ``X-Request-Id`` is ``given``, byte for byte, or a random one."""
    text = given.strip()
    return text if _UUID.match(text) else str(uuid.uuid4())
