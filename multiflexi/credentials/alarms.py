"""One line and one notification when a credential changes for the worse, one of each when it recovers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from multiflexi.credentials.judging import rank
from multiflexi.models import Availability, Credential, Outbox, OutboxKind
from multiflexi.record import outbox
from multiflexi.record.plain import instant

log = logging.getLogger(__name__)

KIND = "credential"


@dataclass(frozen=True)
class Change:
    """A check has found another state than the one before it; `message` is masked."""

    credential: Credential
    before: Availability
    after: Availability
    message: str
    at: datetime
    gate_on_degraded: bool

    def _rank(self, state: Availability) -> int:
        return rank(state, gate_on_degraded=self.gate_on_degraded)

    @property
    def is_worse(self) -> bool:
        return self._rank(self.after) > self._rank(self.before)

    @property
    def is_recovery(self) -> bool:
        return self._rank(self.before) > 0 == self._rank(self.after)

    @property
    def is_worth_telling(self) -> bool:
        return self.is_worse or self.is_recovery


def leave(changes: Sequence[Change]) -> None:
    """Leave the notifications, in the transaction that stores the states."""
    if changes:
        outbox.add([_notification(one) for one in changes])


def tell(changes: Sequence[Change]) -> None:
    """Write the lines, behind the commit."""
    for one in changes:
        level = logging.INFO
        if one.is_worse:
            level = logging.ERROR if one.after == Availability.MISCONFIGURED else logging.WARNING
        words = {
            "credential": one.credential.pk,
            "company": one.credential.company_id,
            "availability": one.after.value,
            "why": one.message,
        }
        log.log(level, "a credential %s", "cannot be used" if one.is_worse else "can be used again", extra=words)


def _notification(one: Change) -> Outbox:
    payload = {
        "subject": KIND,
        "credential_id": one.credential.pk,
        "name": one.credential.name,
        "before": one.before,
        "after": one.after,
        "message": one.message,
        "at": one.at,
    }
    identity = outbox.key(KIND, one.credential.pk, one.after.value, instant(one.at))
    return outbox.row(OutboxKind.NOTIFICATION, identity, payload, company_id=one.credential.company_id)
