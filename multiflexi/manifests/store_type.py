"""Storing the definition of a credential type in a company."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.jobs.requirements import canonical, matches
from multiflexi.manifests import type_rows
from multiflexi.manifests.credential import without_secret_defaults
from multiflexi.manifests.definitions import CredentialDefinition, FieldDefinition, differences
from multiflexi.manifests.reports import Result
from multiflexi.manifests.session import ImportSession
from multiflexi.models import Company, CredentialPrototype, CredentialType, RunTemplate

# A type may hide what its prototype shows, never the other way round.
_REFINEMENTS = {("string", "password"), ("text", "password"), ("url", "password")}


def store_type(definition: CredentialDefinition, company: Company | None, session: ImportSession) -> None:
    """Create or update the company's credential type; call it in a transaction. Equal content writes nothing."""
    prototype = _prototype(definition.code)
    if prototype is None:
        session.advise("/code", f"no credential prototype {definition.code} is known yet; import it")
    elif _contradicts(prototype, definition.fields, session):
        return
    kind = (
        CredentialType.objects.select_for_update().filter(company=company, definition_uuid=str(definition.uuid)).first()
    )
    created = kind is None
    if kind is None:
        kind = CredentialType(company=company, gate_on_degraded=canonical(definition.code) == "MServer")
        present = CredentialDefinition(definition.uuid, "", {})
    else:
        present = type_rows.load(kind)
        session.report.record, session.report.result = kind, Result.UNCHANGED
        unchanged = not differences(present, definition) and (
            prototype is None or kind.credential_prototype == prototype
        )
        if unchanged or session.keeps_newer(definition.version, present.version):
            return
        kind.updated_at = timezone.now()
    kind.credential_prototype = prototype or kind.credential_prototype
    kind.manifest = cast("Any", without_secret_defaults(session.analysis.document or {}, definition))
    type_rows.save(kind, definition)
    session.report.record = kind
    session.report.changes = differences(present, definition)
    session.report.result = Result.CREATED if created else Result.UPDATED
    session.write_audit("create" if created else "update", kind)
    schedulable.refresh(
        list(
            RunTemplate.objects.filter(assigned_credentials__credential__credential_type=kind).values_list(
                "pk", flat=True
            )
        )
    )


def _prototype(code: str) -> CredentialPrototype | None:
    return next((one for one in CredentialPrototype.objects.order_by("pk") if matches(code, one.code)), None)


def _contradicts(prototype: CredentialPrototype, fields: dict[str, FieldDefinition], session: ImportSession) -> bool:
    known = dict(prototype.fields.filter(obsolete=False).values_list("keyword", "type"))
    for key, field in fields.items():
        expected = known.get(key, field.type)
        if field.type != expected and (expected, field.type) not in _REFINEMENTS:
            session.refuse(
                f"/fields/{field.position}/type",
                f"{key} is {field.type} here and {expected} in the prototype {prototype.code}; use the same type",
            )
    return bool(session.report.errors)
