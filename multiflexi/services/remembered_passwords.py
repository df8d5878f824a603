"""Passwords found right a short time ago: their slow hash at each request would cap the rate of a whole installation.

Kept are codes of (stored hash, given password) under a key of this process only, so a changed password is unknown at
once. Nothing about the account itself is remembered.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict

SECONDS = 300.0
MOST = 1000

_key = secrets.token_bytes(32)
_until: OrderedDict[bytes, float] = OrderedDict()
_lock = threading.Lock()


def holds(stored: str, password: str) -> bool:
    """Whether this password was found to fit this stored hash in the last SECONDS."""
    with _lock:
        return _until.get(_code(stored, password), 0.0) > time.monotonic()


def keep(stored: str, password: str) -> None:
    """Remember that the password fits; the oldest is forgotten when there are more than MOST."""
    with _lock:
        _until[_code(stored, password)] = time.monotonic() + SECONDS
        while len(_until) > MOST:
            _until.popitem(last=False)


def forget() -> None:
    """Forget all."""
    with _lock:
        _until.clear()


def _code(stored: str, password: str) -> bytes:
    return hmac.digest(_key, f"{stored}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
