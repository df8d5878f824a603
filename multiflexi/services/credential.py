"""Credentials: named values of one credential type, for the run templates of one company."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from multiflexi.jobs import deferring
from multiflexi.jobs.queue import backend
from multiflexi.jobs.requirements import canonical
from multiflexi.models import Company, Credential, CredentialType, RunTemplate, RunTemplateCredential
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import (
    changes,
    credential_fields,
    credential_values,
    destinations,
    lookup,
    schedules,
    shadowing,
)
from multiflexi.services.credential_fields import Values
from multiflexi.services.credential_uploads import Uploads
from multiflexi.services.credential_values import Expiries
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Credential"


def query(
    actor: Actor, *, company_id: int | None = None, prototype: str | None = None, search: str | None = None
) -> QuerySet[Credential]:
    """Credentials of the companies the actor sees; `prototype` is the code of their kind, in any case."""
    rows = visible(Credential, actor).select_related("credential_type__credential_prototype")
    if company_id is not None:
        rows = rows.filter(company_id=company_id)
    if prototype is not None:
        # `iexact` would obey the binary collation of MariaDB's columns.
        rows = rows.alias(code=Lower("credential_type__prototype")).filter(code=canonical(prototype).lower())
    return containing(rows, search, "name", "note")


def find(actor: Actor, reference: Any) -> Credential:
    """By id, else by name. Raises NotFound, and Refused when several have the name."""
    return lookup.by_id_or(query(actor), NOUN, reference, "name")


def create(
    actor: Actor,
    *,
    company: Company,
    kind: CredentialType,
    name: str | None = None,
    note: str | None = None,
    values: Values | None = None,
    uploads: Uploads | None = None,
    expires: Expiries | None = None,
) -> Credential:
    """Make a credential, called like its company unless told otherwise.

    It may be made without any values and filled later; once values are given, none that is required may be missing.
    Raises Invalid, NotFound and Refused; nothing is stored then.
    """
    need(actor, "credentials.write", company.pk)
    _refuse_foreign_type(kind, company.pk)
    fields = credential_fields.of_type(kind)
    with transaction.atomic():
        credential = Credential(
            company=company, credential_type=kind, name=(name or "").strip() or company.name, note=note
        )
        changes.check(credential)
        credential.save(force_insert=True)
        stored = credential_values.store(
            actor, credential, fields, values or {}, uploads=uploads or {}, expires=expires or {}
        )
        if values or uploads:
            credential_values.refuse_lacking(credential, fields)
        named = changes.created({"name": credential.name, "note": note, "credential_type_id": kind.pk})
        audit.write(actor, "create", credential, severity="medium", changes={**named, **_without_values(stored)})
    return credential


def update(
    actor: Actor,
    credential: Credential,
    *,
    company: Company | None = None,
    kind: CredentialType | None = None,
    values: Values | None = None,
    uploads: Uploads | None = None,
    expires: Expiries | None = None,
    **columns: Any,
) -> bool:
    """Change name, note, type, values or files and say whether anything changed; new values make a new version.

    A text replaces a value, None clears it; an empty text or a mask keeps a secret. Who changes an address gives the
    secrets again. Raises Invalid, NotFound, Refused.
    """
    with transaction.atomic():
        credential = _locked(actor, credential)
        need(actor, "credentials.write", credential.company_id)
        if company and company.pk != credential.company_id:
            raise Refused(
                f"Credential {credential.name} stays with its company; create one for the other company instead.",
                "foreign_company",
            )
        if "name" in columns:
            columns["name"] = _usable_name(columns["name"])
        addresses = destinations.of_credential(credential)
        changed = changes.assign(credential, columns)
        if kind and kind.pk != credential.credential_type_id:
            changed |= _retype(credential, kind)
        changes.check(credential)
        fields = credential_fields.of_type(credential.credential_type)
        stored = credential_values.store(
            actor, credential, fields, values or {}, uploads=uploads or {}, expires=expires or {}
        )
        if not changed and not stored:
            return False
        destinations.need_secrets_again(actor, credential, addresses, values or {}, uploads or {})
        credential_values.refuse_lacking(credential, fields, [name for name, one in (values or {}).items() if not one])
        if stored or kind:
            credential.version += 1
            changes.save(credential, [*changed, "version"])
            credential_values.after_change([credential.pk])
        else:
            changes.save(credential, changed)
        audit.write(
            actor,
            "update",
            credential,
            severity="medium" if stored else "low",
            changes={**changes.for_audit(changed), **_without_values(stored)},
            data={"version": credential.version},
        )
    return True


def remove(actor: Actor, credential: Credential, *, force: bool = False) -> list[RunTemplate]:
    """Delete a credential; raises Refused, with the list, while active run templates use it.

    With `force` they lose it and are incomplete where they need one. Returns the run templates that used it.
    """
    with transaction.atomic():
        credential = _locked(actor, credential)
        need(actor, "credentials.write", credential.company_id)
        using = users(credential)
        if using and not force:
            raise _in_use(credential, using)
        rows = RunTemplate.objects.filter(assigned_credentials__credential=credential).order_by("pk")
        ids = list(rows.values_list("pk", flat=True))
        audit.write(
            actor,
            "delete",
            credential,
            severity="high" if using else "medium",
            changes=changes.for_audit({"name": (credential.name, None)}),
            data={"credential_type_id": credential.credential_type_id, "run_templates": ids},
        )
        RunTemplateCredential.objects.filter(credential=credential).delete()
        credential.delete()
        shadowing.refresh(ids)
        schedules.refresh(RunTemplate.objects.filter(pk__in=ids))
        deferring.wake_those_of(ids)
    return using


def users(credential: Credential) -> list[RunTemplate]:
    """Active run templates that a credential is assigned to."""
    rows = RunTemplate.objects.filter(assigned_credentials__credential=credential, active=True, archived_at=None)
    return list(rows.order_by("pk"))


def missing(credential: Credential) -> list[str]:
    """Names of required fields without a value."""
    return credential_values.lacking(credential, credential_fields.of_type(credential.credential_type))


def _locked(actor: Actor, credential: Credential) -> Credential:
    return lookup.by_id(backend().lock_waiting(visible(Credential, actor)), NOUN, credential.pk)


def _usable_name(name: str) -> str:
    if not str(name).strip():
        raise invalid_field("name", "a credential needs a name; give one.")
    return str(name).strip()


def _refuse_foreign_type(kind: CredentialType, company_id: int) -> None:
    """A type holds values of its company, too."""
    if not CredentialType.objects.filter(Q(company=None) | Q(company=company_id), pk=kind.pk).exists():
        raise Refused(
            f"Credential type {kind.name} belongs to another company; choose one of the company of the credential.",
            "foreign_credential_type",
        )


def _retype(credential: Credential, kind: CredentialType) -> changes.Changes:
    """Put a credential under another type of the same kind, whose fields have room for all of its values."""
    _refuse_foreign_type(kind, credential.company_id)
    present = credential.credential_type
    if canonical(present.prototype).casefold() != canonical(kind.prototype).casefold():
        raise Refused(
            f"Credential {credential.name} is of kind {present.prototype or present.name}, credential type {kind.name} "
            "is not; create a new credential of that type.",
            "other_prototype",
        )
    known = credential_fields.of_type(kind)
    strange = [name for name in credential.values.order_by("name").values_list("name", flat=True) if name not in known]
    if strange:
        raise Refused(
            f"Credential type {kind.name} has no fields {', '.join(strange)}, for which credential {credential.name} "
            "has values; clear them first.",
            "unknown_fields",
            details={"fields": strange},
        )
    return changes.assign(credential, {"credential_type": kind})


def _in_use(credential: Credential, using: list[RunTemplate]) -> Refused:
    shown = ", ".join(f"{one.name} ({one.pk})" for one in using)
    return Refused(
        f"Credential {credential.name} is used by the active run templates {shown}; unassign it, switch them off or "
        "force the removal.",
        "credential_in_use",
        details={"run_templates": [{"id": one.pk, "name": one.name} for one in using]},
    )


def _without_values(stored: changes.Changes) -> dict[str, dict[str, Any]]:
    """What the audit trail keeps of changed values: that they changed, and keyed hashes of them."""
    return changes.for_audit(stored, secret=[name for name in stored if name.startswith("field.")])
