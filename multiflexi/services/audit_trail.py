"""Reading, verifying and exporting the audit trail; entries are written by `record.audit` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from multiflexi.models import AuditEntry, AuditSeal
from multiflexi.record import audit, verification
from multiflexi.record.actor import Actor
from multiflexi.services import lookup
from multiflexi.services.errors import Invalid
from multiflexi.services.lists import chosen
from multiflexi.services.presenters.audit import row
from multiflexi.services.rights import grants_of, need

NOUN = "Audit Log entry"


def query(
    actor: Actor,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    user_id: int | None = None,
    company_id: int | None = None,
    entity_type: str | None = None,
    entity_id: int | None = None,
    action: str | None = None,
    severity: str | None = None,
) -> QuerySet[AuditEntry]:
    """Entries the actor may see: all with the permission, else own ones and those of companies they administer."""
    need(actor, "audit.read")
    grants = grants_of(actor)
    rows = AuditEntry.objects.all()
    if not grants.allows("security.audit"):
        rows = rows.filter(Q(user_id=actor.user_id) | Q(company_id__in=grants.administered))
        if grants.only_companies is not None:
            rows = rows.filter(company_id__in=grants.only_companies)
    if grants.closed:
        rows = rows.exclude(company_id__in=grants.closed)
    equal = {
        "created_at__gte": start,
        "created_at__lt": end,
        "user_id": user_id,
        "company_id": company_id,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "action": action,
        "severity": severity,
    }
    return rows.filter(**chosen(equal))


def find(actor: Actor, reference: Any) -> AuditEntry:
    """Raises NotFound."""
    return lookup.by_id(query(actor), NOUN, reference)


def verify(
    actor: Actor,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    known: Mapping[int, str] | None = None,
) -> verification.Verified:
    """Whether the trail is as it was written. Raises NotPermitted and VaultError."""
    need(actor, "audit.export")
    return verification.verify(start, end, known)


def noted_seals(document: Any) -> dict[int, str]:
    """Hashes of seals by id, from what `export` or `verify` wrote earlier. Raises Invalid."""
    found = document.get("seals", [document.get("seal")]) if isinstance(document, dict) else document
    try:
        return {int(one["id"]): str(one["hash"]) for one in found}
    except (KeyError, TypeError, ValueError):
        raise Invalid(
            "seals: the file holds no seals; give one that audit:export or audit:verify wrote as JSON.", "invalid_value"
        ) from None


def export(actor: Actor, *, start: datetime | None = None, end: datetime | None = None) -> Iterator[dict[str, Any]]:
    """All entries of a time in the order of their ids; the export itself is one more entry. Raises NotPermitted."""
    need(actor, "audit.export")
    rows = AuditEntry.objects.order_by("pk")
    rows = rows.filter(**chosen({"created_at__gte": start, "created_at__lt": end}))
    own = audit.write(
        actor,
        "export",
        "AuditEntry",
        severity="medium",
        event_type="data_export",
        data={"from": start, "to": end, "entries": rows.count()},
    )
    return map(row, rows.filter(pk__lt=own.pk).iterator(chunk_size=1000))


def exported_seals() -> list[dict[str, Any]]:
    """The hashes to note outside of the database, where nobody can change them together with the trail."""
    AuditSeal.objects.filter(exported_at=None).update(exported_at=timezone.now())
    return [
        {"id": number, "hash": code} for number, code in AuditSeal.objects.order_by("pk").values_list("pk", "seal_hash")
    ]
