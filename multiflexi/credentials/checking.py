"""Live checks of credentials: one at a time for each of them, whoever wants it, and the result is shared by all.

A check begins with a lease on the row, which is a comparison and no lock, and ends with a write that compares the lease
and the version checked: a result about values that were changed meanwhile is dropped. Between the two there is no
transaction. Nothing here may be called within one, but for `forget`.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from multiflexi.credentials import alarms
from multiflexi.credentials.asking import BEGIN_SECONDS, LIMIT_SECONDS, Asker
from multiflexi.credentials.contract import Result
from multiflexi.credentials.judging import Judgement, judge
from multiflexi.credentials.questions import questions
from multiflexi.jobs import deferring
from multiflexi.jobs.queue import backend
from multiflexi.jobs.rows import NOT_NEEDED
from multiflexi.models import Availability, Credential, CredentialValue
from multiflexi.vault.errors import VaultError

log = logging.getLogger(__name__)

# Also for the time until a thread has come to a question.
LEASE_SECONDS = BEGIN_SECONDS + LIMIT_SECONDS + 5.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Checks:
    """Credentials whose check is ours until the lease is over, as they were when it began."""

    token: str
    credentials: Mapping[int, Credential]


def is_fresh(credential: Credential, now: datetime) -> bool:
    """Whether the stored result still counts."""
    return credential.check_valid_until is not None and credential.check_valid_until > now


def check(
    credential_ids: Collection[int], *, even_if_fresh: bool = True, seconds: float | None = None
) -> dict[int, Credential]:
    """Check credentials now, all at once, and return them with what is stored then, within the time limit.

    One that another process is just checking is not checked a second time; its result is waited for. With fewer
    `seconds` than usual, silence is returned but not stored, because it would stop jobs; the lease is kept then, so
    that nobody can ask again and again.
    """
    checks = begin(credential_ids, even_if_fresh=even_if_fresh)
    asker = Asker()
    try:
        put = questions(list(checks.credentials.values()))
    except VaultError:
        give_back(checks)
        raise
    asked = {pk: asker.ask(question, check=True, resolve=False, seconds=seconds) for pk, question in put.items()}
    answers = {pk: one.wait() for pk, one in asked.items()}
    finish(checks, {pk: answer.result for pk, answer in answers.items() if not answer.is_cut})
    limit = LIMIT_SECONDS if seconds is None else seconds
    _await_others(set(credential_ids) - set(checks.credentials), BEGIN_SECONDS + limit)
    found = stored(credential_ids)
    for pk, answer in answers.items():
        if answer.is_cut and answer.result is not None and pk in found:
            found[pk].availability, found[pk].availability_message = answer.result.state, answer.result.message
            found[pk].availability_details = None
    return found


def current(credential_ids: Collection[int], *, seconds: float | None = None) -> dict[int, Credential]:
    """The credentials with a state that counts now: the stored one, else that of a fresh check; `seconds` as there."""
    found, now = stored(credential_ids), backend().now()
    stale = [pk for pk, credential in found.items() if not is_fresh(credential, now)]
    return found | (check(stale, even_if_fresh=False, seconds=seconds) if stale else {})


def stored(credential_ids: Collection[int]) -> dict[int, Credential]:
    """The credentials with what is known about them, type and prototype loaded; at most one query."""
    rows = Credential.objects.select_related("credential_type__credential_prototype").defer(*NOT_NEEDED)
    return {row.pk: row for row in rows.filter(pk__in=credential_ids).order_by("pk")} if credential_ids else {}


def begin(credential_ids: Collection[int], *, even_if_fresh: bool = False) -> Checks:
    """Take the lease of those that nobody checks now; without `even_if_fresh` of those only that need a check."""
    now, token = backend().now(), uuid.uuid4().hex
    free = Q(checking_until__isnull=True) | Q(checking_until__lte=now)
    if not even_if_fresh:
        free &= Q(check_valid_until__isnull=True) | Q(check_valid_until__lte=now)
    with transaction.atomic():
        rows = backend().lock_waiting(Credential.objects.filter(free, pk__in=credential_ids).order_by("pk"))
        ids = [row.pk for row in rows.only("pk")]
        if ids:
            Credential.objects.filter(pk__in=ids).update(
                checking_by=token, checking_until=now + timedelta(seconds=LEASE_SECONDS)
            )
        return Checks(token, stored(ids))


def finish(checks: Checks, results: Mapping[int, Result | None]) -> None:
    """Store the results, masked by then, and give the leases back; None is no result.

    A change for the worse leaves one alarm, however many jobs it concerns; a recovery leaves one note and wakes the
    jobs that wait for the credential.
    """
    if not results:
        return
    now = backend().now()
    changes: list[alarms.Change] = []
    with transaction.atomic():
        ours = Credential.objects.filter(pk__in=results, checking_by=checks.token)
        judged = []
        for row in backend().lock_waiting(ours.order_by("pk")):
            asked, result = checks.credentials[row.pk], results[row.pk]
            if result is None or row.version != asked.version:
                continue
            gate = asked.credential_type.gate_on_degraded
            judged.append((row, result, judge(result, row.check_failures, gate_on_degraded=gate)))
            before = Availability(row.availability)
            change = alarms.Change(row, before, result.state, result.message, now, gate_on_degraded=gate)
            changes += [change] if change.is_worth_telling else []
        _store(judged, now)
        _store_ends(judged)
        ours.update(checking_by=None, checking_until=None)
        alarms.leave(changes)
    alarms.tell(changes)
    if recovered := [one.credential.pk for one in changes if one.is_recovery]:
        deferring.wake(recovered)


def give_back(checks: Checks) -> None:
    """End the leases without a result, so that nobody waits for one."""
    ours = Credential.objects.filter(pk__in=checks.credentials, checking_by=checks.token)
    ours.update(checking_by=None, checking_until=None)


def forget(credentials: QuerySet[Credential]) -> None:
    """Forget what is known: values were changed, of the credentials or of their type, so the next job has them checked.

    A check under way is dropped, and deferred jobs try again now. Call it in the transaction of the change.
    """
    ids = list(backend().lock_waiting(credentials.order_by("pk")).values_list("pk", flat=True))
    Credential.objects.filter(pk__in=ids).update(
        availability=Availability.UNKNOWN,
        availability_message=None,
        availability_details=None,
        checked_at=None,
        check_valid_until=None,
        check_failures=0,
        checking_by=None,
        checking_until=None,
    )
    deferring.wake(ids)


def _store(judged: Iterable[tuple[Credential, Result, Judgement]], now: datetime) -> None:
    backend().update_rows(
        Credential,
        [
            (
                {
                    "availability": result.state.value,
                    "availability_message": result.message,
                    "availability_details": dict(result.details),
                    "checked_at": now,
                    "check_valid_until": now + timedelta(seconds=judgement.seconds),
                    "check_failures": judgement.failures,
                },
                {"id": row.pk},
            )
            for row, result, judgement in judged
        ],
    )


def _store_ends(judged: Iterable[tuple[Credential, Result, Judgement]]) -> None:
    """Keep with the values when they expire; a check knows better than whoever entered a date."""
    for row, result, _judgement in judged:
        for name, end in result.expires.items():
            CredentialValue.objects.filter(credential=row, name=name).update(expires_at=end)


def _await_others(credential_ids: Collection[int], seconds: float) -> None:
    """Wait until nobody checks them any more, or the time limit is over."""
    until = time.monotonic() + seconds
    leased = Credential.objects.filter(pk__in=credential_ids, checking_until__gt=backend().now())
    while credential_ids and time.monotonic() < until and leased.exists():
        time.sleep(LOOK_SECONDS)
