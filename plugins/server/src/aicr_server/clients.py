"""Who a request comes from, as the rate limit counts: the peer, or what a proxy that we trust says of it.

``X-Forwarded-For`` is the client's own word up to the first address that a trusted proxy wrote, so it is read from its
end: the last address that is no trusted proxy is the client (spec/server.md 22, limiter).
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST_BITS = 64
"""Whoever has one address of IPv6 has a network of this size, so that is one client."""


class Clients:
    """Names clients; ``trusted`` are the networks of proxies."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(item) for item in trusted)
        # Parsing costs more than the rest of the limiter; peers come again.
        self._peer = functools.lru_cache(maxsize=4096)(self._named)

    def name(self, peer: str, forwarded: str) -> str:
        """Give what tells clients apart; ``forwarded`` is the header's text, every line of it."""
        shown, is_proxy = self._peer(peer)
        if not is_proxy or not forwarded:
            return shown
        for item in reversed(forwarded.split(",")):
            shown, is_proxy = self._peer(item.strip())
            if not is_proxy:
                break
        return shown

    def _named(self, text: str) -> tuple[str, bool]:
        address = _address(text)
        if address is None:
            # No address at all (a socket of the file system, an obfuscated name): its own text, within bounds.
            return text[:64], False
        proxy = any(
            address.version == network.version and address in network for network in self._trusted
        )
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((int(address) >> 64 << 64, _HOST_BITS))), proxy
        return str(address), proxy


def _address(text: str) -> Address | None:
    """Give an address; one of IPv4 that a dual stack socket shows as IPv6 is told as what it is."""
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
