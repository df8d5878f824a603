"""Signed-in sessions of pages: each is a row, so that it can be seen, limited in time and ended from elsewhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.models import User, UserSession
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup

# How exactly "last seen" is kept: a write at each request would cost more than it tells.
SEEN_EVERY = timedelta(minutes=1)


def begin(actor: Actor, user: User, *, remember: bool) -> UserSession:
    """Note a sign-in; with `remember` it lasts for days, and idle hours do not end it."""
    now = timezone.now()
    length = (
        timedelta(days=settings.MULTIFLEXI_SESSION_REMEMBER_DAYS)
        if remember
        else timedelta(hours=settings.MULTIFLEXI_SESSION_HOURS)
    )
    return UserSession.objects.create(
        id=uuid.uuid4().hex,
        user=user,
        ip_address=(actor.ip or "")[:45],
        user_agent=actor.agent,
        created_at=now,
        last_activity=now,
        expires_at=now + length,
    )


def alive(number: str, user_id: int, agent: str | None, *, remember: bool) -> bool:
    """Whether the session still counts, noting its use; one that ran out, or whose browser changed, is ended."""
    row = UserSession.objects.filter(pk=number, user_id=user_id, is_active=True).first()
    if row is None:
        return False
    now = timezone.now()
    idle = timedelta(seconds=settings.MULTIFLEXI_SESSION_IDLE)
    rested = not remember and row.last_activity + idle <= now
    if row.expires_at <= now or rested or (row.user_agent or "") != (agent or ""):
        UserSession.objects.filter(pk=row.pk).update(is_active=False)
        return False
    if row.last_activity + SEEN_EVERY <= now:
        UserSession.objects.filter(pk=row.pk, last_activity=row.last_activity).update(last_activity=now)
    return True


def counts(number: str, user_id: int) -> bool:
    """Whether the session has not been ended, by whomever; its use is not noted."""
    return UserSession.objects.filter(
        pk=number, user_id=user_id, is_active=True, expires_at__gt=timezone.now()
    ).exists()


def of_account(user: User) -> QuerySet[UserSession]:
    """The account's sessions that still count, the last used first."""
    return UserSession.objects.filter(user=user, is_active=True, expires_at__gt=timezone.now()).order_by(
        "-last_activity", "pk"
    )


def end(actor: Actor, user: User, number: str) -> None:
    """End one session of the account. Raises NotFound."""
    row = lookup.by_key(of_account(user), "Session", id=number)
    with transaction.atomic():
        UserSession.objects.filter(pk=row.pk).update(is_active=False)
        audit.write(actor, "end_session", user, event_type="session_ended", data={"ip": row.ip_address})


def end_all(user: User, *, but: str | None = None) -> int:
    """End all sessions of the account, all but one of them where it is named; how many were ended."""
    return UserSession.objects.filter(user=user, is_active=True).exclude(pk=but or "").update(is_active=False)


def note_end(number: str) -> None:
    """The session was left by its owner."""
    UserSession.objects.filter(pk=number).update(is_active=False)
