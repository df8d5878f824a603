"""Whether jobs that printed their own id ended as they should, with everything that has to be kept of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.db.models import Max, Min, Sum

from bench.frame.report import Report
from multiflexi.jobs.completion import FINISHED
from multiflexi.models import (
    Artifact,
    AuditEntry,
    Job,
    JobHistory,
    JobStatus,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
)

PATH = (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FINISHING, JobStatus.SUCCESS)


def seconds_between_first_claim_and_last_completion(ids: Sequence[int]) -> float:
    """By the database's clock."""
    jobs = Job.objects.filter(pk__range=(ids[0], ids[-1]))
    history = JobHistory.objects.filter(**_of((ids[0], ids[-1])), to_status=JobStatus.SUCCESS)
    begun: datetime = jobs.aggregate(at=Min("queued_at"))["at"]
    ended: datetime = history.aggregate(at=Max("at"))["at"]
    return (ended - begun).total_seconds()


class Ledger:
    """Counters before the jobs ran, to be compared with those after it. The ids of the jobs follow one another."""

    def __init__(self) -> None:
        self._successes = _successes()
        self._rolled_up = _rolled_up()

    def check(self, report: Report, who: str, ids: Sequence[int], *directories: Path) -> None:
        """Check rows, content, counters and directories; every job printed its id and a newline."""
        number = len(ids)
        span = (ids[0], ids[-1])
        jobs = Job.objects.filter(pk__range=span)
        ended = Counter(jobs.values_list("status", "exitcode", "claim", "attempt"))
        report.check(f"{who}: every job succeeded at its first start", ended, {(JobStatus.SUCCESS, 0, 1, 1): number})
        report.check(f"{who}: standard output is kept", _contents(span, "stdout.txt"), _expected(ids))
        report.check(f"{who}: standard error is kept", _contents(span, "stderr.txt"), dict.fromkeys(ids, b""))
        tails = dict(jobs.values_list("pk", "stdout"))
        report.check(f"{who}: the tail of the output is in the job", tails, {pk: f"{pk}\n" for pk in ids})
        steps = Counter(JobHistory.objects.filter(**_of(span)).values_list("to_status", flat=True))
        report.check(f"{who}: the history tells every state", steps, dict.fromkeys(PATH, number))
        entries = AuditEntry.objects.filter(event_type=FINISHED, entity_id__range=span)
        report.check(f"{who}: one audit entry for each job", entries.count(), number)
        report.check(f"{who}: the run templates have counted", _successes() - self._successes, Counter(_owners(span)))
        report.check(f"{who}: the hours have counted", _rolled_up() - self._rolled_up, number)
        report.check(f"{who}: the queue is empty", QueueEntry.objects.count(), 0)
        left = [str(entry) for directory in directories for entry in directory.glob("job-*")]
        report.check(f"{who}: the directories are gone", left[:5], [])


def _of(span: tuple[int, int]) -> dict[str, int]:
    return {"job_id__gte": span[0], "job_id__lte": span[1]}


def _expected(ids: Sequence[int]) -> dict[int, bytes]:
    return {pk: f"{pk}\n".encode() for pk in ids}


def _contents(span: tuple[int, int], filename: str) -> dict[int, bytes]:
    rows = Artifact.objects.filter(**_of(span), filename=filename)
    return {job_id: bytes(content or b"") for job_id, content in rows.values_list("job_id", "artifact")}


def _owners(span: tuple[int, int]) -> list[int]:
    return list(Job.objects.filter(pk__range=span).values_list("runtemplate_id", flat=True))


def _successes() -> Counter[int]:
    return Counter(dict(RunTemplate.objects.values_list("pk", "successfull_jobs_count")))


def _rolled_up() -> int:
    return OutcomeRollup.objects.aggregate(n=Sum("count"))["n"] or 0
