"""B3: how long after its due time the first instruction of a job runs."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from bench.frame import seed
from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.processes import until
from bench.frame.report import Report, percentile, rounded, say, spread
from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.queue import backend
from multiflexi.models import Interval, Job, JobStatus, QueueEntry, RunTemplate, ScheduleType

JOBS, QUICK_JOBS = 150, 30
APART, FIRST_IN = timedelta(seconds=0.37), timedelta(seconds=3)
# The shell writes its clock as its first act; what it takes to get there is measured alone and taken off.
CLOCK = ("/bin/bash", "--norc -c 'echo $EPOCHREALTIME'")
TARGETS = {"pgsql": {50: 40, 95: 150}, "mysql": {95: 600}, "sqlite": {95: 600}}


def measure(place: Installation, options: Options) -> Report:
    """Jobs of a cadence and jobs planned by hand, one due after the other while scheduler and executor are idle."""
    report = Report()
    number = options.size(JOBS, QUICK_JOBS)
    own = shell_start()
    report.figures["start_of_the_shell_itself_ms"] = spread(own)
    place.daemon("scheduler")
    place.daemon("executor")
    late = {
        "planned": lateness(planned_by_hand(number)),
        "cadence": lateness(by_cadence(number)),
    }
    for name, values in late.items():
        report.check(f"{name}: every job ran and told its time", len(values), number)
        report.check(f"{name}: none was early", [value for value in values if value < 0], [])
        corrected = [value - statistics.median(own) for value in values]
        report.figures[name] = {"as_measured_ms": spread(values), "first_instruction_ms": spread(corrected)}
        say(f"{name}: {report.figures[name]}")
        for percent, bound in TARGETS[options.database].items():
            value = percentile(corrected, percent)
            report.at_most(f"{name}, milliseconds to the first instruction, p{percent}", rounded(value), bound)
    return report


def shell_start() -> list[float]:
    """Milliseconds from the start of the shell to the time it writes, without anything of ours around it."""
    found = []
    for _ in range(50):
        begun = time.time()
        told = subprocess.run(["/bin/bash", "--norc", "-c", "echo $EPOCHREALTIME"], capture_output=True, check=True)
        found.append((float(told.stdout) - begun) * 1000)
    return found


def planned_by_hand(number: int) -> list[int]:
    """Ids of jobs that may start at one instant after the other."""
    [template] = seed.run_templates(seed.application(*CLOCK), 1, 1)
    author, now = seed.actor(), backend().now()
    assert author.user_id is not None
    wanted = [NewJob(template, ScheduleType.ADHOC, author.user_id, instant) for instant in _instants(number)]
    return [job.pk for job in create_jobs(wanted, actor=author, now=now)]


def by_cadence(number: int) -> list[int]:
    """Ids of jobs that the scheduler makes of as many run templates, each due at an instant of its own."""
    last = Job.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    templates = seed.run_templates(seed.application(*CLOCK), 1, number, interv=Interval.DAILY)
    for template, instant in zip(templates, _instants(number), strict=True):
        template.next_schedule = instant
    RunTemplate.objects.bulk_update(templates, ["next_schedule"], batch_size=100)
    made = Job.objects.filter(pk__gt=last)
    until(lambda: made.count() == number, "the last job of the cadence", patience=number * 2.0 + 60)
    return list(made.values_list("pk", flat=True))


def _instants(number: int) -> list[datetime]:
    begin = backend().now() + FIRST_IN
    return [begin + n * APART for n in range(number)]


def lateness(ids: Sequence[int]) -> list[float]:
    """Milliseconds from the due time of each job to the time it wrote, when all have ended."""
    until(lambda: not QueueEntry.objects.exists(), "the end of all jobs", patience=len(ids) * 2.0 + 60)
    jobs = Job.objects.filter(pk__in=ids, status=JobStatus.SUCCESS)
    return [
        (float(told) - due.timestamp()) * 1000 for told, due in jobs.values_list("stdout", "schedule") if told and due
    ]
