"""How often somebody may ask: a sliding window per client and scope, shared by all processes and hosts.

Windows are counted in Redis where CACHE_URL names one, else in the database.

The window is estimated from two fixed ones: what was counted in this, and of that before as much as still lies within
the last `window` seconds. A process that serves many requests of one client takes several from the shared counter at
once, and hands them out until the window ends; so a client is never granted more than the limit, and hardly less.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from multiflexi.services import rate_redis, rate_store
from multiflexi.services.addresses import parsed
from multiflexi.services.errors import TooMany

log = logging.getLogger(__name__)

HOUR = 3600
MOST_AT_ONCE = 20
# One that hands out what it took within this time takes twice as much next time.
BRISK_SECONDS = 0.5
# Taken at once are no more than this part of what is left.
PART = 50
REMEMBERED = 10_000
# A refused client is refused again for this time without asking the database.
REFUSED_SECONDS = 1.0
FORGET_EVERY = 1000
ALARM_SECONDS = 60.0
IPV6_NETWORK = 64


class Scope(StrEnum):
    """What is counted apart."""

    ANON = "anon"
    USER = "user"
    LOGIN = "login"
    EXPORT = "export"
    # What clients ask of OAuth2 in vain.
    OAUTH = "oauth"
    JOB_CREATE = "job-create"
    BULK = "bulk"
    STREAM = "stream"
    # Links for new passwords: by address, and by account.
    RECOVERY = "recovery"
    LINK = "link"


# Nobody may guess passwords or carry data away because a counter cannot be read.
FAILS_CLOSED = frozenset({Scope.LOGIN, Scope.EXPORT, Scope.RECOVERY, Scope.LINK, Scope.OAUTH})
# What a store raises that cannot be used.
AWAY = (DatabaseError, InterfaceError, rate_redis.Away)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    window: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is granted; `remaining` more are, and `reset` are the seconds until this window ends."""

    scope: Scope
    limit: Limit
    allowed: bool
    remaining: int
    reset: int
    retry_after: int = 0


class Exceeded(TooMany):
    """A service counts something itself, and this was one too many."""

    def __init__(self, message: str, decision: Decision) -> None:
        super().__init__(message, "rate_limited", retry_after=decision.retry_after)
        self.decision = decision


class Unavailable(Exception):
    """The counter of a scope that fails closed cannot be used."""


@dataclass(slots=True)
class _Supply:
    """What this process holds of one client's window."""

    start: float
    left: int = 0
    size: int = 1
    taken_at: float = 0.0
    remaining: int = 0
    free_at: float = 0.0
    asks_again_at: float = 0.0


_supplies: OrderedDict[tuple[str, str], _Supply] = OrderedDict()
_lock = threading.Lock()
_statements = 0
_alarmed_at = -ALARM_SECONDS


def limit_of(scope: Scope) -> Limit:
    """The limit of a scope; that of users is configurable."""
    if scope in (Scope.USER, Scope.JOB_CREATE):
        return Limit(settings.API_RATE_LIMIT_REQUESTS, settings.API_RATE_LIMIT_WINDOW)
    return {
        Scope.ANON: Limit(120, HOUR),
        Scope.LOGIN: Limit(10, 300),
        Scope.EXPORT: Limit(5, HOUR),
        Scope.OAUTH: Limit(10, 300),
        Scope.BULK: Limit(120, HOUR),
        Scope.STREAM: Limit(600, HOUR),
        Scope.RECOVERY: Limit(10, HOUR),
        Scope.LINK: Limit(3, HOUR),
    }[scope]


def limit_of_client(client_id: str, scope: Scope) -> Limit | None:
    """The limit that an OAuth2 application has of its own, where the installation gives it one."""
    requests = settings.API_RATE_LIMIT_CLIENTS.get(client_id) if scope in (Scope.USER, Scope.JOB_CREATE) else None
    return requests and Limit(requests, settings.API_RATE_LIMIT_WINDOW)


def client(*, token_id: int | None = None, user_id: int | None = None, address: str = "") -> str:
    """Whose requests are counted together: those of a token, else of a user, else of an address."""
    if token_id is not None:
        return f"token:{token_id}"
    return f"user:{user_id}" if user_id is not None else f"address:{_network(address)}"


