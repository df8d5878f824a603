"""Credential types: kinds of credentials set up for one company, or shared by all."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from multiflexi.jobs.queue import backend
from multiflexi.jobs.requirements import canonical
from multiflexi.manifests.identity import is_uuid
from multiflexi.models import Company, CredentialPrototype, CredentialType
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import (
    changes,
    credential_fields,
    credential_type_values,
    credential_values,
    destinations,
    lookup,
)
from multiflexi.services.credential_fields import Values
from multiflexi.services.credential_type_values import Fixed
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Credential type"
# Providers that say "degraded" when a start would fail, so that jobs had better wait.
WAITING = {"mserver"}


def query(actor: Actor, *, company: Company | None = None, search: str | None = None) -> QuerySet[CredentialType]:
    """Types of the companies the actor sees, and those that serve all companies."""
    own = visible(CredentialType, actor).values("pk")
    rows = CredentialType.objects.filter(Q(pk__in=own) | Q(company=None)).select_related("credential_prototype")
    if company:
        rows = rows.filter(Q(company=company) | Q(company=None))
    return containing(rows, search, "name", "prototype")


def find(actor: Actor, reference: Any) -> CredentialType:
    """By id, else by uuid or name. Raises NotFound, and Refused when several have the name."""
    rows = query(actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    text = str(reference)
    return lookup.by_key(rows, NOUN, **({"uuid": text} if is_uuid(text) else {"name": text}))


def create(
    actor: Actor,
    *,
    prototype: CredentialPrototype,
    company: Company | None,
    name: str | None = None,
    values: Values | None = None,
    fixed: Fixed | None = None,
    **columns: Any,
) -> CredentialType:
    """Make a type of a prototype for a company, or for all of them; it has a uuid of its own.

    `values` are internal settings and defaults, those named in `fixed` cannot be overridden. Raises Invalid, Refused.
    """
    need(actor, "credentials.write", company.pk if company else None)
    columns.setdefault("gate_on_degraded", canonical(prototype.code).lower() in WAITING)
    given = {"name": (name or "").strip() or prototype.name, **columns}
    with transaction.atomic():
        kind = CredentialType(
            company=company,
            credential_prototype=prototype,
            prototype=prototype.code,
            version=prototype.version,
            **given,
        )
        changes.check(kind)
        kind.save(force_insert=True)
        fields = credential_fields.of_type(kind)
        stored = credential_type_values.store(kind, fields, values or {}, fixed or {})
        audit.write(
            actor,
            "create",
            kind,
            severity="medium",
            changes={**changes.created({**given, "prototype": prototype.code}), **_without_values(stored)},
        )
    return kind


def update(
    actor: Actor,
    kind: CredentialType,
    *,
    prototype: CredentialPrototype | None = None,
    values: Values | None = None,
    fixed: Fixed | None = None,
    **columns: Any,
) -> bool:
    """Change name, url, logo, gate_on_degraded, prototype or values and say whether anything changed.

    Who changes an address gives the secrets again. Raises Invalid, and Refused for another prototype while there are
    credentials of the type, or for an address that their secrets would go to.
    """
    with transaction.atomic():
        kind = _locked(actor, kind)
        if "name" in columns and not str(columns["name"]).strip():
            raise invalid_field("name", "a credential type needs a name; give one.")
        changed = changes.assign(kind, columns)
        if prototype and prototype.pk != kind.credential_prototype_id:
            _refuse_used(kind, "has another prototype for good")
            changed |= changes.assign(kind, {"credential_prototype": prototype, "prototype": prototype.code})
        changes.check(kind)
        addresses = destinations.of_type(kind)
        stored = credential_type_values.store(kind, credential_fields.of_type(kind), values or {}, fixed or {})
        destinations.need_secrets_of_type_again(actor, kind, addresses, values or {})
        if not changed and not stored:
            return False
        changes.save(kind, changed)
        if stored:
            credential_values.after_change(kind.credentials.order_by("pk").values_list("pk", flat=True))
        audit.write(
            actor,
            "update",
            kind,
            severity="medium" if stored else "low",
            changes={**changes.for_audit(changed), **_without_values(stored)},
        )
    return True


def remove(actor: Actor, kind: CredentialType) -> None:
    """Delete a type with its settings. Raises Refused, with the list, while there are credentials of it."""
    with transaction.atomic():
        kind = _locked(actor, kind)
        _refuse_used(kind, "cannot be deleted")
        audit.write(
            actor,
            "delete",
            kind,
            severity="medium",
            changes=changes.for_audit({"name": (kind.name, None)}),
            data={"prototype": kind.prototype, "uuid": str(kind.uuid)},
        )
        kind.delete()


def _locked(actor: Actor, kind: CredentialType) -> CredentialType:
    own = query(actor).filter(pk=kind.pk).values("pk")
    found = lookup.by_id(backend().lock_waiting(CredentialType.objects.filter(pk__in=own)), NOUN, kind.pk)
    need(actor, "credentials.write", found.company_id)
    return found


def _refuse_used(kind: CredentialType, what: str) -> None:
    used = list(kind.credentials.order_by("pk").values("id", "name"))
    if used:
        shown = ", ".join(f"{one['name']} ({one['id']})" for one in used)
        raise Refused(
            f"Credential type {kind.name} {what} while there are credentials of it: {shown}; remove them first.",
            "credential_type_in_use",
            details={"credentials": used},
        )


def _without_values(stored: changes.Changes) -> dict[str, dict[str, Any]]:
    return changes.for_audit(stored, secret=[name for name in stored if name.startswith("field.")])
