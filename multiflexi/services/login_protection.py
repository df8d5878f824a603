"""Against guessing of passwords: what was tried decides whether the next attempt is looked at.

Five failures within five minutes block the pair of account and address, fifty within a quarter of an hour the
address. A stranger can block no account as such, only make it answer more slowly to addresses that it does not know.
Attempts that are refused are not recorded, so blocks end and the table stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import LoginAttempt, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor, Origin
from multiflexi.services.addresses import parsed
from multiflexi.services.errors import TooMany
from multiflexi.services.rights import need
from multiflexi.services.standing import need_over

PAIR_FAILURES, PAIR_SPAN = 5, timedelta(seconds=300)
ADDRESS_FAILURES, ADDRESS_SPAN = 50, timedelta(minutes=15)
BLOCK = timedelta(seconds=900)
# Failures of an account that cost nobody else time.
FREE_FAILURES = 5
LONGEST_DELAY = 60
KNOWN_FOR = timedelta(days=30)
SUCCESS_EVERY = timedelta(days=1)
NETWORK_CHARACTERS = 20


def begin(login: str, address: str, agent: str = "", *, known_device: bool = False) -> LoginAttempt:
    """Record an attempt as failed until it has succeeded. Raises TooMany with the seconds to wait.

    Recorded before the password is looked at, lest many attempts at once are all the first.
    """
    now = timezone.now()
    attempt = LoginAttempt.objects.create(
        username=login[:255], ip_address=stored(address), attempt_time=now, user_agent=agent or None
    )
    until = _blocked_until(attempt, known_device)
    if until <= now:
        return attempt
    attempt.delete()
    seconds = max(1, round((until - now).total_seconds()))
    raise TooMany(
        _("Too many failed sign-ins; try again in %(seconds)d seconds.") % {"seconds": seconds},
        "too_many_attempts",
        retry_after=seconds,
    )


def failed(attempt: LoginAttempt, reason: str) -> None:
    """Keep the attempt as failed; the one that blocks further ones is told to the audit trail as such."""
    actor = Actor(user_id=None, origin=Origin.API, ip=attempt.ip_address or None, agent=attempt.user_agent)
    blocks = _pair_blocked(_before(attempt, and_itself=True), attempt) is not None
    with transaction.atomic():
        LoginAttempt.objects.filter(pk=attempt.pk).update(failure_reason=reason)
        audit.write(
            actor,
            "login",
            ("LoginAttempt", attempt.pk),
            event_type="brute_force_detected" if blocks else "login_failure",
            severity="high" if blocks else "medium",
            outcome="failed",
        )


def succeeded(attempt: LoginAttempt) -> None:
    """Forgive the failures of this pair; a success of the same pair is kept once a day only."""
    pair = LoginAttempt.objects.filter(username=attempt.username, ip_address__startswith=_network(attempt.ip_address))
    pair.filter(success=False, cleared=False, pk__lt=attempt.pk).update(cleared=True)
    if pair.filter(success=True, attempt_time__gt=attempt.attempt_time - SUCCESS_EVERY).exists():
        attempt.delete()
    else:
        LoginAttempt.objects.filter(pk=attempt.pk).update(success=True)


def unlock(actor: Actor, *, user: User | None = None, address: str | None = None) -> int:
    """Forgive the failures of an account, an address or both together; returns how many. Raises NotPermitted."""
    if user is not None:
        need_over(actor, "users.update", user)
    else:
        need(actor, "users.update")
    rows = LoginAttempt.objects.filter(success=False, cleared=False)
    if user is not None:
        rows = rows.filter(username=user.login)
    if address:
        rows = rows.filter(ip_address__startswith=_network(stored(address)))
    with transaction.atomic():
        number = rows.update(cleared=True)
        audit.write(
            actor,
            "unlock",
            user or "LoginAttempt",
            event_type="account_unlocked",
            severity="medium",
            data={"attempts": number, "address": address},
        )
    return number


def stored(address: str) -> str:
    """The form an address is kept in: that of IPv6 shows its network by its beginning."""
    found = parsed(address)
    return found.exploded if found else ""


def _network(address: str) -> str:
    """What addresses of one subscriber have in common: all of IPv4, the first 64 bits of IPv6."""
    return address[:NETWORK_CHARACTERS] if ":" in address else address


def _blocked_until(attempt: LoginAttempt, known_device: bool) -> datetime:
    before = _before(attempt)
    ends = [attempt.attempt_time]
    if attempt.ip_address:
        ends += [end for end in (_pair_blocked(before, attempt), _address_blocked(attempt)) if end]
    if not known_device:
        ends += _delayed(before, attempt)
    return max(ends)


def _before(attempt: LoginAttempt, *, and_itself: bool = False) -> list[LoginAttempt]:
    """Failures of the account that may still count."""
    earlier = {"pk__lte" if and_itself else "pk__lt": attempt.pk}
    since = attempt.attempt_time - BLOCK - PAIR_SPAN
    return list(_failures(since).filter(username=attempt.username, **earlier).order_by("attempt_time", "pk"))


def _failures(since: datetime) -> QuerySet[LoginAttempt]:
    return LoginAttempt.objects.filter(success=False, cleared=False, attempt_time__gt=since)


def _pair_blocked(before: Sequence[LoginAttempt], attempt: LoginAttempt) -> datetime | None:
    network = _network(attempt.ip_address)
    times = [one.attempt_time for one in before if network and _network(one.ip_address) == network]
    return _end(times, PAIR_FAILURES, PAIR_SPAN)


def _address_blocked(attempt: LoginAttempt) -> datetime | None:
    rows = _failures(attempt.attempt_time - BLOCK - ADDRESS_SPAN).filter(
        ip_address__startswith=_network(attempt.ip_address), pk__lt=attempt.pk
    )
    newest = rows.order_by("-attempt_time", "-pk").values_list("attempt_time", flat=True)
    return _end(sorted(newest[:ADDRESS_FAILURES]), ADDRESS_FAILURES, ADDRESS_SPAN)


def _end(times: Sequence[datetime], number: int, span: timedelta) -> datetime | None:
    """When the block ends that the newest run of so many failures within the span has begun."""
    for last in range(len(times) - 1, number - 2, -1):
        if times[last] - times[last - number + 1] <= span:
            return times[last] + BLOCK
    return None


def _delayed(before: Sequence[LoginAttempt], attempt: LoginAttempt) -> list[datetime]:
    recent = [one for one in before if one.attempt_time > attempt.attempt_time - ADDRESS_SPAN]
    if len(recent) < FREE_FAILURES or _is_known(attempt):
        return []
    seconds = min(LONGEST_DELAY, 2 ** min(len(recent) - FREE_FAILURES, 6))
    return [recent[-1].attempt_time + timedelta(seconds=seconds)]


def _is_known(attempt: LoginAttempt) -> bool:
    """Whether somebody signed in to this account from this network not long ago."""
    return bool(attempt.ip_address) and (
        LoginAttempt.objects.filter(
            username=attempt.username,
            ip_address__startswith=_network(attempt.ip_address),
            success=True,
            attempt_time__gt=attempt.attempt_time - KNOWN_FOR,
        ).exists()
    )
