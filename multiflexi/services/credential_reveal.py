"""Showing stored secrets to a person, on the command line only; every time is in the audit trail, and is told."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction

from multiflexi.models import AuditEntry, AuditOutcome, Credential, CredentialValue, Outbox, OutboxKind
from multiflexi.record import audit, outbox
from multiflexi.record.actor import Actor
from multiflexi.services import sealed_values
from multiflexi.services.errors import Refused
from multiflexi.services.rights import may_reveal

EVENT = "credential_revealed"


def reveal(
    actor: Actor, credential: Credential, *, names: Collection[str] = (), reason: str | None = None
) -> dict[str, str]:
    """The secret values of a credential, all of them or those of `names`, in clear.

    Raises Refused, which is audited as well, and a VaultError for a value that cannot be opened.
    """
    if not settings.MULTIFLEXI_CREDENTIAL_REVEAL:
        raise Refused(
            "Showing secrets is switched off for this installation (MULTIFLEXI_CREDENTIAL_REVEAL).", "reveal_disabled"
        )
    if not may_reveal(actor, credential.company_id):
        _audit_denial(actor, credential)
        raise Refused(
            f"Showing the secrets of credential {credential.name} takes the permission credentials.reveal and the role "
            "of an administrator in its company; ask for them.",
            "not_permitted",
            details={"permission": "credentials.reveal"},
        )
    rows = CredentialValue.objects.filter(credential=credential, is_encrypted=True).order_by("name")
    if names:
        rows = rows.filter(name__in=names)
    values = {row.name: sealed_values.opened(row) or "" for row in rows}
    with transaction.atomic():
        entry = audit.write(
            actor,
            "reveal",
            credential,
            event_type=EVENT,
            severity="high",
            data={"fields": sorted(values), "version": credential.version, "reason": reason},
        )
        outbox.add([_notification(credential, entry)])
    return values


def _notification(credential: Credential, entry: AuditEntry) -> Outbox:
    """For the administrators of the company; what was shown is named, never written down."""
    payload = {
        "subject": EVENT,
        "credential_id": credential.pk,
        "name": credential.name,
        "audit_id": entry.pk,
        "user_id": entry.user_id,
        "at": entry.created_at,
        **(entry.additional_data or {}),
    }
    identity = outbox.key(EVENT, credential.pk, entry.pk)
    return outbox.row(OutboxKind.NOTIFICATION, identity, payload, company_id=credential.company_id)


def _audit_denial(actor: Actor, credential: Credential) -> None:
    with transaction.atomic():
        audit.write(
            actor,
            "reveal",
            credential,
            event_type="access_denied",
            severity="medium",
            outcome=AuditOutcome.DENIED,
            data={"permission": "credentials.reveal"},
        )
