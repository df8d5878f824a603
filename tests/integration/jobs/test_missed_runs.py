"""After three days without a scheduler: missed-run policy, overlap policy and tasks of elapsed windows."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from multiflexi.jobs import enqueue
from multiflexi.models import Job, NoJobReason, Task, TaskState
from tests.integration.jobs.builders import NOON, begin, claim, queue, template, wall

DOWN = timedelta(days=3)
BACKFILL, CATCHUP = 100, 24
# The newest slot was due thirty seconds ago; that of the daily one twelve hours before.
NOW = NOON + timedelta(seconds=30)
DUE = {"i": 3 * 24 * 60, "h": 3 * 24, "d": 3}
RECORDED = {"i": BACKFILL, "h": 72, "d": 3}
CHOSEN = {
    ("latest", "i"): 1,
    ("latest", "h"): 1,
    ("latest", "d"): 1,
    ("none", "i"): 1,
    ("none", "h"): 1,
    ("none", "d"): 0,
    ("all", "i"): CATCHUP,
    ("all", "h"): CATCHUP,
    ("all", "d"): 3,
}
REFUSED = {
    ("queue-one", "pending"),
    ("skip", "pending"),
    ("skip", "active"),
    ("skip", "active by hand"),
}


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.MULTIFLEXI_BACKFILL_LIMIT, settings.MULTIFLEXI_CATCHUP_LIMIT = BACKFILL, CATCHUP
    settings.MULTIFLEXI_MISFIRE_GRACE = 60


def before(which, state: str, worker) -> None:
    """What is left of a run before the outage."""
    if state == "idle":
        return
    by_hand = state.endswith("by hand")
    start = NOON - DOWN
    task = None
    if not by_hand:
        task = Task.objects.create(
            runtemplate=which,
            company=which.company,
            window_start=start - timedelta(days=9),
            window_end=start,
            deadline=start,
        )
    jobs = queue(which, after=start, **({} if by_hand else {"task_id": task.pk, "slot": task.window_start}))
    if state.startswith("active"):
        begin(claim(worker), start)
    assert len(jobs) == 1


@pytest.mark.parametrize("catch_up", ["latest", "none", "all"])
@pytest.mark.parametrize("code", ["i", "h", "d"])
def test_outage(code, catch_up, company, app, worker, clock, robot, caplog):
    """Each overlap policy meets each thing that an earlier run may have left, all in one pass."""
    clock.set(NOON - DOWN)
    cases = {
        (overlap, state): template(company, app, interv=code, catch_up=catch_up, overlap=overlap)
        for overlap in ("queue-one", "skip", "allow")
        for state in ("idle", "pending", "pending by hand", "active", "active by hand")
    }
    for state in ("active", "active by hand", "pending", "pending by hand", "idle"):
        for case, one in cases.items():
            if case[1] == state:
                before(one, state, worker)
    clock.set(NOW)
    with caplog.at_level(logging.WARNING):
        result = enqueue.run_pass(robot)

    assert (result.due, result.failed, result.more) == (len(cases), 0, False)
    left_out = [record.windows for record in caplog.records if "older missed windows" in record.message]
    assert left_out == ([DUE["i"] - BACKFILL] * len(cases) if code == "i" else [])
    chosen = CHOSEN[catch_up, code]
    for case, one in cases.items():
        refused = chosen if case in REFUSED else 0
        expected = chosen - refused
        made = list(Job.objects.filter(runtemplate=one, slot__gt=NOON - DOWN).order_by("slot"))
        assert len(made) == expected, case
        tasks = list(Task.objects.filter(runtemplate=one, window_start__gt=NOON - DOWN).order_by("window_start"))
        split = RECORDED[code] - expected
        assert [task.state for task in tasks] == [TaskState.MISSED] * (RECORDED[code] - 1) + [TaskState.OPEN], case
        assert [job.task_id for job in made] == [task.pk for task in tasks[split:]], case
        reasons = [NoJobReason.CATCH_UP] * (RECORDED[code] - chosen) + [NoJobReason.OVERLAP] * refused
        assert [task.no_job_reason for task in tasks] == reasons + [None] * expected, case
        one.refresh_from_db()
        assert one.next_schedule > NOW
        assert one.last_schedule == (made[-1].slot if made else None), case


@pytest.mark.parametrize(("late", "jobs"), [(0, 1), (60, 1), (61, 0)])
def test_none_runs_what_is_late_by_the_grace_at_most(late, jobs, company, app, clock, robot):
    template(company, app, interv="h", catch_up="none")
    clock.set(wall("2026-06-15 13:00") + timedelta(seconds=late))
    assert enqueue.run_pass(robot).jobs == jobs
    assert Task.objects.get().no_job_reason == (None if jobs else NoJobReason.CATCH_UP)


@pytest.mark.parametrize(("backfill", "tasks"), [(0, 24), (10, 24), (30, 30)])
def test_catch_up_is_not_cut_by_a_small_backfill(backfill, tasks, company, app, clock, robot, settings):
    """Every job has its task; only windows without a job are left out."""
    settings.MULTIFLEXI_BACKFILL_LIMIT = backfill
    clock.set(NOON - DOWN)
    template(company, app, interv="h", catch_up="all", overlap="allow")
    clock.set(NOW)
    assert enqueue.run_pass(robot).jobs == CATCHUP
    assert Job.objects.filter(task__window_start__isnull=False).count() == CATCHUP
    assert Task.objects.count() == tasks


def test_without_backfill_the_open_window_is_recorded(company, app, clock, robot, settings):
    settings.MULTIFLEXI_BACKFILL_LIMIT = 0
    clock.set(NOON - DOWN)
    template(company, app, interv="d", catch_up="none")
    clock.set(NOW)
    assert enqueue.run_pass(robot).jobs == 0
    assert Task.objects.get().state == TaskState.OPEN


def test_a_long_backlog_is_spread_over_transactions(company, app, clock, robot, monkeypatch, settings):
    monkeypatch.setattr(enqueue, "TASKS_AT_MOST", 150)
    clock.set(NOON - DOWN)
    for _ in range(5):
        template(company, app, interv="h")
    clock.set(NOW)
    passes = [enqueue.run_pass(robot) for _ in range(3)]
    assert [(one.due, one.jobs, one.more) for one in passes] == [(3, 3, True), (2, 2, False), (0, 0, False)]
    assert Task.objects.count() == 5 * 72
