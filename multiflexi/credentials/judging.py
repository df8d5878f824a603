"""What the result of a check means: how long it counts, and whether it stops jobs."""

from __future__ import annotations

import random
from dataclasses import dataclass

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import Result
from multiflexi.models import Availability, Credential

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 900.0
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """How many checks in a row have failed now, and for how many seconds the result counts."""

    failures: int
    seconds: float


def rank(state: str, *, gate_on_degraded: bool) -> int:
    """How much a state keeps from jobs: 0 nothing, 1 they wait, 2 they are blocked."""
    if state == Availability.MISCONFIGURED:
        return 2
    return int(state == Availability.UNAVAILABLE or (gate_on_degraded and state == Availability.DEGRADED))


def in_words(credential: Credential) -> str:
    """What is known about a credential, for people; the message was masked when it was stored."""
    told = {
        "name": credential.name,
        "id": credential.pk,
        "state": Availability(credential.availability).label,
        "message": credential.availability_message or "",
    }
    return (_("Credential %(name)s (%(id)d): %(state)s. %(message)s") % told).rstrip()


def judge(result: Result, failures: int, *, gate_on_degraded: bool, draw: random.Random | None = None) -> Judgement:
    """Judge a result; `failures` checks in a row have failed before it, and each one more lengthens the pause."""
    seconds = result.ttl if result.ttl > 0 else FIRST_PAUSE_SECONDS
    if not rank(result.state, gate_on_degraded=gate_on_degraded):
        return Judgement(0, seconds)
    failures += 1
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_SECONDS)
    spread = (draw or random).uniform(1.0, 1.0 + JITTER)
    return Judgement(failures, max(seconds, pause) * spread)
