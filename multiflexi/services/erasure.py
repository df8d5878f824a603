"""Requests to erase a person's data: made, decided, carried out, and the evidence of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.models import (
    AuditEntry,
    CompanyRole,
    CompanyUser,
    ErasureRequest,
    ErasureStatus,
    ErasureStep,
    ErasureType,
    User,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import erasing, lookup
from multiflexi.services.errors import BadQuery, Conflict, Refused, invalid_field
from multiflexi.services.rights import is_person, may, need
from multiflexi.services.standing import keep_a_super_admin, need_over, need_own, need_own_or_over

NOUN = "Erasure request"
OPEN = (ErasureStatus.PENDING, ErasureStatus.APPROVED, ErasureStatus.SCHEDULED)
COOLING_OFF = timedelta(days=7)
EVIDENCE_KEPT = timedelta(days=2555)
NO_GROUND = "Rejected by an administrator."


def query(actor: Actor, *, status: str | None = None) -> QuerySet[ErasureRequest]:
    """Requests with the accounts they name: all with the permission, else one's own, which tokens do not see.

    Raises BadQuery for an unknown status.
    """
    rows = ErasureRequest.objects.select_related("user", "requested_by", "reviewed_by")
    if not may(actor, "privacy.manage", None):
        rows = rows.filter(user_id=actor.user_id) if actor.user_id and is_person(actor) else rows.none()
    if not status:
        return rows
    if status not in ErasureStatus.values:
        raise BadQuery(
            f'"{status}" is no status; use one of {", ".join(ErasureStatus.values)}.',
            "unknown_status",
            details={"statuses": list(ErasureStatus.values)},
        )
    return rows.filter(status=status)


def find(actor: Actor, reference: Any) -> ErasureRequest:
    return lookup.by_id(query(actor), NOUN, reference)


def create(actor: Actor, user: User, *, deletion_type: str, reason: str | None = None) -> ErasureRequest:
    """Ask for the erasure of an account: of one's own, or with the permission of one without a higher role.

    Raises NotPermitted, Conflict while another request is open, Refused and Invalid.
    """
    need_own_or_over(actor, "privacy.manage", user)
    if deletion_type not in ErasureType.values:
        raise invalid_field("deletion_type", f"use one of {', '.join(ErasureType.values)}.")
    if user.is_system:
        raise Refused("The technical account belongs to nobody and cannot be erased.", "technical_account")
    with transaction.atomic():
        # Two calls at once must not make two requests.
        User.objects.select_for_update().get(pk=user.pk)
        found = ErasureRequest.objects.filter(user=user, status__in=OPEN).first()
        if found:
            raise Conflict(
                f"A request to erase user {user.login} already exists (id {found.pk}, {found.status}); go on with it.",
                "erasure_request_exists",
                details={"id": found.pk},
            )
        made = ErasureRequest.objects.create(
            user=user,
            user_login=user.login,
            requested_by_id=actor.user_id,
            deletion_type=deletion_type,
            reason=reason or None,
        )
        audit.write(actor, "create", made, severity="medium", data={"deletion_type": deletion_type, "user": user.pk})
    return made


def approve(actor: Actor, request: ErasureRequest, notes: str | None = None) -> None:
    """Allow a pending request; it is due at the end of the cooling-off. Raises Refused in another state."""
    _decide(actor, request, ErasureStatus.APPROVED, notes)


def reject(actor: Actor, request: ErasureRequest, reason: str | None = None) -> None:
    """Refuse a pending request. Raises Refused in another state."""
    _decide(actor, request, ErasureStatus.REJECTED, reason or NO_GROUND)


def withdraw(actor: Actor, request: ErasureRequest) -> None:
    """Take one's own request back, as long as it is not carried out. Raises NotPermitted for others, and Refused."""
    need_own(actor, request.user or User())
    with transaction.atomic():
        _lock(request)
        if request.status not in OPEN:
            raise Refused(
                f"Erasure request {request.pk} is {request.status}; only open ones can be withdrawn.",
                "erasure_request_decided",
                details={"status": request.status},
            )
        request.status, request.due_at, request.updated_at = ErasureStatus.CANCELLED, None, timezone.now()
        request.save()
        audit.write(actor, "withdraw", request, severity="medium")


