"""Counters of one company."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils import timezone

from multiflexi.models import (
    UNSUCCESSFUL_STATES,
    Company,
    CompanyApp,
    CompanyUser,
    Credential,
    Job,
    JobStatus,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
    Task,
    TaskState,
)
from multiflexi.record.actor import Actor
from multiflexi.services.counting import counted
from multiflexi.services.rights import need

RECENTLY = timedelta(days=30)


def of(actor: Actor, company: Company) -> dict[str, Any]:
    """What there is in a company and how its jobs and tasks ended; 5 queries."""
    need(actor, "jobs.read", company.pk)
    templates = RunTemplate.objects.filter(company=company, archived_at=None).aggregate(
        all=Count("pk"), active=Count("pk", filter=Q(active=True))
    )
    states = _counted(Job.objects.filter(company=company), "status")
    jobs = {state.value: states.get(state.value, 0) for state in JobStatus}
    failed = sum(jobs[state] for state in UNSUCCESSFUL_STATES)
    judged = jobs[JobStatus.SUCCESS] + failed
    tasks = _counted(Task.objects.filter(company=company), "state")
    recent = OutcomeRollup.objects.filter(company_id=company.pk, hour__gte=timezone.now() - RECENTLY)
    return {
        "runtemplates": templates["all"],
        "active_runtemplates": templates["active"],
        **counted(
            apps=CompanyApp.objects.filter(company=company),
            credentials=Credential.objects.filter(company=company),
            members=CompanyUser.objects.in_force().filter(company=company),
            queued=QueueEntry.objects.filter(company=company),
        ),
        "jobs": jobs,
        "failed": failed,
        "success_rate": jobs[JobStatus.SUCCESS] / judged if judged else None,
        "last_30_days": dict(recent.order_by().values_list("outcome").annotate(number=Sum("count"))),
        "tasks": {state.value: tasks.get(state.value, 0) for state in TaskState},
    }


def _counted(rows: Any, column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(number=Count("pk")))
