"""What erasure does to an account, table by table, and the steps it leaves as evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import Q, QuerySet
from django.utils import timezone

from multiflexi.models import (
    AuditEntry,
    ErasureAction,
    ErasureRequest,
    ErasureStep,
    ErasureType,
    Job,
    LoginAttempt,
    SecondFactor,
    User,
    UserSession,
)
from multiflexi.record.actor import Actor
from multiflexi.services import revocation

AUTHORSHIP = "Jobs name their author; the account is a number without a person now."


def erase(actor: Actor, request: ErasureRequest, user: User) -> None:
    """Do what the kind of the request asks for and note every step; call it in a transaction."""
    now = timezone.now()
    for table, rows, action, reason in _tables(request, user):
        number = rows.count()
        if action == ErasureAction.DELETED:
            rows.delete()
        elif rows.model is AuditEntry:
            # Both lie outside the chain, so that they can be blanked.
            rows.update(ip_address=None, user_agent=None)
        _note(actor, request, table, action, number, reason)
    user.enabled, user.deleted_at, user.updated_at = False, now, now
    if request.deletion_type == ErasureType.SOFT:
        user.deletion_reason = f"Erasure request {request.pk}"
        user.save()
    else:
        _forget(request, user)
    revocation.recheck(actor, user)
    if request.deletion_type == ErasureType.HARD and not Job.objects.filter(launched_by=user).exists():
        _note(actor, request, "user", ErasureAction.DELETED, 1, None, record_id=user.pk)
        user.delete()
        request.user = None
    else:
        done = ErasureAction.RETAINED if request.deletion_type == ErasureType.SOFT else ErasureAction.ANONYMIZED
        kept = AUTHORSHIP if request.deletion_type == ErasureType.HARD else None
        _note(actor, request, "user", done, 1, kept, record_id=user.pk)


def planned(request: ErasureRequest, user: User) -> list[dict[str, Any]]:
    """The same tables with the number of rows each concerns."""
    return [
        {"table": table, "action": str(action), "rows": rows.count(), "reason": reason}
        for table, rows, action, reason in _tables(request, user)
    ]


def _tables(request: ErasureRequest, user: User) -> Iterator[tuple[str, QuerySet[Any], ErasureAction, str | None]]:
    yield "token", user.tokens.all(), ErasureAction.DELETED, None
    yield "user_sessions", UserSession.objects.filter(user=user), ErasureAction.DELETED, None
    yield "idempotency_key", user.idempotency_keys.all(), ErasureAction.DELETED, None
    yield "data_export_tokens", user.data_exports.all(), ErasureAction.DELETED, None
    if request.deletion_type == ErasureType.SOFT:
        return
    yield "company_user", user.memberships.all(), ErasureAction.DELETED, None
    yield "user_role", user.role_assignments.all(), ErasureAction.DELETED, None
    yield "passkey", user.passkeys.all(), ErasureAction.DELETED, None
    yield "recovery_code", user.recovery_codes.all(), ErasureAction.DELETED, None
    yield "second_factor", SecondFactor.objects.filter(user=user), ErasureAction.DELETED, None
    yield "ip_whitelist", user.allowed_networks.all(), ErasureAction.DELETED, None
    names = [name for name in (user.login, user.email) if name]
    yield "login_attempts", LoginAttempt.objects.filter(username__in=names), ErasureAction.DELETED, None
    traces = AuditEntry.objects.filter(user_id=user.pk).filter(
        Q(ip_address__isnull=False) | Q(user_agent__isnull=False)
    )
    yield "security_audit_log", traces, ErasureAction.ANONYMIZED, "Address and program only; the entries stay."
    yield "job", Job.objects.filter(launched_by=user), ErasureAction.RETAINED, AUTHORSHIP


def _forget(request: ErasureRequest, user: User) -> None:
    """Put a surrogate in the place of everything that names the person."""
    surrogate = f"deleted-{user.pk}"
    user.login, user.email = surrogate, f"{surrogate}@invalid"
    user.firstname = user.lastname = user.settings = user.last_login_ip = None
    user.deletion_reason = f"Erasure request {request.pk}"
    user.password, user.password_changed_at = make_password(None), None
    user.last_login = user.last_activity_at = None
    user.anonymized_at = user.deleted_at
    user.save()
    # Requests of the past name the person as well.
    ErasureRequest.objects.filter(user=user).update(user_login=surrogate, reason=None)
    request.user_login, request.reason = surrogate, None


def _note(  # noqa: PLR0917 - the columns of a step
    actor: Actor,
    request: ErasureRequest,
    table: str,
    action: ErasureAction,
    rows: int,
    reason: str | None,
    *,
    record_id: int | None = None,
) -> None:
    if rows:
        ErasureStep.objects.create(
            deletion_request=request,
            table_name=table,
            record_id=record_id,
            rows=rows,
            action=action,
            reason=reason,
            performed_by_id=actor.user_id,
        )
