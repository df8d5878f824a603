"""What a job in the queue waits for; the same conditions as those of a claim, put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Count
from django.utils.translation import gettext as _

from multiflexi.credentials.judging import in_words, rank
from multiflexi.jobs.queue.needs import needed_limits
from multiflexi.models import Credential, Job, JobLimit, NamedLimit, QueueEntry, Worker
from multiflexi.record.actor import Actor
from multiflexi.scheduling.policy import most_at_once
from multiflexi.services.explain import daemons
from multiflexi.services.explain.reason import Reason
from multiflexi.services.scope import visible

SHOWN_JOBS = 20


def waits_for(
    actor: Actor, job: Job, now: datetime, credentials: Sequence[Credential], workers: Sequence[Worker]
) -> list[Reason]:
    """Everything that keeps a pending job from its start; its company and run template must be loaded.

    `credentials` are those of its run template, `workers` those that are alive.
    """
    entry: QueueEntry | None = getattr(job, "queue_entry", None)
    if entry is None:
        missing = _("The job has no row in the queue; repair it with queue:fix.")
        return [Reason("queue", missing, since=job.created_at)]
    found = [
        *_time(job, entry, now, credentials),
        *_run_template(job),
        *_company(job),
        *_limits(actor, entry),
        *daemons.no_executor(job.executor, workers),
    ]
    return found or [Reason("turn", _("Nothing keeps it; it starts when its turn comes."), since=entry.after)]


def _time(job: Job, entry: QueueEntry, now: datetime, credentials: Sequence[Credential]) -> Iterator[Reason]:
    """Its time has not come, or a credential is in its way; what deferred it is told as it is known now."""
    held = [credential for credential in credentials if _holds(credential)]
    if entry.defer_reason and entry.after > now:
        for detail in map(in_words, held) if held else [entry.defer_reason]:
            yield Reason("deferred", detail, entry.deferred_since, entry.after)
        return
    if entry.after > now:
        yield Reason("time", _("It is not due yet."), job.created_at, entry.after)
    for credential in held:
        yield Reason("credential", in_words(credential), credential.checked_at, credential.check_valid_until)


def _run_template(job: Job) -> Iterator[Reason]:
    """Its run template lets no further job run now."""
    template = job.runtemplate
    most = most_at_once(template.overlap, template.max_parallel or None) if template else None
    if template is None or most is None:
        return
    others = QueueEntry.objects.filter(runtemplate=template, worker__isnull=False).exclude(job=job).order_by("job_id")
    holders = list(others.values_list("job_id", flat=True)[:most])
    lock = template.running_job_id
    if template.is_serialised and lock and lock not in (job.pk, *holders):
        holders = sorted([*holders, lock])
    if len(holders) < most:
        return
    shown = tuple(holders[:SHOWN_JOBS])
    if template.is_serialised:
        told = _("Job %(job)d of the same run template has not ended; its jobs run one after the other.")
        yield Reason("runtemplate", told % {"job": shown[0]}, jobs=shown)
    else:
        told = _("The run template runs %(most)d jobs already, as many as it may run at once.") % {"most": most}
        yield Reason("parallel", told, jobs=shown)


def _company(job: Job) -> Iterator[Reason]:
    most = job.company.max_running
    if most is None:
        return
    running = QueueEntry.objects.filter(company=job.company_id, worker__isnull=False).count()
    if running >= most:
        told = _("The company runs %(running)d of at most %(most)d jobs.") % {"running": running, "most": most}
        yield Reason("company", told)


def _limits(actor: Actor, entry: QueueEntry) -> Iterator[Reason]:
    needed = needed_limits([entry.pk]).get(entry.job_id, ())
    limits = NamedLimit.objects.filter(pk__in=needed).annotate(used=Count("holders__job")).order_by("name", "pk")
    full = {limit.pk: limit for limit in limits if limit.used >= limit.maximum}
    holders = visible(JobLimit, actor).filter(limit__in=full).order_by("job_id") if full else JobLimit.objects.none()
    seen = list(holders.values_list("limit_id", "job_id"))
    for limit in full.values():
        told = {"name": limit.name, "used": limit.used, "maximum": limit.maximum}
        text = (
            _("Limit %(name)s: %(used)d of %(maximum)d places are taken.")
            if limit.maximum
            else _("Limit %(name)s stops all of its jobs: its maximum is 0.")
        )
        jobs = tuple(job_id for limit_id, job_id in seen if limit_id == limit.pk)
        yield Reason("limit", text % told, jobs=jobs[:SHOWN_JOBS])


def _holds(credential: Credential) -> bool:
    """Whether the last check would defer or block a job."""
    return rank(credential.availability, gate_on_degraded=credential.credential_type.gate_on_degraded) > 0
