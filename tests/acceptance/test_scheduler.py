"""The scheduler as a process: slots become jobs once, whatever happens to the processes."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Count
from django.utils import timezone

from multiflexi.models import (
    Company,
    Job,
    JobStatus,
    QueueEntry,
    RunTemplate,
    Task,
    TaskState,
    Worker,
    WorkerState,
)
from tests.crash.live import PATIENCE, Live, until

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
QUICK = {"MULTIFLEXI_SCHEDULER_CYCLE_PAUSE": "0.2"}


def one(live: Live, company: Company, script: str = "exit 0", **fields: object) -> RunTemplate:
    values = {"interv": "h", "active": True, "complete": True} | fields
    return live.template(live.app(script), company, **values)


def many(live: Live, company: Company, number: int, **fields: object) -> list[RunTemplate]:
    app = live.app("exit 0")
    values = {"interv": "i", "active": True, "complete": True, "overlap": "allow"} | fields
    RunTemplate.objects.bulk_create(
        [RunTemplate(app=app, company=company, name=f"t{index}", **values) for index in range(number)]
    )
    return list(RunTemplate.objects.filter(app=app))


def nothing_due() -> bool:
    return not RunTemplate.objects.filter(next_schedule__lte=timezone.now() - SECOND).exists()


def test_a_slot_becomes_a_job_when_its_time_comes_and_not_before(live: Live, acme: Company) -> None:
    live.scheduler()
    slot = timezone.now() + 2 * SECOND
    template = one(live, acme, next_schedule=slot)
    job = until(Job.objects.first, "the job")
    assert slot <= job.created_at <= slot + 5 * SECOND
    assert (job.slot, job.schedule, job.schedule_type, job.status) == (slot, slot, "hourly", JobStatus.PENDING)
    template.refresh_from_db()
    assert template.last_schedule == slot
    assert template.next_schedule > timezone.now()
    assert job.launched_by.is_system


def test_from_slot_to_fulfilled_task(live: Live, acme: Company) -> None:
    live.executor()
    live.scheduler(**QUICK)
    one(live, acme, next_schedule=timezone.now())
    task = until(lambda: Task.objects.exclude(state__in=(TaskState.OPEN, TaskState.RUNNING)).first(), "the end")
    job = Job.objects.get()
    assert (task.state, task.fulfilled_by_job_id, task.attempts, job.status) == ("fulfilled", job.pk, 1, "success")
    assert QueueEntry.objects.count() == 0


def test_healing_schedules_the_forgotten_and_stops_the_disabled(live: Live, acme: Company) -> None:
    forgotten = one(live, acme)
    disabled = one(live, acme, active=False, next_schedule=timezone.now() + MINUTE)
    live.scheduler()
    forgotten.refresh_from_db()
    disabled.refresh_from_db()
    assert forgotten.next_schedule > timezone.now()
    assert disabled.next_schedule is None
    assert Job.objects.count() == 0


def test_windows_that_are_over_are_closed(live: Live, acme: Company) -> None:
    template, now = one(live, acme, interv="n"), timezone.now()
    Task.objects.bulk_create(
        Task(
            runtemplate=template,
            company=acme,
            window_start=now - (index + 2) * MINUTE,
            window_end=now - (index + 1) * MINUTE,
            deadline=now,
            attempts=index,
        )
        for index in range(2)
    )
    live.scheduler()
    until(lambda: not Task.objects.filter(state=TaskState.OPEN).exists(), "the end of the windows")
    assert sorted(Task.objects.values_list("attempts", "state")) == [(0, "missed"), (1, "failed")]


def test_a_poisoned_run_template_is_shown_and_the_others_run(live: Live, acme: Company) -> None:
    templates = many(live, acme, 20, next_schedule=timezone.now() - SECOND)
    RunTemplate.objects.filter(pk=templates[3].pk).update(interv="c", cron="nonsense")
    scheduler = live.scheduler(**QUICK)
    until(lambda: Job.objects.values("runtemplate").distinct().count() == 19, "the other jobs")
    templates[3].refresh_from_db()
    assert "nonsense" in templates[3].schedule_error
    scheduler.says("could not be scheduled")
    assert scheduler.is_alive


@pytest.mark.slow
def test_four_processes_make_one_job_and_one_task_per_slot(live: Live, acme: Company) -> None:
    number, minutes = 200, 5
    begin = timezone.now().replace(second=0, microsecond=0) - minutes * MINUTE
    many(live, acme, number, catch_up="all", next_schedule=begin)
    for name in range(4):
        live.daemon("daemons.scheduler", "--name", f"s{name}", MULTIFLEXI_SCHEDULER_BATCH="20", **QUICK)
    until(nothing_due, "the end of the backlog")
    until(lambda: Worker.objects.filter(role="scheduler", last_cycle_at__isnull=False).count() == 4, "four schedulers")
    exactly_once(number, at_least=minutes + 1)


@pytest.mark.slow
def test_killed_in_the_middle_of_its_work_it_leaves_no_half_slot(live: Live, acme: Company) -> None:
    number = 150
    begin = timezone.now().replace(second=0, microsecond=0) - 4 * MINUTE
    many(live, acme, number, catch_up="all", next_schedule=begin)
    for made in (1, 40, 90):
        scheduler = live.daemon("daemons.scheduler", "--name", "one", MULTIFLEXI_SCHEDULER_BATCH="7", **QUICK)
        until(lambda made=made: Job.objects.count() >= made * 5 or nothing_due(), "some jobs")
        scheduler.crash()
        assert Job.objects.count() == Task.objects.count() == QueueEntry.objects.count()
    live.daemon("daemons.scheduler", "--name", "one", **QUICK)
    until(nothing_due, "the rest")
    exactly_once(number, at_least=5)


def exactly_once(number: int, *, at_least: int) -> None:
    """Each run template has the same unbroken row of slots, each with a task and a queue row."""
    per_template = Counter(Job.objects.values_list("runtemplate_id", flat=True))
    assert len(per_template) == number
    assert min(per_template.values()) >= at_least
    assert not Job.objects.values("runtemplate", "slot").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert not Task.objects.values("runtemplate", "window_start").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert Job.objects.count() == Task.objects.count() == QueueEntry.objects.count()
    assert not Job.objects.exclude(task__window_start__isnull=False).exists()
    for template in RunTemplate.objects.prefetch_related("jobs"):
        slots = sorted(job.slot for job in template.jobs.all())
        assert all(later - earlier == MINUTE for earlier, later in itertools.pairwise(slots))
        assert template.last_schedule == slots[-1]


def test_asked_to_stop_it_ends_at_once_and_in_order(live: Live, acme: Company) -> None:
    scheduler = live.scheduler(MULTIFLEXI_SCHEDULER_CYCLE_PAUSE="60")
    assert scheduler.stop() == 0
    assert Worker.objects.get(role="scheduler").state == WorkerState.STOPPED


def test_a_second_process_of_the_same_name_is_refused(live: Live, acme: Company) -> None:
    live.scheduler()
    second = live.daemon("daemons.scheduler", "--name", "one")
    assert second.process.wait(20) == 1
    assert "one" in second.log


def test_one_cycle_is_enough_when_it_is_told_so(live: Live, acme: Company) -> None:
    many(live, acme, 5, next_schedule=timezone.now() - SECOND)
    once = live.daemon("daemons.scheduler", "--name", "one", "--once")
    assert once.process.wait(20) == 0
    assert Job.objects.count() == 5


@pytest.mark.parametrize("words", [("h",), ("hourly",)])
def test_one_interval_now(live: Live, acme: Company, words: tuple[str, ...]) -> None:
    template = one(live, acme, next_schedule=timezone.now() + MINUTE)
    one(live, acme, interv="d", next_schedule=timezone.now() + MINUTE)
    scheduler = live.daemon("daemons.scheduler", *words)
    assert scheduler.process.wait(PATIENCE) == 0, scheduler.log
    assert "1 jobs made" in scheduler.log
    job = Job.objects.get()
    assert (job.runtemplate_id, job.slot, job.schedule_type) == (template.pk, None, "hourly")


@pytest.mark.parametrize("word", ["n", "c", "fortnightly"])
def test_an_interval_that_cannot_be_run(live: Live, word: str) -> None:
    scheduler = live.daemon("daemons.scheduler", word)
    assert scheduler.process.wait(PATIENCE) == 1
    assert word in scheduler.log
    assert "use one of" in scheduler.log.lower()
