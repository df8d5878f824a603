"""The counters of rate limits in Redis: one key per client and scope, counted up by one script."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings

from multiflexi.environ import SettingsError
from multiflexi.services.rate_store import Counted

SCHEMES = ("redis", "rediss", "unix")
PREFIX = "multiflexi"
TIMEOUT_SECONDS = 1.0
# A server that did not answer is not asked again for this time, lest every request waits for it.
AWAY_SECONDS = 2.0
# The same rules as in the statement of rate_store: a window that has begun later elsewhere counts.
_COUNT = """
local known = redis.call('HMGET', KEYS[1], 'start', 'requests', 'previous')
local start, number, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local begun, requests, previous = tonumber(known[1]), tonumber(known[2]) or 0, tonumber(known[3]) or 0
if begun == nil or begun < start then
    if begun == start - window then previous = math.min(requests, limit) else previous = 0 end
    requests, begun = 0, start
end
requests = requests + number
redis.call('HSET', KEYS[1], 'start', begun, 'requests', requests, 'previous', previous)
redis.call('EXPIRE', KEYS[1], 2 * window)
return {requests, previous}
"""
_GIVE_BACK = """
local known = redis.call('HMGET', KEYS[1], 'start', 'requests')
if tonumber(known[1]) == tonumber(ARGV[1]) and tonumber(known[2]) >= tonumber(ARGV[2]) then
    redis.call('HINCRBY', KEYS[1], 'requests', -ARGV[2])
end
return 0
"""


class Away(Exception):
    """Redis cannot be used; the message says why."""


class Server(NamedTuple):
    """A connection to a server, and what the names of our keys begin with there."""

    client: Any
    prefix: str


_asked_again_at = 0.0


def count(identifier: str, scope: str, number: int, *, window: int, start: float, limit: int) -> Counted:
    """Add requests to the window that began at `start` (Unix time), and read the sum; see `give_back`.

    Atomic among all processes and hosts. Raises Away.
    """
    return Counted(*_run(_COUNT, identifier, scope, int(start), number, window, limit))


def give_back(identifier: str, scope: str, number: int, *, start: float) -> None:
    """Take back what was counted but not granted: refused requests keep nobody out. Raises Away."""
    _run(_GIVE_BACK, identifier, scope, int(start), number)


def ping(timeout: float = TIMEOUT_SECONDS) -> str:
    """The version of the server of CACHE_URL. Raises Away and SettingsError."""
    client = connected(settings.CACHE_URL, timeout).client
    import redis

    try:
        return str(client.info("server")["redis_version"])
    except (redis.RedisError, OSError) as error:
        raise Away(_told(error)) from error


@lru_cache(maxsize=2)
def connected(address: str, timeout: float = TIMEOUT_SECONDS) -> Server:
    """The server at an address such as redis://host:6379/0?prefix=name. Raises SettingsError for an unusable one."""
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise SettingsError(
            "CACHE_URL is set, but the library for Redis is missing: pip install multiflexi[redis].", "CACHE_URL"
        ) from None
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    prefix = options.pop("prefix", PREFIX)
    try:
        if parts.scheme not in SCHEMES:
            raise ValueError
        client = redis.Redis.from_url(
            # Not put together anew, which loses the slashes of unix:///.
            "?".join((address.partition("?")[0], urlencode(options))),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Once more at once, for a server that was restarted; the library's own pauses would hold requests.
            retry=Retry(NoBackoff(), 1),
        )
        # An option that the library does not know is found here, and not when it connects.
        client.connection_pool.make_connection()
    except (ValueError, TypeError, redis.RedisError):
        raise SettingsError(
            "CACHE_URL is unusable: it must be like redis://:password@cache.example.org:6379/0.", "CACHE_URL"
        ) from None
    return Server(client, prefix)


def forget() -> None:
    """Ask again at once, also a server that did not answer."""
    global _asked_again_at  # noqa: PLW0603
    _asked_again_at = 0.0
    connected.cache_clear()


def _run(script: str, identifier: str, scope: str, *values: int) -> Any:
    global _asked_again_at  # noqa: PLW0603
    import redis

    if time.monotonic() < _asked_again_at:
        raise Away("it did not answer a moment ago")
    server = connected(settings.CACHE_URL)
    try:
        return server.client.register_script(script)([f"{server.prefix}:rate:{scope}:{identifier}"], values)
    except (redis.RedisError, OSError) as error:
        _asked_again_at = time.monotonic() + AWAY_SECONDS
        raise Away(_told(error)) from error


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
