"""Storing the definition of a credential prototype."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from django.utils import timezone

from multiflexi.manifests import prototype_rows
from multiflexi.manifests.definitions import CredentialDefinition, differences
from multiflexi.manifests.reports import Result
from multiflexi.manifests.session import ImportSession
from multiflexi.models import CredentialPrototype


def store_prototype(definition: CredentialDefinition, session: ImportSession) -> None:
    """Create or update the prototype; call it in a transaction. Equal content writes nothing."""
    rows = CredentialPrototype.objects.select_for_update()
    prototype = rows.filter(uuid=definition.uuid).first()
    if prototype is None:
        prototype = rows.filter(code=definition.code).first()
        if prototype is not None:
            session.advise(
                "/uuid", f"the prototype {definition.code} is stored with the uuid {prototype.uuid}, which stays"
            )
            definition = replace(definition, uuid=prototype.uuid, uuid_source=prototype.uuid_source)
    elif prototype.code != definition.code and rows.filter(code=definition.code).exists():
        session.refuse("/code", f"another prototype has the code {definition.code}; codes are unique")
        return
    if prototype is None:
        _write(CredentialPrototype(), definition, CredentialDefinition(definition.uuid, "", {}), session)
        session.report.result = Result.CREATED
        return
    session.report.record, session.report.result = prototype, Result.UNCHANGED
    present = prototype_rows.load(prototype)
    if differences(present, definition) and not session.keeps_newer(definition.version, present.version):
        prototype.updated_at = timezone.now()
        _write(prototype, definition, present, session)
        session.report.result = Result.UPDATED


def _write(
    prototype: CredentialPrototype,
    definition: CredentialDefinition,
    present: CredentialDefinition,
    session: ImportSession,
) -> None:
    action = "update" if prototype.pk else "create"
    prototype.manifest = cast("Any", session.analysis.document)
    prototype_rows.save(prototype, definition)
    session.report.record = prototype
    session.report.changes = differences(present, definition)
    session.write_audit(action, prototype)