def _decide(actor: Actor, request: ErasureRequest, status: ErasureStatus, notes: str | None) -> None:
    _need_over(actor, request)
    with transaction.atomic():
        _lock(request)
        if request.status != ErasureStatus.PENDING:
            raise Refused(
                f"Erasure request {request.pk} is {request.status}; only pending ones can be approved or rejected.",
                "erasure_request_decided",
                details={"status": request.status},
            )
        now = timezone.now()
        request.status, request.review_notes = status, notes or None
        request.reviewed_by_id, request.review_date, request.updated_at = actor.user_id, now, now
        request.due_at = now + COOLING_OFF if status == ErasureStatus.APPROVED else None
        request.save()
        audit.write(actor, "approve" if status == ErasureStatus.APPROVED else "reject", request, severity="high")


def process(actor: Actor, request: ErasureRequest) -> bool:
    """Carry out an approved request, whole or not at all; False when it had been carried out before.

    Raises Refused for one that is not approved, for the last super administrator and for the last administrator of
    a company.
    """
    _need_over(actor, request)
    with transaction.atomic():
        _lock(request)
        if request.status == ErasureStatus.COMPLETED:
            return False
        _refuse_unapproved(request)
        if request.user is not None:
            user = User.objects.select_for_update().get(pk=request.user.pk)
            keep_a_super_admin(user)
            _refuse_last_administrator(user)
            erasing.erase(actor, request, user)
        request.status, request.completed_date = ErasureStatus.COMPLETED, timezone.now()
        request.updated_at = request.completed_date
        request.save()
        audit.write(
            actor,
            "erase",
            request,
            severity="high",
            event_type="data_deletion",
            data={"steps": evidence(request), "deletion_type": request.deletion_type},
        )
    return True


def plan(actor: Actor, request: ErasureRequest) -> list[dict[str, Any]]:
    """What carrying it out would do, table by table; nothing is changed. Raises as `process` does."""
    need(actor, "privacy.manage")
    if request.status == ErasureStatus.COMPLETED or request.user is None:
        return []
    _refuse_unapproved(request)
    return erasing.planned(request, request.user)


def evidence(request: ErasureRequest) -> list[list[Any]]:
    """The steps of a request in the form that the audit trail keeps besides them."""
    steps = ErasureStep.objects.filter(deletion_request=request).order_by("pk")
    return [list(one) for one in steps.values_list("table_name", "action", "rows")]


def verdict(request: ErasureRequest) -> str:
    """Whether the steps are those the audit trail knows: `intact`, `changed`, or `open` before the end.

    Raises a VaultError when the key of the audit trail cannot be used.
    """
    entry = AuditEntry.objects.filter(entity_type="ErasureRequest", entity_id=request.pk, action="erase").first()
    if entry is None:
        return "changed" if request.status == ErasureStatus.COMPLETED else "open"
    told = (entry.additional_data or {}).get("steps")
    return "intact" if audit.verify_entry(entry) and told == evidence(request) else "changed"


def clean_up(actor: Actor, now: datetime, *, dry_run: bool = False) -> int:
    """Delete evidence that is older than the law wants it kept; returns the number of steps."""
    need(actor, "privacy.manage")
    cutoff = now - EVIDENCE_KEPT
    with transaction.atomic():
        rows = ErasureStep.objects.filter(performed_date__lt=cutoff)
        number = rows.count()
        if number and not dry_run:
            rows.delete()
            audit.write(
                actor,
                "delete",
                "ErasureStep",
                severity="medium",
                event_type="data_deletion",
                data={"before": cutoff.isoformat(), "rows": number},
            )
    return number


def _need_over(actor: Actor, request: ErasureRequest) -> None:
    """Raise NotPermitted unless the actor manages such requests and the account has no higher role."""
    if request.user is None:
        need(actor, "privacy.manage")
    else:
        need_over(actor, "privacy.manage", request.user)


def _lock(request: ErasureRequest) -> None:
    request.refresh_from_db(from_queryset=ErasureRequest.objects.select_for_update())


def _refuse_unapproved(request: ErasureRequest) -> None:
    if request.status not in (ErasureStatus.APPROVED, ErasureStatus.SCHEDULED):
        raise Refused(
            f"Erasure request {request.pk} is {request.status}; approve it with user-erasure:approve first.",
            "erasure_not_approved",
            details={"status": request.status},
        )


def _refuse_last_administrator(user: User) -> None:
    led = CompanyUser.objects.in_force().filter(user=user, role=CompanyRole.ADMIN)
    others = CompanyUser.objects.in_force().filter(role=CompanyRole.ADMIN).exclude(user=user).values("company_id")
    alone = list(led.exclude(company_id__in=others).order_by("company__name").values_list("company__name", flat=True))
    if alone:
        raise Refused(
            f"User {user.login} is the last administrator of {', '.join(alone)}; make somebody else administrator with "
            "user-company:assign first.",
            "last_company_admin",
            details={"companies": alone},
        )
