"""Definition files of applications, credential prototypes and credential types: import, export, removal."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from multiflexi.manifests import exporting, icons, importing, reading, removing
from multiflexi.manifests.findings import Finding, Unreadable
from multiflexi.manifests.reports import ImportReport, Removal, RemovalReport
from multiflexi.models import Application, Company, CredentialPrototype, CredentialType
from multiflexi.record.actor import Actor
from multiflexi.services.errors import Refused
from multiflexi.services.rights import need


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
    report = removing.remove_prototype(prototype, actor=actor)
    if report.result == Removal.REFUSED:
        raise Refused(report.message, "credential_prototype_in_use", details={"users": report.users})
    return report


def remove_application(
    actor: Actor, subject: bytes | Application, origin: str = "", *, dry_run: bool = False
) -> RemovalReport:
    """Delete the application, or retire it when it has history; the report says which."""
    need(actor, "applications.delete")
    with transaction.atomic():
        report = removing.remove_application(subject, actor=actor, origin=origin)
        if dry_run:
            transaction.set_rollback(True)
    return report


def delete_application(actor: Actor, app: Application) -> RemovalReport:
    """As `remove_application`; raises Refused while run templates use it."""
    report = remove_application(actor, app)
    if report.result == Removal.REFUSED:
        raise Refused(report.message, "application_in_use", details={"users": report.users})
    return report


def _icon(content: bytes, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return icons.icon_beside(path, reading.read(content).document)
    except Unreadable:
        return None
