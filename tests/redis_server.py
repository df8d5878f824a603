"""The Redis server of tests, with names that no other test uses."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests import needs

ADDRESS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@contextmanager
def names_of_our_own() -> Iterator[str]:
    """A CACHE_URL; what was written there is deleted. Without a server the test is left out, in CI it fails."""
    prefix = f"multiflexi-test-{uuid.uuid4().hex}"
    client = redis.Redis.from_url(ADDRESS, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except redis.RedisError as error:
        needs.missing(f"no Redis server at {ADDRESS}: {error}")
    try:
        yield f"{ADDRESS}?prefix={prefix}"
    finally:
        for name in client.scan_iter(f"{prefix}:*"):
            client.delete(name)
        client.close()
