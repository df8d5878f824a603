"""Reading the audit trail: all of it, that of the companies one administers, or what one did oneself."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from multiflexi.access.matrix import Scope
from multiflexi.models import AuditEntry, CompanyRole, CompanyUser
from multiflexi.record.actor import Actor
from multiflexi.services import lookup
from multiflexi.services.rights import OF_THE_INSTALLATION, denied, grants_of

NOUN = "Audit entry"


def query(actor: Actor) -> QuerySet[AuditEntry]:
    """The entries the actor may read. Raises NotPermitted for a token without the scope."""
    rows: QuerySet[AuditEntry] = AuditEntry.objects.all()
    grants = grants_of(actor)
    if actor.origin in OF_THE_INSTALLATION or grants.allows("security.audit", None):
        return rows
    scopes = getattr(grants, "scopes", None)
    if scopes is not None and Scope.AUDIT not in scopes:
        raise denied("security.audit")
    administered = CompanyUser.objects.in_force().filter(user=actor.user_id, role=CompanyRole.ADMIN)
    rows = rows.filter(Q(user_id=actor.user_id) | Q(company_id__in=administered.values("company_id")))
    only = grants.only_companies
    return rows if only is None else rows.filter(company_id__in=only)


def find(actor: Actor, reference: Any) -> AuditEntry:
    return lookup.by_id(query(actor), NOUN, reference)
