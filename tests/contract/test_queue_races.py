"""Several schedulers and executors at once on every database: one job per slot, one owner per job, no deadlock."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import select
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import Error, OperationalError, connection, transaction

from daemons.common.trouble import trouble_of
from multiflexi.jobs import claiming, completion, enqueue, schedulable
from multiflexi.jobs.claiming import Release
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend, is_passing
from multiflexi.models import (
    Job,
    JobHistory,
    JobStatus,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
    Task,
)
from multiflexi.services import job_stop
from multiflexi.services.errors import Refused
from tests.integration.jobs import builders
from tests.integration.jobs.builders import (
    NOON,
    begin,
    claim,
    due_templates,
    end,
    finishing,
    fresh,
    in_threads,
    queue,
    template,
    unscheduled,
)
from tests.integration.jobs.conftest import app, clock, company  # noqa: F401

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _committed(shared_db):
    pass


@pytest.mark.slow
def test_four_schedulers_make_one_job_and_one_task_per_slot(company, app, clock, settings):
    settings.MULTIFLEXI_SCHEDULER_BATCH = 30
    number, periods = 200, 4
    first = NOON + HOUR
    due_templates(company, app, number, first, overlap="allow", catch_up="all")
    actor = builders.robot()

    for period in range(periods):
        clock.set(first + period * HOUR)

        def schedule() -> int:
            made = 0
            while True:
                result = enqueue.run_pass(actor)
                made += result.jobs
                # Others may hold the rest; what is left over is seen again at once.
                if not result.due and not RunTemplate.objects.filter(next_schedule__lte=clock.instant).exists():
                    return made

        assert sum(in_threads(*[schedule] * 4)) == number

    assert Job.objects.count() == Task.objects.count() == QueueEntry.objects.count() == number * periods
    assert JobHistory.objects.count() == number * periods
    per_template = Counter(Job.objects.values_list("runtemplate_id", flat=True))
    assert set(per_template.values()) == {periods}
    assert Job.objects.values("slot").distinct().count() == periods
    assert set(RunTemplate.objects.values_list("next_schedule", "last_schedule", "schedule_failures")) == {
        (clock.instant + HOUR, clock.instant, 0)
    }


@pytest.mark.slow
def test_four_executors_claim_each_job_once_and_serialise_run_templates(company, globex, app, clock):
    free = [unscheduled(one, app, overlap="allow") for one in (company, globex)]
    limited = unscheduled(company, app, overlap="allow", max_parallel=3)
    serialised = [unscheduled(globex, app) for _ in range(10)]
    for one in free:
        queue(one, after=NOON, number=130)
    queue(limited, after=NOON - HOUR, number=40)
    for one in serialised:
        queue(one, after=NOON - HOUR, number=10)
    actor = builders.robot()
    at_once: Counter[int] = Counter()
    most: Counter[int] = Counter()
    guard = threading.Lock()

    def execute(name: str) -> list[tuple[int, int]]:
        owner, mine = builders.worker(name), []
        while QueueEntry.objects.exists():
            jobs = claim(owner, 8, actor=actor)
            with guard:
                at_once.update(job.runtemplate_id for job in jobs)
                for template_id, running in at_once.items():
                    most[template_id] = max(most[template_id], running)
            mine += [(job.pk, job.claim) for job in jobs]
            jobs = builders.stage(begin(jobs, NOON))
            with guard:
                at_once.subtract(job.runtemplate_id for job in jobs)
            completion.complete([end(job, JobStatus.SUCCESS, NOON) for job in jobs], actor=actor)
        return mine

    found = [pair for mine in in_threads(*[lambda name=f"w{n}": execute(name) for n in range(4)]) for pair in mine]
    assert len(found) == len({job_id for job_id, _ in found}) == 400
    assert {token for _, token in found} == {1}
    assert all(most[one.pk] == 1 for one in serialised)
    assert most[limited.pk] <= 3
    assert sum(RunTemplate.objects.values_list("successfull_jobs_count", flat=True)) == 400
    assert not RunTemplate.objects.filter(running_job__isnull=False).exists()
    assert sum(OutcomeRollup.objects.values_list("count", flat=True)) == 400


def test_a_company_cap_holds_against_four_executors(company, app, clock):
    company.max_running = 5
    company.save()
    queue(unscheduled(company, app, overlap="allow"), after=NOON, number=60)
    actor = builders.robot()

    def execute(name: str) -> int:
        owner = builders.worker(name)
        return sum(len(claim(owner, 4, actor=actor)) for _ in range(5))

    assert sum(in_threads(*[lambda name=f"w{n}": execute(name) for n in range(4)])) == 5


def test_a_claim_and_a_cancellation_of_the_same_job_do_not_lock_each_other_out(company, app, clock, monkeypatch):
    [job] = queue(unscheduled(company, app), after=NOON)
    actor, owner = builders.robot(), builders.worker()
    locked, take = threading.Event(), claiming._take

    def slowly(*args):
        locked.set()
        # Long enough for the other side to take what it takes first.
        threading.Event().wait(0.5)
        return take(*args)

    monkeypatch.setattr(claiming, "_take", slowly)

    def cancel() -> str:
        assert locked.wait(30)
        try:
            completion.complete([end(job, JobStatus.CANCELLED, NOON, source=JobStatus.PENDING)], actor=actor)
        except StaleJobs:
            return "stale"
        return "cancelled"

    taken, answer = in_threads(lambda: claim(owner, actor=actor), cancel)
    assert ([one.pk for one in taken], answer) == ([job.pk], "stale")
    assert fresh([job])[0].status == JobStatus.QUEUED


def test_a_request_to_stop_and_the_end_of_the_same_job_do_not_lock_each_other_out(company, app, clock, monkeypatch):
    queue(unscheduled(company, app), after=NOON)
    [job] = finishing(builders.worker(), clock())
    actor, moved, count = builders.robot(), threading.Event(), completion._count

    def slowly(batch):
        moved.set()
        threading.Event().wait(0.5)
        count(batch)

    monkeypatch.setattr(completion, "_count", slowly)

    def stop() -> str:
        assert moved.wait(30)
        try:
            return job_stop.request_stop(actor, job)
        except Refused as refusal:
            return str(refusal)

    _, answer = in_threads(lambda: completion.complete([end(job, JobStatus.SUCCESS, NOON)], actor=actor), stop)
    assert "there is nothing to stop" in answer
    assert fresh([job])[0].status == JobStatus.SUCCESS


def test_cancelling_first_leaves_nothing_to_claim(company, app, clock, monkeypatch):
    [job] = queue(unscheduled(company, app), after=NOON)
    actor, owner = builders.robot(), builders.worker()
    moved, count = threading.Event(), completion._count

    def slowly(batch):
        moved.set()
        threading.Event().wait(0.5)
        count(batch)

    monkeypatch.setattr(completion, "_count", slowly)

    def take() -> list[Job]:
        assert moved.wait(30)
        return claim(owner, actor=actor)

    cancelled = end(job, JobStatus.CANCELLED, NOON, source=JobStatus.PENDING)
    _, taken = in_threads(lambda: completion.complete([cancelled], actor=actor), take)
    assert taken == []
    assert fresh([job])[0].status == JobStatus.CANCELLED
    assert QueueEntry.objects.count() == 0


def test_executors_that_end_jobs_of_the_same_run_templates_with_retries(company, app, clock):
    """Each batch counts on, and inserts a job for, run templates that other batches do the same for."""
    templates = [unscheduled(company, app, overlap="allow", max_retries=99) for _ in range(4)]
    for one in templates:
        queue(one, after=NOON, number=40)
    actor = builders.robot()
    batches = []
    for number in range(4):
        owner = builders.worker(f"w{number}")
        mine = finishing(owner, NOON, places=40)
        batches.append(mine)

    def execute(mine: list[Job]) -> int:
        retries = 0
        for start in range(0, len(mine), 5):
            batch = [end(job, JobStatus.FAILED, NOON) for job in mine[start : start + 5]]
            retries += len(completion.complete(batch, actor=actor))
        return retries

    shuffled = [[job for batch in batches for job in batch[number::4]] for number in range(4)]
    assert in_threads(*[lambda mine=mine: execute(mine) for mine in shuffled]) == [40] * 4
    assert set(RunTemplate.objects.values_list("failed_jobs_count", flat=True)) == {40}
    assert sum(OutcomeRollup.objects.values_list("count", flat=True)) == 160
    assert Job.objects.filter(schedule_type="retry", status="pending").count() == 160


def test_schedulers_and_executors_work_on_the_same_run_templates_at_once(company, app, clock):
    company.max_running = 50
    company.save()
    first = NOON + HOUR
    due_templates(company, app, 40, first, overlap="allow", catch_up="all", max_retries=1)
    actor = builders.robot()
    clock.set(first)
    done = threading.Event()

    def schedule() -> int:
        made = 0
        try:
            for period in range(4):
                clock.set(max(clock.instant, first + period * HOUR))
                while RunTemplate.objects.filter(next_schedule__lte=clock.instant).exists():
                    made += enqueue.run_pass(actor).jobs
        finally:
            done.set()
        return made

    def execute(name: str) -> int:
        owner, ended = builders.worker(name), 0
        while not done.is_set() or QueueEntry.objects.exists():
            jobs = builders.stage(begin(claim(owner, 10, actor=actor), clock.instant))
            completion.complete([end(job, JobStatus.FAILED, clock.instant) for job in jobs], actor=actor)
            ended += len(jobs)
        return ended

    made, *ended = in_threads(schedule, *[lambda name=f"w{n}": execute(name) for n in range(3)])
    assert made == 160
    retries = Job.objects.filter(schedule_type="retry").count()
    assert sum(ended) == Job.objects.count() == made + retries
    assert retries > 0
    assert not Job.objects.exclude(status=JobStatus.FAILED).exists()
    assert sum(RunTemplate.objects.values_list("failed_jobs_count", flat=True)) == made + retries


def test_a_release_and_an_adoption_have_one_winner(company, app, clock):
    queue(unscheduled(company, app), after=NOON)
    [job] = claim(builders.worker())
    actor = builders.robot()

    def release() -> bool:
        try:
            claiming.release([Release(job.pk, job.claim)], actor=actor)
        except StaleJobs:
            return False
        return True

    assert sorted(in_threads(release, release, release)) == [False, False, True]
    assert JobHistory.objects.filter(from_status="queued").count() == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_a_deactivation_wins_against_a_recomputation(company, app, clock, monkeypatch):
    """What is recomputed from an older look must not switch a run template on again."""
    one = template(company, app, interv="h", complete=False)
    RunTemplate.objects.filter(pk=one.pk).update(next_schedule=None, complete=False)
    looked, switched = threading.Event(), threading.Event()
    missing = schedulable.missing_by_template

    def slowly(templates):
        if threading.current_thread().name == "recompute":
            looked.set()
            switched.wait(1)
        return missing(templates)

    monkeypatch.setattr(schedulable, "missing_by_template", slowly)

    def recompute() -> None:
        threading.current_thread().name = "recompute"
        schedulable.refresh([one.pk])

    def deactivate() -> None:
        assert looked.wait(30)
        RunTemplate.objects.filter(pk=one.pk).update(active=False)
        schedulable.refresh([one.pk])
        switched.set()

    in_threads(recompute, deactivate)
    one.refresh_from_db()
    assert (one.active, one.next_schedule) == (False, None)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="an embedded database ends no sessions")
def test_a_transaction_that_the_server_gave_up_is_not_the_fault_of_the_data():
    """Its session has ended, and what it was to write may be repeated in a new one."""
    limit = {"postgresql": "idle_in_transaction_session_timeout = 50", "mysql": "idle_transaction_timeout = 1"}

    def doze() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {limit[connection.vendor]}")
        with transaction.atomic():
            RunTemplate.objects.exists()
            # The server's farewell makes the connection readable.
            select.select([connection.connection.fileno()], [], [], 20)
            RunTemplate.objects.exists()

    with pytest.raises(Error) as caught:
        doze()
    connection.close()
    assert is_passing(caught.value)
    assert trouble_of(caught.value).kind == "database"


def test_a_deadlock_is_not_the_fault_of_the_data():
    codes = {"mysql": (1213, 1205, 2006), "sqlite": ("database is locked",), "postgresql": ("deadlock detected",)}
    assert all(backend().is_passing(OperationalError(code, "x")) for code in codes[connection.vendor])
