"""Storing an application definition: what is kept, what is replaced, what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.jobs.requirements import matches
from multiflexi.manifests import application_rows, identity
from multiflexi.manifests.definitions import ApplicationDefinition, Change, differences
from multiflexi.manifests.reports import Result
from multiflexi.manifests.session import ImportSession
from multiflexi.manifests.texts import base_text
from multiflexi.models import Application, CredentialPrototype, RunTemplate


def store_application(definition: ApplicationDefinition, session: ImportSession) -> None:
    """Create or update the application; call it in a transaction. Equal content writes nothing.

    State, code, an administrator's decisions on fields, and the icon unless the file brings one, are kept.
    """
    _warn_about_surroundings(definition, session)
    app = Application.objects.select_for_update().filter(uuid=definition.uuid).first()
    if app is None:
        _create(definition, session)
        return
    session.report.record = app
    present = application_rows.load(app)
    wanted = replace(definition, code=present.code, image=definition.image or present.image)
    changes = differences(present, wanted)
    if changes and app.retired_at is None and session.keeps_newer(wanted.version, present.version):
        changes, wanted = [], present
    changes += _revived(app, session.enabled)
    if not changes:
        session.report.result = Result.UNCHANGED
        return
    app.updated_at = timezone.now()
    _write(app, wanted, session, changes)
    session.report.result = Result.UPDATED
    session.write_audit("update", app)
    session.report.incomplete = _refreshed(app)


def _create(definition: ApplicationDefinition, session: ImportSession) -> None:
    code = definition.code or identity.code_slug(definition.executable)
    code = identity.unique_code(code, lambda taken: Application.objects.filter(code=taken).exists())
    if definition.code not in ("", code):
        session.advise("/code", f"{definition.code} is taken by another application; {code} is used")
    app = Application(code=code, enabled=session.enabled is not False)
    definition = replace(definition, code=code)
    nothing = ApplicationDefinition(definition.uuid, {}, "")
    _write(app, definition, session, differences(nothing, definition))
    session.report.result = Result.CREATED
    session.write_audit("create", app)


def _write(app: Application, definition: ApplicationDefinition, session: ImportSession, changes: list[Change]) -> None:
    manifest = dict(session.analysis.document or {})
    if str(manifest.get("image", "")).startswith("data:"):
        # The sanitised icon is in its column; the original must not be shown by anybody.
        del manifest["image"]
    app.manifest = cast("Any", manifest)
    if session.report.origin.startswith("/"):
        app.deffile = session.report.origin
    application_rows.save(app, definition)
    session.report.record, session.report.changes = app, changes


def _revived(app: Application, enabled: bool | None) -> list[Change]:
    """Bring back a retired application; set the state that was asked for."""
    wanted = app.enabled if enabled is None else enabled
    changes = []
    if app.retired_at is not None:
        changes.append(Change("/retired", True, False))
        app.retired_at, wanted = None, enabled is not False
    if app.enabled != wanted:
        changes.append(Change("/enabled", app.enabled, wanted))
        app.enabled = wanted
    return changes


def _refreshed(app: Application) -> list[RunTemplate]:
    """Recompute the run templates of an application; those that became incomplete."""
    templates = RunTemplate.objects.filter(app=app, archived_at=None).order_by("pk")
    before = dict(templates.values_list("pk", "complete"))
    if not before:
        return []
    schedulable.refresh(list(before))
    return [template for template in templates if before.get(template.pk) and not template.complete]


def _warn_about_surroundings(definition: ApplicationDefinition, session: ImportSession) -> None:
    name = base_text(definition.name)
    namesakes = Application.objects.filter(name=name, retired_at=None).exclude(uuid=definition.uuid)
    for namesake in namesakes.values_list("uuid", flat=True)[:1]:
        session.advise("/name", f"another application is called {name} too; its uuid is {namesake}")
    if not definition.requirements:
        return
    codes = list(CredentialPrototype.objects.values_list("code", flat=True))
    for index, requirement in enumerate(definition.requirements):
        if not any(matches(requirement, code) for code in codes):
            session.advise(f"/requirements/{index}", f"no credential prototype {requirement} is known yet; import it")
