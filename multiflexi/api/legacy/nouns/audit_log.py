"""The audit trail."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import MOMENT, NUMBER, TEXT, word_of
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import AuditEntry
from multiflexi.services import audit_trail
from multiflexi.services.lists import same
from multiflexi.services.rights import grants_of

ACTIONS = ("create", "update", "delete")


def _row(call: Call, one: AuditEntry) -> Row:
    found = {
        "id": one.pk,
        "user_id": one.user_id,
        "entity_type": one.entity_type,
        "entity_id": one.entity_id,
        "action": one.action,
        "event_description": one.event_description,
        "severity": one.severity,
        "additional_data": {**(one.additional_data or {}), **({"changes": one.changes} if one.changes else {})} or None,
        "created_at": one.created_at,
        "event_type": one.event_type,
    }
    if grants_of(call.actor).permits("security.audit"):
        found |= {"ip_address": one.ip_address, "user_agent": one.user_agent}
    return found


Noun(
    one="auditlog",
    many="auditlog",
    key="auditLogId",
    name=audit_trail.NOUN,
    schema="AuditLogEntry",
    item="auditlog",
    query=audit_trail.query,
    rows=lambda call, found: [_row(call, one) for one in found],
    sortable=same("id", "user_id", "entity_type", "entity_id", "action", "severity", "event_type", "created_at"),
    find=audit_trail.find,
    detail=_row,
    filters={
        "user_id": Filter(NUMBER, "user_id__exact"),
        "entity_type": Filter(TEXT, "entity_type__exact"),
        "entity_id": Filter(NUMBER, "entity_id__exact"),
        "action": Filter(word_of(*ACTIONS), "action__exact"),
        "company_id": Filter(NUMBER, "company_id__exact"),
        "from": Filter(MOMENT, "created_at__gte"),
        "to": Filter(MOMENT, "created_at__lte"),
    },
    limit=50,
    order="-id",
    ids={"list": "listAuditLog", "get": "getAuditLogById"},
    successor="audit-log",
).declare()
