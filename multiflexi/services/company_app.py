"""Applications switched on for companies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.models import LIVE_STATES, Application, Company, CompanyApp, Executor, Job, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, job_removal
from multiflexi.services.errors import Refused
from multiflexi.services.rights import need
from multiflexi.services.scope import visible


class Assigned(NamedTuple):
    """The pair, its automatic run template, and whether this call made it."""

    pair: CompanyApp
    runtemplate: RunTemplate | None
    created: bool


def query(actor: Actor, *, company: Company | None = None, app: Application | None = None) -> QuerySet[CompanyApp]:
    """One row per run template of each pair, with `template_id`; None for a pair without run template."""
    rows = visible(CompanyApp, actor).select_related("company", "app")
    rows = rows.annotate(
        template=FilteredRelation(
            "company__runtemplates",
            condition=Q(company__runtemplates__app=F("app"), company__runtemplates__archived_at=None),
        )
    ).annotate(template_id=F("template__pk"))
    if company:
        rows = rows.filter(company=company)
    return rows.filter(app=app) if app else rows


def assign(actor: Actor, company: Company, app: Application, *, with_template: bool = True) -> Assigned:
    """Switch an application on; the first time an active run template without cadence is made, unless not wanted.

    Repeating it changes nothing. Raises Refused for a disabled application.
    """
    need(actor, "runtemplates.create", company.pk)
    with transaction.atomic():
        Company.objects.select_for_update().get(pk=company.pk)
        existing = CompanyApp.objects.filter(company=company, app=app).first()
        if existing:
            return Assigned(existing, None, False)
        if not app.enabled or app.retired_at:
            raise Refused(
                f"Application {app.name} is disabled and cannot be assigned; enable it with application:update first.",
                "application_disabled",
            )
        pair = CompanyApp.objects.create(company=company, app=app)
        template = RunTemplate.objects.filter(company=company, app=app, archived_at=None).order_by("pk").first()
        if template is None and with_template:
            template = RunTemplate.objects.create(
                company=company,
                app=app,
                name=app.name[:250],
                interv="n",
                active=True,
                executor=Executor.NATIVE,
                prepared=False if app.setup else None,
            )
            schedulable.refresh([template.pk])
            audit.write(
                actor, "create", template, company_id=company.pk, changes=changes.created({"name": template.name})
            )
        audit.write(actor, "create", pair, company_id=company.pk, changes=changes.created({"app_id": app.pk}))
    return Assigned(pair, template, True)


def unassign(actor: Actor, company: Company, app: Application, *, purge: bool = False) -> list[int] | None:
    """Switch an application off; returns the ids of the run templates that went, None when it was not on.

    Run templates that have run are archived with their history, with `purge` deleted. Raises Refused while one of
    them has a cadence or a live job.
    """
    need(actor, "runtemplates.delete", company.pk)
    with transaction.atomic():
        pair = CompanyApp.objects.select_for_update().filter(company=company, app=app).first()
        if pair is None:
            return None
        templates = list(RunTemplate.objects.filter(company=company, app=app, archived_at=None).order_by("pk"))
        ids = [one.pk for one in templates]
        _refuse_busy(templates)
        for template in templates:
            _retire(actor, template, purge=purge)
        audit.write(actor, "delete", pair, company_id=company.pk, data={"runtemplates": ids})
        pair.delete()
    return ids


def listed(pairs: QuerySet[CompanyApp]) -> Iterator[tuple[CompanyApp, int | None]]:
    """The pairs of `query` with the id of their run template."""
    return ((pair, getattr(pair, "template_id")) for pair in pairs)  # noqa: B009


def _refuse_busy(templates: list[RunTemplate]) -> None:
    cadenced = [one.pk for one in templates if one.active and one.interv != "n"]
    live = list(
        Job.objects.filter(runtemplate__in=templates, status__in=LIVE_STATES)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if cadenced or live:
        raise Refused(
            "The application is still in use there"
            + (f"; deactivate its run templates {', '.join(map(str, cadenced))}" if cadenced else "")
            + (f"; cancel, stop or await its jobs {', '.join(map(str, live[:20]))}" if live else "")
            + ".",
            "application_in_use",
            details={"runtemplates": cadenced, "jobs": live},
        )


def _retire(actor: Actor, template: RunTemplate, *, purge: bool) -> None:
    jobs = Job.objects.filter(runtemplate=template)
    if purge or not jobs.exists():
        audit.write(
            actor,
            "delete",
            template,
            company_id=template.company_id,
            changes=changes.for_audit({"name": (template.name, None)}),
        )
        job_removal.remove(jobs)
        template.delete()
        return
    changed = changes.assign(template, {"active": False, "archived_at": timezone.now()})
    changes.save(template, changed)
    schedulable.refresh([template.pk])
    audit.write(actor, "archive", template, company_id=template.company_id, changes=changes.for_audit(changed))
