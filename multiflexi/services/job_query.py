"""Looking at jobs; apart from the changes, because a list must start fast."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from multiflexi.models import LIVE_STATES, UNSUCCESSFUL_STATES, Application, Job, JobStatus, QueueEntry
from multiflexi.models.compiled import Compiled, columns
from multiflexi.record.actor import Actor
from multiflexi.services import job_filters, lookup
from multiflexi.services.lists import chosen
from multiflexi.services.scope import companies_of_member, of_companies, visible
from multiflexi.services.search import containing

NOUN = "Job"
# Columns that no record shows: they are long, or secret.
UNSHOWN = frozenset(
    {
        "env",
        "env_meta",
        "overrides",
        "options",
        "limits",
        "handle",
        "staged_result",
        "spool_path",
        "stdout",
        "stderr",
        "collect_error",
        "traceparent",
    }
)
SHOWN = [name for name in columns(Job) if name not in UNSHOWN]
_of_companies = Compiled(lambda number, ids: of_companies(Job, ids).filter(pk=number).values_list(*SHOWN))


def query(
    actor: Actor,
    *,
    status: Iterable[str] = (),
    runtemplate_id: int | None = None,
    company_id: int | None = None,
    app_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    search: str | None = None,
) -> QuerySet[Job]:
    """Jobs by filter words and times of their creation. Raises BadQuery for an unknown word."""
    rows = visible(Job, actor).filter(
        **chosen(
            {
                "runtemplate_id": runtemplate_id,
                "company_id": company_id,
                "app_id": app_id,
                "created_at__gte": since,
                "created_at__lt": until,
            }
        )
    )
    wanted = job_filters.states(status)
    if wanted:
        rows = rows.filter(status__in=wanted)
    return containing(rows, search, "app__name", "runtemplate__name")


def find(actor: Actor, reference: Any) -> Job:
    return lookup.by_id(visible(Job, actor).select_related("app", "company", "runtemplate"), NOUN, reference)


def row(actor: Actor, number: int) -> Job:
    """The job with what a record of it shows; for members by a statement that was compiled before. Raises NotFound."""
    ids = companies_of_member(Job, actor)
    if not ids or not lookup.is_id(number):
        return lookup.by_id(visible(Job, actor).defer(*UNSHOWN), NOUN, number)
    rows = _of_companies(number, sorted(ids))
    if not rows:
        raise lookup.not_found(NOUN, f"id {number}")
    return Job.from_db(Job.objects.db, SHOWN, rows[0])


def by_status(actor: Actor) -> dict[str, int]:
    """Numbers of jobs by their stored state; states without jobs are missing."""
    return dict(visible(Job, actor).values_list("status").annotate(number=Count("pk")).order_by())


def totals(actor: Actor) -> dict[str, int]:
    """Numbers of `job:status`, in three queries."""
    jobs, by_state = visible(Job, actor), by_status(actor)
    return {
        "successful_jobs": by_state.get(JobStatus.SUCCESS, 0),
        "failed_jobs": sum(by_state.get(state, 0) for state in UNSUCCESSFUL_STATES),
        "incomplete_jobs": sum(by_state.get(state, 0) for state in LIVE_STATES),
        "total_applications": Application.objects.filter(retired_at=None).count(),
        "repeated_jobs": jobs.filter(attempt__gt=1).count(),
        "total_jobs": sum(by_state.values()),
        "queue_length": visible(QueueEntry, actor).count(),
    }
