"""Definition files of applications, credential prototypes and credential types: import, export, removal."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from multiflexi.manifests import exporting, icons, importing, reading, removing
from multiflexi.manifests.findings import Finding, Unreadable
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.reports import ImportReport, Removal, RemovalReport
from multiflexi.models import Application, Company, CredentialPrototype, CredentialType
from multiflexi.record.actor import Actor
from multiflexi.services import credential_type
from multiflexi.services.errors import Refused
from multiflexi.services.rights import may, need


def import_application(
    actor: Actor,
    content: bytes,
    origin: str,
    *,
    path: Path | None = None,
    strict: bool = False,
    allow_downgrade: bool = False,
    enabled: bool | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Create or update an application; with `path` the icon beside the file is taken along. Raises NotPermitted."""
    need(actor, "applications.create")
    return importing.import_application(
        content,
        origin,
        actor=actor,
        strict=strict,
        allow_downgrade=allow_downgrade,
        enabled=enabled,
        dry_run=dry_run,
        icon=_icon(content, path),
    )


def import_prototype(
    actor: Actor,
    content: bytes,
    origin: str,
    *,
    strict: bool = False,
    allow_downgrade: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    need(actor, "applications.create")
    return importing.import_prototype(
        content, origin, actor=actor, strict=strict, allow_downgrade=allow_downgrade, dry_run=dry_run
    )


def import_type(
    actor: Actor,
    content: bytes,
    origin: str,
    company: Company,
    *,
    strict: bool = False,
    allow_downgrade: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Create or update the credential type of a definition in one company. Raises Refused."""
    need(actor, "credentials.write", company.pk)
    return importing.import_type(
        content,
        origin,
        actor=actor,
        company=company,
        strict=strict,
        allow_downgrade=allow_downgrade,
        dry_run=dry_run,
    )


def export_application(app: Application) -> tuple[str, list[str]]:
    """The definition's text, and what was left out of it in words."""
    warnings: list[Finding] = []
    text = exporting.export_application(app, warnings=warnings)
    return text, [finding.sentence for finding in warnings]


def export_prototype(prototype: CredentialPrototype) -> str:
    return exporting.export_prototype(prototype)


def export_type(kind: CredentialType) -> str:
    return exporting.export_type(kind)


def delete_prototype(actor: Actor, prototype: CredentialPrototype) -> RemovalReport:
    """Delete a credential prototype. Raises Refused, with the list, while credential types are made from it."""
    need(actor, "applications.delete")
    report = removing.remove_prototype(prototype, actor=actor, sees=_sees(actor, "credentials.read"))
    if report.result == Removal.REFUSED:
        raise Refused(report.message, "credential_prototype_in_use", details={"users": report.users})
    return report


def remove_application(
    actor: Actor, subject: bytes | Application, origin: str = "", *, dry_run: bool = False
) -> RemovalReport:
    """Delete the application, or retire it when it has history; the report says which."""
    need(actor, "applications.delete")
    with transaction.atomic():
        sees = _sees(actor, "jobs.read")
        report = removing.remove_application(subject, actor=actor, origin=origin, sees=sees)
        if dry_run:
            transaction.set_rollback(True)
    return report


def delete_application(actor: Actor, app: Application) -> RemovalReport:
    """As `remove_application`; raises Refused while run templates use it."""
    report = remove_application(actor, app)
    if report.result == Removal.REFUSED:
        raise Refused(report.message, "application_in_use", details={"users": report.users})
    return report


def _sees(actor: Actor, rule: str) -> removing.Sees:
    return lambda company_id: may(actor, rule, company_id)


def _icon(content: bytes, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return icons.icon_beside(path, reading.read(content).document)
    except Unreadable:
        return None


def remove_prototype(actor: Actor, content: bytes, origin: str, *, dry_run: bool = False) -> RemovalReport:
    """Delete the credential prototype that a file defines, unless credential types are made from it. Raises Refused."""
    need(actor, "applications.delete")
    uuid = removing.uuid_in(content, origin, Kind.CREDENTIAL_PROTOTYPE)
    if isinstance(uuid, RemovalReport):
        return uuid
    with transaction.atomic():
        prototype = CredentialPrototype.objects.filter(uuid=uuid).first()
        if prototype is None:
            text = f"No credential prototype has the uuid {uuid}; nothing was removed."
            return RemovalReport(Removal.NOTHING, text)
        report = removing.remove_prototype(prototype, actor=actor, sees=_sees(actor, "credentials.read"))
        if dry_run:
            transaction.set_rollback(True)
    return report


def remove_type(actor: Actor, content: bytes, origin: str, company: Company, *, dry_run: bool = False) -> RemovalReport:
    """Delete the credential type of a company that a file defines, unless there are credentials of it. Raises
    Refused for want of permission."""
    need(actor, "credentials.write", company.pk)
    uuid = removing.uuid_in(content, origin, Kind.CREDENTIAL_TYPE)
    if isinstance(uuid, RemovalReport):
        return uuid
    with transaction.atomic():
        kind = CredentialType.objects.filter(company=company, definition_uuid=str(uuid)).first()
        if kind is None:
            text = f"No credential type of {company.name} was made from the definition {uuid}; nothing was removed."
            return RemovalReport(Removal.NOTHING, text)
        try:
            credential_type.remove(actor, kind)
        except Refused as refusal:
            used = [str(one["name"]) for one in refusal.details.get("credentials", ())]
            return RemovalReport(Removal.REFUSED, refusal.message, kind, used)
        if dry_run:
            transaction.set_rollback(True)
    return RemovalReport(Removal.REMOVED, f"Credential type {kind.name} was removed.", kind)
