"""Showing stored secrets to a person, on the command line only; every time is in the audit trail."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction

from multiflexi.models import AuditOutcome, Credential, CredentialValue
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import sealed_values
from multiflexi.services.errors import Refused
from multiflexi.services.rights import may_reveal


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
        audit.write(
            actor,
            "reveal",
            credential,
            event_type="credential_revealed",
            severity="high",
            data={"fields": sorted(values), "version": credential.version, "reason": reason},
        )
    return values


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
