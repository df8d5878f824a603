"""Addresses of clients and ranges of them."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parsed(text: str | None) -> Address | None:
    """The address that a text is, None for any other; IPv4 written as IPv6 is IPv4."""
    try:
        found = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network(text: str) -> Network:
    """An address or range such as 192.0.2.0/24, IPv4 in either notation.

    Raises ValueError for others, and for bits behind the prefix.
    """
    return _plain(ipaddress.ip_network(text.strip()))


def _plain(one: Network) -> Network:
    """As `parsed` does with addresses: a range of IPv4 written as IPv6 is the one of IPv4."""
    mapped = getattr(one.network_address, "ipv4_mapped", None)
    before = one.max_prefixlen - ipaddress.IPV4LENGTH
    if mapped is None or one.prefixlen < before:
        return one
    return ipaddress.IPv4Network((mapped, one.prefixlen - before))


class Ranges:
    """Ranges, some until a time; a look-up takes as many steps as there are different prefix lengths."""

    def __init__(self, rows: Iterable[tuple[str, datetime | None]]) -> None:
        self._by_length: defaultdict[tuple[int, int], dict[int, datetime | None]] = defaultdict(dict)
        for text, until in rows:
            one = _plain(ipaddress.ip_network(text, strict=False))
            bits = one.max_prefixlen - one.prefixlen
            known = self._by_length[one.version, bits]
            number = int(one.network_address) >> bits
            # Of the same range listed twice, the entry that lasts longer counts.
            former = known.get(number, until)
            known[number] = None if until is None or former is None else max(until, former)

    def has(self, address: Address | None, now: datetime) -> bool:
        """Whether the address is in a range that lasts; an unknown one is in none."""
        if address is None:
            return False
        number = int(address)
        for (version, bits), known in self._by_length.items():
            key = number >> bits
            if version == address.version and key in known:
                until = known[key]
                if until is None or now < until:
                    return True
        return False
