"""Which client really asks, when proxies stand in between."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

UNIX = "unix"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def from_trusted_peer(request: HttpRequest) -> bool:
    """Whether the connection comes from a proxy whose forwarded headers count; a Unix socket has no address."""
    return _trusted(request.META.get("REMOTE_ADDR", ""))


def client_address(request: HttpRequest) -> str:
    """Address of the client: the right-most forwarded one that is no trusted proxy; empty when nobody told it."""
    peer = request.META.get("REMOTE_ADDR", "")
    if not _trusted(peer):
        return str(peer)
    for hop in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        told = hop.strip()
        if not told:
            continue
        if not _is_address(told):
            return str(peer)
        if not _trusted(told):
            return told
    return str(peer)


def is_secure(request: HttpRequest) -> bool:
    """Whether the client's own connection is encrypted."""
    if from_trusted_peer(request) and "X-Forwarded-Proto" in request.headers:
        return request.headers["X-Forwarded-Proto"].strip() == "https"
    return request.is_secure()


def _trusted(address: str) -> bool:
    trusted = settings.MULTIFLEXI_TRUSTED_PROXIES
    if not address:
        return UNIX in trusted
    if not _is_address(address):
        return False
    one = ipaddress.ip_address(address)
    return any(one in network for network in _networks(tuple(trusted)))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> list[Network]:
    return [ipaddress.ip_network(one, strict=False) for one in trusted if one != UNIX]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
