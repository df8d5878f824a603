"""Which client really asks, when proxies stand in between."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

UNIX = "unix"
Handler = Callable[[HttpRequest], HttpResponse]
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


def tell_scheme(answer: Handler) -> Handler:
    """Middleware: what a trusted proxy says about the client's own connection holds for everything behind it."""

    def handle(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        if told in ("http", "https") and from_trusted_peer(request):
            request.META["wsgi.url_scheme"] = told
        return answer(request)

    return handle


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
