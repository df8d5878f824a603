"""Checking whether credentials can be used now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from multiflexi.credentials import checking
from multiflexi.credentials.asking import LIMIT_SECONDS
from multiflexi.jobs.queue import backend
from multiflexi.models import Credential
from multiflexi.record.actor import Actor
from multiflexi.services.credential import query
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import need

# The other side notices every check, so nobody makes one of the same credential more often than this.
PAUSE_SECONDS = 10.0


def check(
    actor: Actor, credentials: Sequence[Credential], *, refresh: bool = False, seconds: float | None = None
) -> list[Credential]:
    """The credentials with the outcome of a check that still counts, made now where there is none.

    With `refresh` each is checked now, except those that were a moment ago. Each check ends after `seconds`; what did
    not answer until then is told so, and nothing is stored. Raises Refused, also when all were checked a moment ago,
    and Invalid. Never call it in a transaction.
    """
    for company_id in {credential.company_id for credential in credentials}:
        need(actor, "credentials.check", company_id)
    if seconds is not None and not 1 <= seconds <= LIMIT_SECONDS:
        raise invalid_field("timeout", f"a check takes between 1 and {LIMIT_SECONDS:.0f} seconds.")
    found = {one.pk: one for one in query(actor).filter(pk__in=[one.pk for one in credentials]).order_by("pk")}
    wanted = _not_just_checked(list(found.values())) if refresh else []
    outcome = checking.check([one.pk for one in wanted], seconds=seconds) if wanted else {}
    rest = found.keys() - outcome.keys()
    outcome |= checking.current(sorted(rest), seconds=seconds) if rest else {}
    return [outcome[pk] for pk in found if pk in outcome]


def _not_just_checked(credentials: Sequence[Credential]) -> list[Credential]:
    """Those that may be checked again. Raises Refused when there are none of them."""
    now = backend().now()
    since = now - timedelta(seconds=PAUSE_SECONDS)
    due = [one for one in credentials if one.checked_at is None or one.checked_at <= since]
    if due or not credentials:
        return due
    first = min(one.checked_at for one in credentials if one.checked_at is not None)
    wait = max(1, ceil((first - since).total_seconds()))
    names = ", ".join(one.name for one in credentials)
    raise Refused(
        f"Checked less than {PAUSE_SECONDS:.0f} seconds ago: {names}. Ask for that result without a refresh, or check "
        f"again in {wait} seconds.",
        "too_many_checks",
        details={"retry_after": wait},
    )
