"""The scheduler's pass: one job and one task per slot, at the right instant."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from multiflexi.jobs import enqueue, healing, schedulable, tasks
from multiflexi.models import Job, JobHistory, JobStatus, NoJobReason, QueueEntry, RunTemplate, Task, TaskState
from tests.integration.jobs.builders import NOON, queue, template, wall

CODES = {
    "i": ("minutly", "2026-06-15 12:01", "2026-06-15 12:02"),
    "h": ("hourly", "2026-06-15 13:00", "2026-06-15 14:00"),
    "d": ("daily", "2026-06-16 00:00", "2026-06-17 00:00"),
    "w": ("weekly", "2026-06-22 00:00", "2026-06-29 00:00"),
    "m": ("monthly", "2026-07-01 00:00", "2026-08-01 00:00"),
    "y": ("yearly", "2027-01-01 00:00", "2028-01-01 00:00"),
}


def slots(which: RunTemplate) -> list[datetime]:
    return list(which.jobs.order_by("slot").values_list("slot", flat=True))


def follow(which: RunTemplate, clock, robot, until: datetime) -> list[datetime]:
    """Wake at every stored instant, as the daemon does; the slots that got a job."""
    which.refresh_from_db()
    while which.next_schedule and which.next_schedule <= until:
        clock.set(which.next_schedule)
        enqueue.run_pass(robot)
        Job.objects.filter(runtemplate=which).update(status=JobStatus.SUCCESS, end=clock.instant)
        QueueEntry.objects.filter(runtemplate=which).delete()
        moved_from = which.next_schedule
        which.refresh_from_db()
        assert which.next_schedule is None or which.next_schedule > moved_from
    return slots(which)


@pytest.mark.parametrize("code", CODES)
def test_code_gets_its_job_and_task_when_its_slot_comes(code, company, app, clock, robot):
    word, first, second = CODES[code]
    one = template(company, app, interv=code)
    assert one.next_schedule == wall(first)

    clock.set(wall(first) - timedelta(microseconds=1))
    assert enqueue.run_pass(robot).due == 0

    clock.set(wall(first))
    assert enqueue.run_pass(robot) == enqueue.PassResult(due=1, jobs=1)

    job, task = Job.objects.get(), Task.objects.get()
    assert (job.slot, job.schedule, job.schedule_type, job.status) == (wall(first), wall(first), word, "pending")
    assert (job.task_id, job.claim, job.attempt, job.launched_by_id) == (task.pk, 0, 1, robot.user_id)
    assert (task.window_start, task.window_end, task.deadline) == (wall(first), wall(second), wall(second))
    assert (task.state, task.no_job_reason) == (TaskState.OPEN, None)
    entry = QueueEntry.objects.get()
    assert (entry.job_id, entry.after, entry.worker_id, entry.company_id) == (job.pk, wall(first), None, company.pk)
    history = JobHistory.objects.get()
    assert (history.from_status, history.to_status, history.actor) == (None, "pending", f"user:{robot.user_id}")
    one.refresh_from_db()
    assert (one.next_schedule, one.last_schedule) == (wall(second), wall(first))


def test_one_run_by_hand_is_never_due(company, app, clock, robot):
    one = template(company, app, interv="n")
    clock.forward(days=800)
    assert (one.next_schedule, enqueue.run_pass(robot).due, Job.objects.count()) == (None, 0, 0)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("*/15 9-17 * * MON-FRI", ["2026-06-15 12:15", "2026-06-15 12:30"]),
        ("0 0 L * *", ["2026-06-30 00:00", "2026-07-31 00:00"]),
        ("0 0 * * 5#3", ["2026-06-19 00:00", "2026-07-17 00:00"]),
        ("0 0 1W * *", ["2026-07-01 00:00", "2026-08-03 00:00"]),
        ("@hourly", ["2026-06-15 13:00", "2026-06-15 14:00"]),
        ("@weekly", ["2026-06-21 00:00", "2026-06-28 00:00"]),
        ("@monthly", ["2026-07-01 00:00", "2026-08-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
    ],
)
def test_custom_expression_gives_its_slots(cron, expected, company, app, clock, robot):
    one = template(company, app, interv="c", cron=cron)
    assert follow(one, clock, robot, wall(expected[1])) == [wall(text) for text in expected]
    assert set(Job.objects.values_list("schedule_type", flat=True)) == {"custom"}
    one.refresh_from_db()
    ends = [wall(expected[1]), one.next_schedule]
    assert list(Task.objects.order_by("window_start").values_list("window_end", "deadline")) == [
        (end, end) for end in ends
    ]


def test_delay_shifts_the_launch_and_nothing_else(company, app, clock, robot):
    one = template(company, app, interv="h", delay=90)
    clock.set(wall("2026-06-15 13:00"))
    enqueue.run_pass(robot)
    job, task = Job.objects.get(), Task.objects.get()
    launch = wall("2026-06-15 13:00") + timedelta(seconds=90)
    assert (job.slot, job.schedule, QueueEntry.objects.get().after) == (clock.instant, launch, launch)
    assert (task.window_start, task.window_end) == (clock.instant, wall("2026-06-15 14:00"))
    one.refresh_from_db()
    assert (one.last_schedule, one.next_schedule) == (clock.instant, wall("2026-06-15 14:00"))


def test_spread_delays_each_launch_within_its_bound(company, app, clock, robot):
    one = template(company, app, interv="h", delay=10, jitter=300)
    follow(one, clock, robot, NOON + timedelta(days=1))
    pauses = [(job.schedule - job.slot).total_seconds() for job in Job.objects.all()]
    assert len(pauses) == 24
    assert all(10 <= pause <= 310 for pause in pauses)
    assert len(set(pauses)) > 1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("06:30", "2026-03-08 06:30"),
        ("08:00", "2026-03-08 08:00"),
        ("+3h", "2026-03-08 04:00"),
        ("+90 minutes", "2026-03-08 01:30"),
        ("+1d12h", "2026-03-09 12:00"),
        (None, "2026-03-09 00:00"),
    ],
)
def test_deadline_rule_is_read_on_the_wall_clock_of_the_zone(rule, expected, company, app, clock, robot):
    """In New York the clock goes from 02:00 to 03:00 in that night: three elapsed hours after midnight it is 04:00."""
    clock.set(wall("2026-03-07 12:00", "America/New_York"))
    template(company, app, interv="d", timezone="America/New_York", deadline_offset=rule)
    clock.set(wall("2026-03-08 00:00", "America/New_York"))
    enqueue.run_pass(robot)
    assert Task.objects.get().deadline == wall(expected, "America/New_York")


@pytest.mark.parametrize(
    ("own", "of_company", "expected"),
    [
        (None, None, "Europe/Prague"),
        (None, "Asia/Tokyo", "Asia/Tokyo"),
        ("America/New_York", "Asia/Tokyo", "America/New_York"),
        ("Asia/Kathmandu", None, "Asia/Kathmandu"),
    ],
)
def test_midnight_is_that_of_the_nearest_zone(own, of_company, expected, company, app, clock, robot):
    company.timezone = of_company
    company.save()
    one = template(company, app, interv="d", timezone=own)
    found = follow(one, clock, robot, NOON + timedelta(days=3))
    assert len(found) == 3
    assert found[0] in (wall("2026-06-16 00:00", expected), wall("2026-06-15 00:00", expected))
    assert {slot.astimezone(schedulable.zone_of(one)).strftime("%H:%M") for slot in found} == {"00:00"}
    assert schedulable.zone_of(one).key == expected


# Zone Europe/Prague; the second part of a pair names the zone shown by the clock at that instant.
NIGHTS = [
    ("30 2 * * *", "2026-03-28 12:00", ["03-29 03:00 CEST", "03-30 02:30 CEST"]),
    ("0 * * * *", "2026-03-29 00:30", ["03-29 01:00 CET", "03-29 03:00 CEST", "03-29 04:00 CEST"]),
    ("*/30 * * * *", "2026-03-29 01:00", ["03-29 01:30 CET", "03-29 03:00 CEST", "03-29 03:30 CEST"]),
    ("30 2 * * *", "2026-10-24 12:00", ["10-25 02:30 CEST", "10-26 02:30 CET"]),
    ("0 * * * *", "2026-10-25 00:30", ["10-25 01:00 CEST", "10-25 02:00 CEST", "10-25 02:00 CET", "10-25 03:00 CET"]),
    (
        "*/30 * * * *",
        "2026-10-25 01:30",
        ["10-25 02:00 CEST", "10-25 02:30 CEST", "10-25 02:00 CET", "10-25 02:30 CET", "10-25 03:00 CET"],
    ),
    ("30 1-3 * * *", "2026-10-25 00:00", ["10-25 01:30 CEST", "10-25 02:30 CEST", "10-25 03:30 CET"]),
    ("0 0 * * *", "2026-10-24 12:00", ["10-25 00:00 CEST", "10-26 00:00 CET"]),
]


@pytest.mark.parametrize(("cron", "after", "expected"), NIGHTS)
@pytest.mark.parametrize("pace", ["at every slot", "every ten minutes"])
def test_clock_changes_neither_lose_nor_repeat_a_run(cron, after, expected, pace, company, app, clock, robot):
    clock.set(wall(after))
    one = template(company, app, interv="c", cron=cron, overlap="allow", catch_up="all")
    if pace == "at every slot":
        found = [follow(one, clock, robot, one.next_schedule)[0]]
        while len(found) < len(expected):
            one.refresh_from_db()
            found = follow(one, clock, robot, one.next_schedule)
    else:
        while Job.objects.count() < len(expected):
            clock.forward(minutes=10)
            enqueue.run_pass(robot)
        found = slots(one)
    assert [slot.astimezone(schedulable.zone_of(one)).strftime("%m-%d %H:%M %Z") for slot in found] == expected
    windows = Task.objects.order_by("window_start")
    assert [task.window_start for task in windows] == found
    assert all(before.window_end == after.window_start for before, after in itertools.pairwise(windows))


def test_the_day_of_the_second_clock_change_has_25_hours(company, app, clock, robot):
    clock.set(wall("2026-10-24 12:00"))
    one = template(company, app, interv="d")
    follow(one, clock, robot, wall("2026-10-25 00:00"))
    task = Task.objects.get()
    assert task.window_end - task.window_start == timedelta(hours=25)


def test_hourly_runs_of_a_repeated_hour_are_two(company, app, clock, robot):
    clock.set(wall("2026-10-25 00:30"))
    one = template(company, app, interv="h")
    assert len(follow(one, clock, robot, wall("2026-10-25 04:00"))) == 5


def test_a_year_of_months_is_twelve_jobs(company, app, clock, robot):
    clock.set(datetime(2027, 12, 31, 12, 0, tzinfo=UTC))
    one = template(company, app, interv="m")
    found = follow(one, clock, robot, datetime(2028, 12, 31, tzinfo=UTC))
    assert [slot.astimezone(schedulable.zone_of(one)).month for slot in found] == list(range(1, 13))
    assert Task.objects.filter(window_end__lte=clock.instant).count() == 11


def test_months_are_neither_made_ahead_nor_recomputed_nor_deleted(company, app, clock, robot):
    """Two years with 29 February in the second, looked at every fourth day by the pass and by healing."""
    clock.set(wall("2026-12-31 18:00"))
    one = template(company, app, interv="m", overlap="allow")
    promised, jobs = [one.next_schedule], []
    while clock.instant < wall("2029-01-01 00:00") - timedelta(days=4):
        clock.forward(days=4)
        enqueue.run_pass(robot)
        assert healing.heal(clock.instant) == 0
        tasks.close_elapsed(clock.instant)
        one.refresh_from_db()
        if one.next_schedule != promised[-1]:
            promised.append(one.next_schedule)
            jobs.append(Job.objects.latest("pk").pk)
        assert len(jobs) == len(promised) - 1
    months = [wall(f"{year}-{month:02}-01 00:00") for year in (2027, 2028) for month in range(1, 13)]
    assert promised == [*months, wall("2029-01-01 00:00")]
    assert slots(one) == months
    assert list(Job.objects.order_by("pk").values_list("pk", flat=True)) == jobs
    assert QueueEntry.objects.count() == Task.objects.count() == 24
    february = Task.objects.get(window_start=wall("2028-02-01 00:00"))
    assert february.window_end - february.window_start == timedelta(days=29)


class TestActivation:
    def test_fires_nothing_for_a_boundary_that_has_passed(self, company, app, clock, robot):
        one = template(company, app, interv="d", active=False)
        assert one.next_schedule is None
        clock.set(wall("2026-06-20 15:00"))
        one.active = True
        one.save()
        schedulable.refresh([one.pk])
        one.refresh_from_db()
        assert one.next_schedule == wall("2026-06-21 00:00")
        assert enqueue.run_pass(robot).due == 0

    def test_exactly_at_a_boundary_waits_for_the_next_one(self, company, app, clock):
        clock.set(wall("2026-06-15 13:00"))
        assert template(company, app, interv="h").next_schedule == wall("2026-06-15 14:00")

    def test_after_deactivation_starts_anew(self, company, app, clock, robot):
        one = template(company, app, interv="h")
        for active in (False, True):
            clock.forward(days=1, minutes=10)
            one.active = active
            one.save()
            schedulable.refresh([one.pk])
            one.refresh_from_db()
        assert one.next_schedule == wall("2026-06-17 13:00")
        assert enqueue.run_pass(robot).due == 0

    def test_an_edited_expression_counts_from_the_edit(self, company, app, clock, robot):
        one = template(company, app, interv="h")
        clock.forward(minutes=70)  # The slot of 13:00 is due and was not looked at.
        one.interv, one.cron = "c", "5 * * * *"
        one.save()
        schedulable.refresh([one.pk], cadence_changed=True)
        one.refresh_from_db()
        assert one.next_schedule == wall("2026-06-15 14:05")
        assert enqueue.run_pass(robot).due == 0

    def test_another_change_moves_nothing_that_is_due(self, company, app, clock, robot):
        one = template(company, app, interv="h")
        clock.forward(minutes=70)
        schedulable.refresh([one.pk])
        one.refresh_from_db()
        assert one.next_schedule == wall("2026-06-15 13:00")
        assert enqueue.run_pass(robot).jobs == 1


class TestSlotKey:
    def test_a_schedule_that_was_set_back_repeats_nothing(self, company, app, clock, robot):
        one = template(company, app, interv="h", overlap="allow", catch_up="all")
        clock.set(wall("2026-06-15 15:00"))
        assert enqueue.run_pass(robot).jobs == 3
        RunTemplate.objects.update(next_schedule=wall("2026-06-15 13:00"))
        clock.set(wall("2026-06-15 16:00"))
        assert enqueue.run_pass(robot).jobs == 1
        assert slots(one) == [wall(f"2026-06-15 {hour}:00") for hour in (13, 14, 15, 16)]
        assert Task.objects.count() == 4
        assert set(Job.objects.values_list("task__window_start", flat=True)) == set(slots(one))

    def test_holds_after_the_tasks_are_gone(self, company, app, clock, robot):
        one = template(company, app, interv="h", overlap="allow", catch_up="all")
        clock.set(wall("2026-06-15 14:00"))
        enqueue.run_pass(robot)
        Task.objects.all().delete()
        RunTemplate.objects.update(next_schedule=wall("2026-06-15 13:00"))
        result = enqueue.run_pass(robot)
        one.refresh_from_db()
        assert (result.failed, result.jobs, one.schedule_error) == (0, 0, None)
        assert (len(slots(one)), one.next_schedule) == (2, wall("2026-06-15 15:00"))

    def test_of_a_skipped_window_is_still_free(self, company, app, clock, robot):
        """A window that had no job gets one when its schedule is set back on purpose."""
        one = template(company, app, interv="h")
        clock.set(wall("2026-06-15 14:00"))
        enqueue.run_pass(robot)
        assert slots(one) == [wall("2026-06-15 14:00")]
        RunTemplate.objects.update(next_schedule=wall("2026-06-15 13:00"), overlap="allow", catch_up="all")
        enqueue.run_pass(robot)
        assert slots(one) == [wall("2026-06-15 13:00"), wall("2026-06-15 14:00")]
        assert Task.objects.count() == 2


def test_a_window_that_ends_at_this_very_instant_is_over(company, app, clock, robot):
    one = template(company, app, interv="h")
    clock.set(wall("2026-06-15 15:00"))
    enqueue.run_pass(robot)
    found = Task.objects.filter(runtemplate=one).order_by("window_start")
    assert list(found.values_list("state", flat=True)) == [TaskState.MISSED, TaskState.MISSED, TaskState.OPEN]


@pytest.mark.parametrize("overlap", ["queue-one", "skip"])
@pytest.mark.parametrize(("of_a_slot", "jobs"), [(True, 0), (False, 1)])
def test_a_waiting_retry_counts_only_where_it_is_that_of_a_slot(overlap, of_a_slot, jobs, company, app, clock, robot):
    one = template(company, app, interv="h", overlap=overlap)
    end = NOON + timedelta(minutes=1)
    task = Task.objects.create(runtemplate=one, company=company, window_start=NOON, window_end=end, deadline=end)
    queue(one, after=NOON, schedule_type="retry", attempt=2, task_id=task.pk if of_a_slot else None)
    clock.set(wall("2026-06-15 13:00"))
    assert enqueue.run_pass(robot).jobs == jobs
    skipped = Task.objects.get(window_start=clock.instant)
    assert skipped.no_job_reason == (NoJobReason.OVERLAP if of_a_slot else None)


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("i", wall("2026-06-15 22:31")),
        ("h", wall("2026-06-15 23:00")),
        # The midnight that was run too early is not run again.
        ("d", wall("2026-06-17 00:00")),
    ],
)
@pytest.mark.parametrize("catch_up", ["latest", "all"])
def test_a_clock_that_leaps_ahead_and_back_neither_repeats_a_slot_nor_stands_still(
    code, first, catch_up, company, app, clock, robot, settings
):
    settings.MULTIFLEXI_CATCHUP_LIMIT = 500
    clock.set(wall("2026-06-15 22:30"))
    one = template(company, app, interv=code, catch_up=catch_up, overlap="allow")
    enqueue.run_pass(robot)
    clock.forward(hours=2)
    enqueue.run_pass(robot)
    ahead = slots(one)
    assert ahead
    clock.forward(hours=-2)
    healing.heal(clock.instant)
    one.refresh_from_db()
    assert one.next_schedule == first
    for _ in range(150):
        healing.heal(clock.instant)
        enqueue.run_pass(robot)
        clock.forward(minutes=1)
    found = slots(one)
    assert len(found) == len(set(found))
    assert set(ahead) <= set(found)
    windows = list(Task.objects.order_by("window_start"))
    assert all(before.window_end == after.window_start for before, after in itertools.pairwise(windows))
    assert set(found) <= {task.window_start for task in windows}
    if catch_up == "all":
        assert found == [task.window_start for task in windows]
    one.refresh_from_db()
    assert (one.schedule_error, one.next_schedule >= clock.instant) == (None, True)


def test_last_schedule_stays_where_a_slot_got_no_job(company, app, clock, robot):
    one = template(company, app, interv="h")
    for hour in (13, 14):
        clock.set(wall(f"2026-06-15 {hour}:00"))
        enqueue.run_pass(robot)
    one.refresh_from_db()
    assert (one.last_schedule, one.next_schedule) == (wall("2026-06-15 13:00"), wall("2026-06-15 15:00"))
    skipped = Task.objects.get(window_start=wall("2026-06-15 14:00"))
    assert (skipped.state, skipped.no_job_reason) == (TaskState.OPEN, NoJobReason.OVERLAP)


def test_a_database_that_does_not_tell_the_ids_of_many_rows(company, app, clock, robot, monkeypatch):
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    for _ in range(3):
        template(company, app, interv="h")
    clock.set(wall("2026-06-15 13:00"))
    assert enqueue.run_pass(robot).jobs == 3
    assert {
        (job.runtemplate_id, job.task.runtemplate_id, job.queue_entry.runtemplate_id) for job in Job.objects.all()
    } == {(pk, pk, pk) for pk in RunTemplate.objects.values_list("pk", flat=True)}


def test_validity_and_skipped_days_leave_no_trace(company, app, clock, robot):
    one = template(
        company,
        app,
        interv="d",
        skip_days=["weekend", "2026-06-18"],
        valid_from=wall("2026-06-17 00:00"),
        valid_to=wall("2026-06-23 00:00"),
    )
    found = follow(one, clock, robot, NOON + timedelta(days=30))
    assert [slot.astimezone(schedulable.zone_of(one)).day for slot in found] == [17, 19, 22, 23]
    one.refresh_from_db()
    assert one.next_schedule is None
    assert Task.objects.count() == 4


def test_next_due_is_the_earliest_after_now(company, app, clock, robot):
    assert enqueue.next_due(clock.instant) is None
    template(company, app, interv="d")
    template(company, app, interv="h")
    assert enqueue.next_due(clock.instant) == wall("2026-06-15 13:00")
