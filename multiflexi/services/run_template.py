"""Run templates: an application configured for a company, with its schedule."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.jobs.completeness import missing_by_template
from multiflexi.models import Application, Company, CompanyApp, Job, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, credential_assignment, job_removal, lookup, run_template_config
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import grants_of, need, need_for_executor
from multiflexi.services.run_template_values import usable
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Run template"
CADENCE = {"interv", "cron", "timezone", "valid_from", "valid_to", "skip_days"}
UNTROUBLED = {"schedule_error": None, "schedule_failures": 0, "schedule_retry_at": None}
NOT_COPIED = {
    "id",
    "active",
    "complete",
    "next_schedule",
    "last_schedule",
    "running_job",
    *UNTROUBLED,
    "successfull_jobs_count",
    "failed_jobs_count",
    "version",
    "created_at",
    "updated_at",
    "archived_at",
}


def query(
    actor: Actor,
    *,
    company_id: int | None = None,
    app_id: int | None = None,
    active: bool | None = None,
    search: str | None = None,
) -> QuerySet[RunTemplate]:
    """Run templates that are not archived, with company and application."""
    rows = visible(RunTemplate, actor).filter(archived_at=None).select_related("app", "company")
    if company_id is not None:
        rows = rows.filter(company_id=company_id)
    if app_id is not None:
        rows = rows.filter(app_id=app_id)
    if active is not None:
        rows = rows.filter(active=active)
    return containing(rows, search, "name", "note")


def find(actor: Actor, reference: Any, company: Company | None = None) -> RunTemplate:
    """By id, else by name, of this company if one is given. Raises NotFound, and Refused when several have the name."""
    found = query(actor)
    if company and not str(reference).isdecimal():
        found = found.filter(company=company)
    return lookup.by_id_or(found, NOUN, reference, "name")


def find_to_run(actor: Actor, number: Any) -> RunTemplate:
    """As `find`; who may run and not read finds by the id alone, in the companies of theirs. Raises NotPermitted."""
    grants = grants_of(actor)
    if grants.permits("jobs.read"):
        return find(actor, number)
    need(actor, "jobs.create")
    rows = RunTemplate.objects.filter(archived_at=None).select_related("app", "company")
    ids = grants.company_ids
    return lookup.by_id(rows if ids is None else rows.filter(company__in=ids), NOUN, number)


def create(
    actor: Actor,
    *,
    name: str,
    app: Application,
    company: Company,
    config: Mapping[str, str] | None = None,
    **values: Any,
) -> RunTemplate:
    """Create a run template, active unless told otherwise; an incomplete one is stored but not scheduled.

    Raises Invalid.
    """
    need(actor, "runtemplates.create", company.pk)
    given = usable({**values, "name": name}, app)
    with transaction.atomic():
        template = RunTemplate(app=app, company=company, prepared=False if app.setup else None, **given)
        changes.check(template)
        checked = run_template_config.checked(template, config or {})
        template.save(force_insert=True)
        CompanyApp.objects.get_or_create(app=app, company=company)
        stored = run_template_config.store(template, checked)
        schedulable.refresh([template.pk], cadence_changed=True)
        audit.write(
            actor,
            "create",
            template,
            company_id=company.pk,
            changes={**changes.created({**given, "app_id": app.pk}), **stored},
        )
    template.refresh_from_db()
    return template


def update(
    actor: Actor,
    template: RunTemplate,
    *,
    config: Mapping[str, str] | None = None,
    clear: Collection[str] = (),
    app: Application | None = None,
    **values: Any,
) -> bool:
    """Change a run template and say whether anything changed; values named in `clear` go.

    Raises Invalid, and Refused when it would be activated while required values or credentials are missing.
    """
    with transaction.atomic():
        template = RunTemplate.objects.select_for_update().get(pk=template.pk)
        given = usable(values, app or template.app, template)
        if app and app.pk != template.app_id:
            given["app"] = app
        changed = changes.assign(template, given)
        changes.check(template)
        _need_all(actor, template, changed, bool(config or clear))
        stored = run_template_config.store(template, run_template_config.checked(template, config or {}))
        stored |= run_template_config.clear(template, clear)
        if not changed and not stored:
            return False
        template.version += 1
        # What the scheduler stumbled over may be repaired now, whichever value it was: it tries again at once.
        changes.assign(template, UNTROUBLED)
        changes.save(template, [*changed, *UNTROUBLED, "version"])
        schedulable.refresh([template.pk], cadence_changed=bool(CADENCE & set(changed)))
        if changed.get("active") == (False, True):
            _refuse_incomplete(template)
        audit.write(
            actor, "update", template, company_id=template.company_id, changes={**changes.for_audit(changed), **stored}
        )
    return True


def remove(actor: Actor, template: RunTemplate) -> None:
    """Delete a run template with its jobs, output and values. Raises Refused while one of its jobs is under way."""
    need(actor, "runtemplates.delete", template.company_id)
    with transaction.atomic():
        RunTemplate.objects.select_for_update().get(pk=template.pk)
        jobs = Job.objects.filter(runtemplate=template)
        job_removal.refuse_active(jobs)
        audit.write(
            actor,
            "delete",
            template,
            company_id=template.company_id,
            severity="medium",
            changes=changes.for_audit({"name": (template.name, None)}),
            data={"jobs": jobs.count()},
        )
        job_removal.remove(jobs)
        template.delete()


def clone(actor: Actor, source: RunTemplate, name: str | None = None) -> RunTemplate:
    """Copy a run template with its values and credentials; the copy is inactive."""
    need(actor, "runtemplates.create", source.company_id)
    copied = {field.name: getattr(source, field.name) for field in source._meta.fields if field.name not in NOT_COPIED}
    if name is not None and not name.strip():
        raise invalid_field("name", "a run template needs a name; give one.")
    with transaction.atomic():
        made = RunTemplate(**{**copied, "name": name or f"{source.name[:240]} (copy)", "active": False})
        changes.check(made)
        made.save(force_insert=True)
        run_template_config.copy(source, made)
        credential_assignment.copy(source, made)
        schedulable.refresh([made.pk])
        audit.write(
            actor,
            "create",
            made,
            company_id=made.company_id,
            changes=changes.created({"name": made.name}),
            data={"cloned_from": source.pk},
        )
    return made


def missing(template: RunTemplate) -> list[str]:
    """Names of required values and credentials that are not there yet."""
    return list(missing_by_template([template])[template.pk])


def stale(actor: Actor, tolerance: timedelta) -> QuerySet[RunTemplate]:
    """Active run templates with a cadence whose due instant passed longer ago than the tolerance."""
    limit = timezone.now() - tolerance
    return query(actor, active=True).exclude(interv="n").filter(next_schedule__lt=limit).order_by("next_schedule")


def _need_all(actor: Actor, template: RunTemplate, changed: Mapping[str, object], values: bool) -> None:
    """Each kind of change has its own permission."""
    if "active" in changed:
        need(actor, "runtemplates.activate", template.company_id)
    if values or set(changed) - {"active"}:
        need(actor, "runtemplates.update", template.company_id)
    need_for_executor(actor, template.company_id, template.executor if "executor" in changed else None)


def _refuse_incomplete(template: RunTemplate) -> None:
    names = missing(template)
    if names:
        raise Refused(
            f"Run template {template.name} cannot be activated, not set yet: {', '.join(names)}; "
            "give their values or assign a credential.",
            "runtemplate_incomplete",
            details={"missing": names},
        )