def take(scope: Scope, who: str, limit: Limit | None = None) -> Decision | None:
    """Count one request; None where nothing is counted. At most one statement, none for most of many.

    `limit` is one of this client alone, always the same.
    Raises Unavailable for scopes that fail closed; others are granted when the store does not answer.
    """
    if not settings.API_RATE_LIMITING_ENABLED:
        return None
    limit, now = limit or limit_of(scope), time.time()
    start = now - now % limit.window
    supply = _held(scope, who, start)
    reset = math.ceil(start + limit.window - now)
    with _lock:
        if supply.left:
            supply.left -= 1
            return Decision(scope, limit, True, supply.remaining + supply.left, reset)
        if now < supply.asks_again_at:
            return Decision(scope, limit, False, 0, reset, max(1, math.ceil(supply.free_at - now)))
        size = _next_size(supply)
    try:
        return _take_more(scope, who, supply, limit=limit, size=size, now=now)
    except AWAY as error:
        _alarm(error)
        if scope in FAILS_CLOSED:
            raise Unavailable(str(scope)) from error
        return None


def give_back(scope: Scope, who: str) -> None:
    """Take back one request that was granted and counted just now: it was none of those that the scope is for."""
    if not settings.API_RATE_LIMITING_ENABLED:
        return
    with _lock:
        supply = _supplies.get((str(scope), who))
    if supply is None:
        return
    try:
        _store().give_back(who, str(scope), 1, start=supply.start)
    except AWAY as error:
        _alarm(error)


def forget() -> None:
    """Drop what this process holds."""
    with _lock:
        _supplies.clear()
    rate_redis.forget()


def _store() -> Any:
    return rate_redis if settings.CACHE_URL else rate_store


def _alarm(error: Exception) -> None:
    """Say that requests are not counted, once in a while."""
    global _alarmed_at  # noqa: PLW0603
    with _lock:
        if time.monotonic() - _alarmed_at < ALARM_SECONDS:
            return
        _alarmed_at = time.monotonic()
    log.error(
        "requests are not counted, because %s does not answer (%s): reading goes on unlimited; signing in, new "
        "passwords and exports are refused",
        "the server of CACHE_URL" if settings.CACHE_URL else "the database",
        error,
    )


def _take_more(scope: Scope, who: str, supply: _Supply, *, limit: Limit, size: int, now: float) -> Decision:
    counted = _store().count(who, str(scope), size, window=limit.window, start=supply.start, limit=limit.requests)
    if not settings.CACHE_URL:
        _forget_old()
    elapsed = now - supply.start
    used = counted.requests - size + counted.previous * max(0.0, 1 - elapsed / limit.window)
    granted = max(0, min(size, math.floor(limit.requests - used)))
    if granted < size:
        _store().give_back(who, str(scope), size - granted, start=supply.start)
    reset = math.ceil(limit.window - elapsed)
    with _lock:
        if not granted:
            wait = _wait(limit, counted.requests - size, counted.previous, elapsed)
            supply.free_at, supply.asks_again_at, supply.size = now + wait, now + min(wait, REFUSED_SECONDS), 1
            return Decision(scope, limit, False, 0, reset, math.ceil(wait))
        supply.left += granted - 1
        supply.size, supply.taken_at = size, time.monotonic()
        supply.remaining = max(0, math.floor(limit.requests - used) - granted)
        return Decision(scope, limit, True, supply.remaining + supply.left, reset)


def _held(scope: Scope, who: str, start: float) -> _Supply:
    key = (str(scope), who)
    with _lock:
        found = _supplies.get(key)
        if found is None or found.start != start:
            found = _supplies[key] = _Supply(start)
        _supplies.move_to_end(key)
        while len(_supplies) > REMEMBERED:
            _supplies.popitem(last=False)
        return found


def _next_size(supply: _Supply) -> int:
    brisk = time.monotonic() - supply.taken_at < BRISK_SECONDS
    wanted = supply.size * 2 if brisk else max(1, supply.size // 2)
    return max(1, min(wanted, MOST_AT_ONCE, supply.remaining // PART))


def _wait(limit: Limit, requests: int, previous: int, elapsed: float) -> float:
    """Seconds until one more request fits: as the window before moves out, or this one after it."""
    free = limit.requests - requests - 1
    if free >= 0 and previous:
        return max(1.0, limit.window * (1 - free / previous) - elapsed)
    share = limit.window * (1 - (limit.requests - 1) / max(requests, 1))
    return max(1.0, limit.window - elapsed + max(0.0, share))


def _network(address: str) -> str:
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
    return str(found or "")


def _forget_old() -> None:
    """Now and then, so that addresses seen once do not fill the table."""
    global _statements  # noqa: PLW0603
    _statements += 1
    if _statements % FORGET_EVERY == 0:
        rate_store.forget(rate_store.is_over(max(limit_of(scope).window for scope in Scope)))
