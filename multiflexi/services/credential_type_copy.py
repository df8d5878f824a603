"""Copying a credential type: the other company gets one of its own, without the secrets of the first."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction

from multiflexi.models import (
    Company,
    CredentialType,
    CredentialTypeField,
    CredentialTypeFieldTranslation,
    CredentialTypeTranslation,
    CredentialTypeValue,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes
from multiflexi.services.credential_type import find
from multiflexi.services.errors import Conflict
from multiflexi.services.rights import need

COPIED = (
    "url",
    "logo",
    "definition_uuid",
    "prototype",
    "credential_prototype",
    "gate_on_degraded",
    "version",
    "manifest",
)


class Copied(NamedTuple):
    """The new type, and the names of secret values that have to be entered there."""

    kind: CredentialType
    left_out: list[str]


def copy(actor: Actor, source: CredentialType, company: Company, *, name: str | None = None) -> Copied:
    """Copy a type with fields and open values into a company; takes an administrator of both.

    Raises NotFound, Refused, and Conflict when the company has a type of this definition already.
    """
    source = find(actor, source.pk)
    need(actor, "credentials.write", source.company_id)
    need(actor, "credentials.write", company.pk)
    _refuse_duplicate(source, company)
    with transaction.atomic():
        made = CredentialType(company=company, name=name or source.name)
        for column in COPIED:
            setattr(made, column, getattr(source, column))
        changes.check(made)
        made.save(force_insert=True)
        _copy_definition(source, made)
        left_out = _copy_values(source, made)
        audit.write(
            actor,
            "create",
            made,
            severity="medium",
            changes=changes.created({"name": made.name, "prototype": made.prototype}),
            data={"copied_from": source.pk, "left_out": left_out},
        )
    return Copied(made, left_out)


def _refuse_duplicate(source: CredentialType, company: Company) -> None:
    if source.definition_uuid is None:
        return
    found = CredentialType.objects.filter(company=company, definition_uuid=source.definition_uuid).first()
    if found:
        raise Conflict(
            f"Company {company.name} has a credential type of this definition already ({found.name}, id {found.pk}).",
            "credential_type_exists",
            details={"id": found.pk},
        )


def _copy_definition(source: CredentialType, made: CredentialType) -> None:
    for text in CredentialTypeTranslation.objects.filter(credential_type=source).order_by("pk"):
        text.pk, text.credential_type = None, made
        text.save(force_insert=True)
    for row in CredentialTypeField.objects.filter(credential_type=source).order_by("position", "pk"):
        texts = list(CredentialTypeFieldTranslation.objects.filter(crtypefield=row).order_by("pk"))
        row.pk, row.credential_type = None, made
        row.save(force_insert=True)
        for spoken in texts:
            spoken.pk, spoken.crtypefield = None, row
            spoken.save(force_insert=True)


def _copy_values(source: CredentialType, made: CredentialType) -> list[str]:
    left_out = []
    for row in CredentialTypeValue.objects.filter(credential_type=source).order_by("name"):
        if row.is_encrypted:
            left_out.append(row.name)
            continue
        row.pk, row.credential_type = None, made
        row.save(force_insert=True)
    return left_out
