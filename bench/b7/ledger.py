"""What became of the jobs: counted by the files they made, compared with what the platform says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.b7.work import MAX_RETRIES, Expected, digest, expected

AT_ONCE = 1000
SHOWN = 10


@dataclass
class Verdict:
    """Culprits by rule; a rule without culprits holds."""

    culprits: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, Any] = field(default_factory=dict)

    def note(self, rule: str, wrong: bool, culprit: Any) -> None:
        if wrong:
            self.culprits[rule].append(culprit)
        else:
            _ = self.culprits[rule]

    def as_dict(self) -> dict[str, Any]:
        return {
            rule: {"wrong": len(found), "first": found[:SHOWN]} if found else "ok"
            for rule, found in self.culprits.items()
        }


def check(place: Path, spool: Path, tmp: Path) -> Verdict:
    """Compare all jobs with what must have come of them; the executors have ended in order before."""
    verdict = Verdict()
    _check_files(verdict, place)
    for jobs in _portions():
        _check_jobs(verdict, jobs)
    _check_retries(verdict)
    _check_templates(verdict)
    _check_sums(verdict)
    _check_leftovers(verdict, spool, tmp)
    return verdict


def _portions() -> Iterator[list[Any]]:
    from multiflexi.models import Job

    last = 0
    while jobs := list(Job.objects.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield jobs
        last = jobs[-1].pk


def _check_files(verdict: Verdict, place: Path) -> None:
    """By the files alone: no job ran twice, and none that is said to have run did not."""
    from multiflexi.models import Job

    names = [path.name for path in place.iterdir()]
    verdict.culprits["no job ran twice"] = sorted(name for name in names if name.endswith(".again"))
    verdict.culprits["serialised and limited jobs wait for each other"] = (
        (place / "overlap").read_text().split() if "overlap" in names else []
    )
    ran = {int(name) for name in names if name.isdigit()}
    jobs = set(Job.objects.values_list("pk", flat=True))
    verdict.culprits["every job ran"] = sorted(jobs - ran)
    verdict.culprits["nothing ran that is no job"] = sorted(ran - jobs)


def _check_jobs(verdict: Verdict, jobs: list[Any]) -> None:
    from multiflexi.models import Artifact, JobHistory, JobOutputLine, JobStatus

    ids = [job.pk for job in jobs]
    lines: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    numbers: dict[int, list[int]] = defaultdict(list)
    for job_id, seq, kind, line in (
        JobOutputLine.objects.filter(job_id__in=ids)
        .order_by("job_id", "seq")
        .values_list("job_id", "seq", "type", "line")
    ):
        lines[job_id][kind].append(line)
        numbers[job_id].append(seq)
    kept: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for job_id, name, stored in Artifact.objects.filter(job_id__in=ids).values_list("job_id", "filename", "artifact"):
        kept[job_id].append((name, digest(bytes(stored or b""))))
    ends: Counter[int] = Counter()
    for job_id, state in JobHistory.objects.filter(job_id__in=ids).values_list("job_id", "to_status"):
        ends[job_id] += JobStatus(state).is_final
    for job in jobs:
        must = expected(job.pk)
        verdict.note("every job has ended", not JobStatus(job.status).is_final, (job.pk, job.status))
        verdict.note("no job is lost", job.status == JobStatus.LOST, (job.pk, job.reason_detail))
        _check_end(verdict, job, must)
        verdict.note("one end in the history", ends[job.pk] != 1, (job.pk, ends[job.pk]))
        verdict.note("live lines are numbered", numbers[job.pk] != list(range(1, len(numbers[job.pk]) + 1)), job.pk)
        for kind, content in (("stdout", must.stdout), ("stderr", must.stderr)):
            verdict.note("live lines are whole", lines[job.pk][kind] != content.decode().splitlines(), (job.pk, kind))
        files = [("report.txt", must.report), ("stderr.txt", must.stderr), ("stdout.txt", must.stdout)]
        wanted = [(name, digest(content)) for name, content in files]
        verdict.note("artifacts are whole, each once", sorted(kept[job.pk]) != wanted, (job.pk, sorted(kept[job.pk])))


def _check_end(verdict: Verdict, job: Any, must: Expected) -> None:
    state = "success" if must.code == 0 else "failed"
    found = (job.status, job.exitcode, job.exit_signal)
    verdict.note("exit codes are true", found != (state, must.code, must.signal), (job.pk, *found, job.reason_detail))
    verdict.note("every result was collected", bool(job.collect_error), (job.pk, job.collect_error))


def _check_retries(verdict: Verdict) -> None:
    """Every unsuccessful try but the last has exactly one retry, and nothing else has any."""
    from multiflexi.models import Job

    tries = list(Job.objects.values_list("pk", "retry_of_id", "attempt", "exitcode", "runtemplate__max_retries"))
    of: Counter[int] = Counter(retried for _pk, retried, *_ in tries if retried)
    for pk, _retried, attempt, code, most in tries:
        verdict.note(
            "retries follow the rule", of[pk] != int(code != 0 and attempt <= most), (pk, attempt, code, of[pk])
        )
    verdict.notes["retries"] = sum(of.values())
    verdict.note(
        "attempts are counted", any(attempt > MAX_RETRIES + 1 for _, _, attempt, *_ in tries), "more than allowed"
    )


def _check_templates(verdict: Verdict) -> None:
    from django.db.models import Count

    from multiflexi.models import Job, RunTemplate

    states = {
        (template, state): number
        for template, state, number in Job.objects.values_list("runtemplate_id", "status").annotate(n=Count("pk"))
    }
    for one in RunTemplate.objects.all():
        counted = (one.successfull_jobs_count, one.failed_jobs_count)
        found = states.get((one.pk, "success"), 0), states.get((one.pk, "failed"), 0)
        verdict.note("counters equal the states", counted != found, (one.pk, counted, found))
        verdict.note("no run template is locked", one.running_job_id is not None, one.pk)


def _check_sums(verdict: Verdict) -> None:
    from django.db.models import Sum

    from multiflexi.models import AuditEntry, Job, OutcomeRollup

    jobs = Job.objects.count()
    rolled = OutcomeRollup.objects.aggregate(n=Sum("count"))["n"] or 0
    verdict.note("the roll-up has every job once", rolled != jobs, (rolled, jobs))
    entries = AuditEntry.objects.filter(event_type="job_finished").count()
    verdict.note("one audit entry per end", entries != jobs, (entries, jobs))
    verdict.notes["jobs"] = jobs


def _check_leftovers(verdict: Verdict, spool: Path, tmp: Path) -> None:
    from multiflexi.models import JobLimit, QueueEntry

    verdict.culprits["no queue rows"] = list(QueueEntry.objects.values_list("job_id", flat=True))
    verdict.culprits["no places of named limits"] = list(JobLimit.objects.values_list("job_id", flat=True))
    verdict.culprits["no spool directories"], verdict.culprits["no job directories"] = directories(spool, tmp)


def directories(spool: Path, tmp: Path) -> tuple[list[str], list[str]]:
    """What is left on the disk: spool directories and job directories."""
    return sorted(str(path) for path in spool.glob("*/job-*")), sorted(str(path) for path in tmp.glob("job-*"))


def patiently(query: Callable[[], Any], tries: int = 100) -> Any:
    """Repeat a query while the database is away."""
    import time

    from django.db import DatabaseError, InterfaceError, connection

    for left in reversed(range(tries)):
        try:
            return query()
        except (DatabaseError, InterfaceError):
            if not left:
                raise
            connection.close()
            time.sleep(0.3)
    return None
