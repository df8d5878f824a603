"""Calls of providers that have not come back although their time is over.

No thread can be ended from outside, so what is bounded is their number: one for each credential and some for each
provider, in the whole process. A provider that hangs is refused until a call of it comes back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import Provider, Result
from multiflexi.models import Availability

STUCK_AT_MOST = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call under way, and until when it should be back by the monotonic clock."""

    credential_id: int
    provider: Provider
    until: float


_calls: set[_Call] = set()
_lock = threading.Lock()


@contextmanager
def noted(credential_id: int, provider: Provider, until: float) -> Iterator[None]:
    """Note a call for as long as it takes."""
    call = _Call(credential_id, provider, until)
    with _lock:
        _calls.add(call)
    try:
        yield
    finally:
        with _lock:
            _calls.discard(call)


def number() -> int:
    """How many calls are overdue in this process."""
    return len(_overdue())


def refusal(credential_id: int, provider: Provider) -> Result | None:
    """The result that stands for a call that is not made, because earlier ones have not come back."""
    same = [call for call in _overdue() if call.provider is provider]
    if any(call.credential_id == credential_id for call in same):
        told = _(
            "An earlier check has not come back, so no other one was begun. If that stays so, restart the executor."
        )
        return Result(Availability.UNAVAILABLE, told, ttl=0)
    if len(same) >= STUCK_AT_MOST:
        told = _("%(number)d earlier checks of this kind have not come back yet, so no other one was begun.")
        return Result(Availability.UNAVAILABLE, told % {"number": len(same)}, ttl=0)
    return None


def _overdue() -> list[_Call]:
    now = time.monotonic()
    with _lock:
        return [call for call in _calls if call.until <= now]
