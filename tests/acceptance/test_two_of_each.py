"""Two schedulers and two executors on purpose: every slot becomes one job, and every job runs once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from multiflexi.models import CatchUp, Company, Job, JobStatus, Overlap, RunTemplate, Task
from tests.crash.live import Live, until
from tests.crash.test_executor_crash import COUNTS, check_ledger

HOUR = timedelta(hours=1)


def test_two_schedulers_and_two_executors(live: Live, acme: Company, globex: Company, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    app = live.app(COUNTS.format(place=place))
    last = timezone.now().replace(minute=0, second=0, microsecond=0)
    due = set()
    for n in range(12):
        # One that queues its runs gets one slot only: of several at once it would take the latest.
        overlap, slots = (
            (Overlap.QUEUE_ONE, [last]) if n % 3 == 0 else (Overlap.ALLOW, [last - 2 * HOUR, last - HOUR, last])
        )
        template = live.template(
            app,
            globex if n % 2 else acme,
            interv="h",
            catch_up=CatchUp.ALL,
            overlap=overlap,
            complete=True,
            next_schedule=slots[0],
        )
        due |= {(template.pk, slot) for slot in slots}
    daemons = [live.executor("one"), live.executor("two"), live.scheduler("one"), live.scheduler("two")]
    RunTemplate.objects.filter(app=app).update(active=True)
    jobs = Job.objects.filter(app=app)

    def all_have_ended() -> bool:
        states = list(jobs.values_list("status", flat=True))
        return len(states) >= len(due) and all(JobStatus(state).is_final for state in states)

    until(all_have_ended, "the end of all jobs")
    # The test may see the next hour begin.
    slots_of_jobs = Counter(jobs.filter(slot__lte=last).values_list("runtemplate_id", "slot"))
    assert set(slots_of_jobs) == due
    assert set(slots_of_jobs.values()) == {1}
    check_ledger(live, list(jobs.values_list("pk", flat=True)), place)
    tasks = Task.objects.filter(jobs__in=jobs)
    assert sorted(tasks.values_list("jobs__pk", flat=True)) == sorted(jobs.values_list("pk", flat=True))
    assert all(daemon.is_alive for daemon in daemons)
