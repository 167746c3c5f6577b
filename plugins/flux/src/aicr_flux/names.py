"""Names of objects made from addresses: DNS-1123, the same for the same address, never one for two. Pure."""

from __future__ import annotations

import hashlib
import re

_LIMIT = 50


def slug(address: str) -> str:
    """Give host and path of an address as a DNS-1123 label, without scheme, user and ``.git``."""
    text = address.partition("://")[2] or address
    host, slash, rest = text.partition("/")
    text = host.rpartition("@")[2] + slash + rest.removesuffix("/").removesuffix(".git")
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "source"
    return name if len(name) <= _LIMIT else f"{name[: _LIMIT - 9].rstrip('-')}-{_digest(address)}"


def distinct(addresses: dict[str, str]) -> dict[str, str]:
    """Give a name for each key; ``addresses`` maps keys to what their names are made from.

    Where two would get one name, each gets a digest of its key as well, so that no name depends on the others' order.
    """
    plain = {key: slug(address) for key, address in addresses.items()}
    used = list(plain.values())
    return {
        key: name if used.count(name) == 1 else f"{name}-{_digest(key)}"
        for key, name in plain.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
