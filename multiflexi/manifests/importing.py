"""Importing definition files: one transaction, one audit entry, and nothing at all when nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.db import IntegrityError, transaction

from multiflexi.manifests.definitions import ApplicationDefinition, CredentialDefinition
from multiflexi.manifests.findings import Finding, Level
from multiflexi.manifests.icons import svg_image
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.reports import ImportReport, Result
from multiflexi.manifests.session import ImportSession
from multiflexi.manifests.store_application import store_application
from multiflexi.manifests.store_prototype import store_prototype
from multiflexi.manifests.store_type import store_type
from multiflexi.manifests.svg import UnsafeSvg
from multiflexi.manifests.validation import Analysis, analyse
from multiflexi.models import Company
from multiflexi.record.actor import Actor


def import_application(
    data: bytes,
    origin: str,
    *,
    actor: Actor,
    strict: bool = False,
    allow_downgrade: bool = False,
    enabled: bool | None = None,
    dry_run: bool = False,
    icon: bytes | None = None,
) -> ImportReport:
    """Create or update the application that a file defines; importing the same file again changes nothing.

    `origin` names the file in messages; an absolute path is remembered. `icon` is the SVG found beside the file.
    Without `enabled` a new application is enabled and an existing one keeps its state. What is wrong with the file
    is in the report; raises a VaultError when the audit entry cannot be written.
    """
    analysis = analyse(data, origin)
    report = _started(analysis, origin, Kind.APPLICATION, strict=strict, dry_run=dry_run)
    session = ImportSession(analysis, report, actor, allow_downgrade, enabled)
    definition = analysis.definition
    if report.errors or not isinstance(definition, ApplicationDefinition):
        return report
    with_icon = _with_icon(definition, icon, session)
    return _in_transaction(lambda: store_application(with_icon, session), report)


def import_prototype(
    data: bytes,
    origin: str,
    *,
    actor: Actor,
    strict: bool = False,
    allow_downgrade: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Create or update the credential prototype that a file defines; matched by uuid, then by code.

    Arguments, report and errors as for `import_application`.
    """
    analysis = analyse(data, origin)
    report = _started(analysis, origin, Kind.CREDENTIAL_PROTOTYPE, strict=strict, dry_run=dry_run)
    session = ImportSession(analysis, report, actor, allow_downgrade)
    definition = analysis.definition
    if report.errors or not isinstance(definition, CredentialDefinition):
        return report
    return _in_transaction(lambda: store_prototype(definition, session), report)


def import_type(
    data: bytes,
    origin: str,
    *,
    actor: Actor,
    company: Company | None,
    strict: bool = False,
    allow_downgrade: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Create or update the credential type that a file defines, in one company; None serves all companies.

    The uuid of the file identifies the definition within the company; the type has a uuid of its own. Arguments,
    report and errors as for `import_application`.
    """
    analysis = analyse(data, origin)
    report = _started(analysis, origin, Kind.CREDENTIAL_TYPE, strict=strict, dry_run=dry_run)
    session = ImportSession(analysis, report, actor, allow_downgrade)
    definition = analysis.definition
    if report.errors or not isinstance(definition, CredentialDefinition):
        return report
    return _in_transaction(lambda: store_type(definition, company, session), report)


def _started(analysis: Analysis, origin: str, kind: Kind, *, strict: bool, dry_run: bool) -> ImportReport:
    refusals = analysis.refusals(strict=strict)
    if analysis.document is not None and analysis.kind is not kind:
        message = f"the file defines {analysis.kind.with_article}, not {kind.with_article}"
        refusals = [Finding("", message, Level.FATAL)]
    warnings = [finding for finding in analysis.findings if finding not in refusals]
    return ImportReport(origin, kind, analysis.digest, warnings=warnings, errors=refusals, dry_run=dry_run)


def _in_transaction(store: Callable[[], None], report: ImportReport) -> ImportReport:
    """Run `store`, once more if somebody else created the same record meanwhile; undo everything of a dry run."""
    warnings = list(report.warnings)
    for is_last in (False, True):
        try:
            with transaction.atomic():
                store()
                if report.dry_run:
                    transaction.set_rollback(True)
            break
        except IntegrityError:
            if is_last:
                raise
            report.warnings = list(warnings)
    if report.dry_run and report.result == Result.CREATED:
        report.record = None
    return report


def _with_icon(definition: ApplicationDefinition, icon: bytes | None, session: ImportSession) -> ApplicationDefinition:
    if definition.image or not icon:
        return definition
    try:
        return replace(definition, image=svg_image(icon))
    except UnsafeSvg as error:
        session.advise("/image", f"the icon beside the file is not used: {error}")
        return definition
