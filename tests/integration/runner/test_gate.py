"""Credentials before a job: who runs, who waits and for how long, who ends, and that nobody else is held up by it."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from multiflexi.credentials import asking, checking
from multiflexi.jobs import deferring
from multiflexi.jobs.queue import backend
from multiflexi.models import (
    Credential,
    FailureReason,
    Job,
    JobHistory,
    JobLimit,
    Outbox,
    Overlap,
    QueueEntry,
    Task,
)
from multiflexi.record.actor import Actor
from multiflexi.runner import gate as module
from multiflexi.runner import giving_back
from multiflexi.runner.gate import Gate
from multiflexi.services import credential_assignment
from multiflexi.services import job as services_job
from multiflexi.services.explain.job import explain
from tests.integration.credentials.conftest import provider  # noqa: F401
from tests.integration.jobs import builders
from tests.integration.runner.conftest import Make
from tests.integration.runner.gates import A, S, admit, bank, credential, entry, fresh, know, queue, run, template  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]

SECRET = "correct horse battery"
SHELL = Actor(user_id=None, origin="cli")
NO_LIMIT, OFTEN, LONG, LATE = "no limit", "too often", "for too long", "deadline"


@pytest.mark.parametrize("limit", [NO_LIMIT, OFTEN, LONG, LATE])
@pytest.mark.parametrize("gate_on_degraded", [False, True])
@pytest.mark.parametrize("state", list(A))
def test_the_rules(acme, bank, credential, template, settings, state, gate_on_degraded, limit):
    settings.MULTIFLEXI_DEFER_MAX, settings.MULTIFLEXI_DEFER_MAX_HOURS = 3, 2
    bank.type.gate_on_degraded = gate_on_degraded
    bank.type.save()
    know(credential, state)
    which, now = template("exit 0", credential), backend().now()
    window = {"window_start": now - timedelta(hours=9), "window_end": now + timedelta(hours=9)}
    deadline = now + timedelta(hours=5) if limit != LATE else now - timedelta(seconds=1)
    owner = {"company": acme, "runtemplate": which}
    task = None if limit == LONG else Task.objects.create(**owner, **window, deadline=deadline)
    (job,) = queue(which, task_id=task.pk if task else None)
    since = now - timedelta(hours=3 if limit == LONG else 1)
    earlier = {OFTEN: 3, NO_LIMIT: 2}.get(limit, 1)
    QueueEntry.objects.filter(job=job).update(deferrals=earlier, deferred_since=since)

    admitted = admit(job)

    waits = state == A.UNAVAILABLE or (state == A.DEGRADED and gate_on_degraded)
    after = fresh(job)
    if state == A.MISCONFIGURED:
        assert (after.status, after.exitcode, after.failure_reason) == (S.BLOCKED, None, "credential_misconfigured")
        assert "Main" in after.block_reason
        assert after.blocked_at is not None
    elif not waits:
        assert (after.status, admitted.jobs) == (S.QUEUED, [job])
    elif limit == NO_LIMIT:
        row = entry(job)
        assert (after.status, row.worker_id, row.lease_until, row.deferrals) == (S.PENDING, None, None, 3)
        assert row.deferred_since == since
        assert row.after > now + timedelta(seconds=59)
    else:
        assert (after.status, after.exitcode, after.failure_reason) == (S.FAILED, -1, "credential_unavailable")


def test_a_job_that_has_lost_a_required_credential_is_not_started(bank, provider, template, make: Make, alice):
    bank.prototype.fields.filter(keyword="TOKEN").update(required=True)
    mine = bank.credential("Main", secret=("TOKEN",), TOKEN=SECRET)
    which = template("exit 0", mine)
    which.app.requirements = ["bank"]
    which.app.save()
    credential_assignment.unassign(SHELL, which, mine)
    (job,) = queue(which)
    cycle = make(1)
    run(cycle, lambda: S(fresh(job).status).is_final, "its end")
    found = fresh(job)
    assert (found.status, found.exitcode, found.failure_reason) == (S.FAILED, 255, "start_failed")
    assert "credential of kind" in found.reason_detail


class TestADeferral:
    @pytest.fixture(autouse=True)
    def _broken(self, credential):
        know(credential, A.UNAVAILABLE, 600, "the bank is closed")

    def test_is_the_same_job_and_no_attempt(self, credential, template):
        (job,) = queue(template("exit 0", credential))
        admit(job)
        row, after = entry(job), fresh(job)
        assert (after.attempt, after.begin, after.worker_id, row.deferrals) == (1, None, None, 1)
        assert list(Job.objects.all()) == [job]
        told = JobHistory.objects.filter(job=job).latest("pk")
        assert (told.from_status, told.to_status, told.reason) == (S.QUEUED, S.PENDING, "deferred")
        assert "the bank is closed" in told.detail

    def test_waits_until_the_result_counts_no_more_with_some_jitter(self, credential, template):
        jobs = queue(template("exit 0", credential), 20)
        admit(*jobs)
        until_ = Credential.objects.get(pk=credential.pk).check_valid_until
        pauses = [(entry(job).after - until_).total_seconds() for job in jobs]
        assert all(0 <= pause <= 61 for pause in pauses)
        assert len(set(pauses)) > 10

    def test_holds_neither_lock_nor_limit(self, bank, credential, template):
        builders.limit(1, bank.type)
        which = template("exit 0", credential, overlap=Overlap.QUEUE_ONE)
        (job,) = queue(which)
        admit(job)
        which.refresh_from_db()
        assert (which.running_job_id, JobLimit.objects.count()) == (None, 0)

    def test_tries_a_last_time_at_the_deadline(self, credential, template, settings):
        settings.MULTIFLEXI_DEFER_MAX_HOURS = 0.01
        (job,) = queue(template("exit 0", credential))
        admit(job)
        assert entry(job).after == entry(job).deferred_since + timedelta(seconds=36)

    def test_says_why(self, credential, template, alice):
        (job,) = queue(template("exit 0", credential))
        admit(job)
        reasons = explain(Actor(user_id=alice.pk, origin="api"), fresh(job))["waiting_for"]
        assert [one["kind"] for one in reasons if "the bank is closed" in one["detail"]] == ["deferred"]

    def test_is_not_begun_for_a_credential_that_works_again_meanwhile(self, credential, template, monkeypatch):
        (job,) = queue(template("exit 0", credential))
        defer = deferring.defer

        def recovered(*given: Any, **more: Any) -> None:
            know(credential, A.AVAILABLE)
            assert deferring.wake([credential.pk]) == 0
            defer(*given, **more)

        monkeypatch.setattr(deferring, "defer", recovered)
        admit(job)
        assert (entry(job).deferrals, entry(job).after <= backend().now()) == (1, True)

    def test_ends_when_the_credential_works_again(self, credential, provider, template):
        (job,) = queue(template("exit 0", credential))
        admit(job)
        provider.says(A.AVAILABLE)
        checking.check([credential.pk])
        assert entry(job).after <= backend().now()

    def test_ends_when_the_credential_is_edited(self, credential, template):
        (job,) = queue(template("exit 0", credential))
        admit(job)
        checking.forget(Credential.objects.filter(pk=credential.pk))
        assert entry(job).after <= backend().now()

    def test_ends_when_a_person_gives_the_job_another_time(self, credential, provider, template):
        (job,) = queue(template("exit 0", credential))
        admit(job)
        tomorrow = backend().now() + timedelta(days=1)
        services_job.reschedule(SHELL, fresh(job), after=tomorrow)
        provider.says(A.AVAILABLE)
        checking.check([credential.pk])
        assert entry(job).after == tomorrow
        assert (entry(job).deferrals, entry(job).deferred_since) == (0, None)

    def test_leaves_a_job_alone_that_was_cancelled_meanwhile(self, credential, template):
        one, other = queue(template("exit 0", credential), 2)
        claimed = builders.claim(builders.worker(), 2)
        Job.objects.filter(pk=one.pk).update(claim=99)
        Gate(2).admit(claimed, builders.robot())
        assert (fresh(one).status, fresh(other).status) == (S.QUEUED, S.PENDING)

    def test_costs_the_same_for_many_jobs(self, credential, template, monkeypatch):
        now = backend().now()

        def cost(number):
            jobs = queue(template("exit 0", credential), number)
            claimed = builders.claim(builders.worker(f"w{number}"), 100)
            assert len(claimed) == len(jobs)
            actor = builders.robot()
            # A look at the clock now and then is a query, too.
            monkeypatch.setattr(backend(), "now", lambda: now)
            with CaptureQueriesContext(connection) as found:
                assert Gate(9).admit(claimed, actor).went_back == number
            return len(found)

        cost(1)
        assert cost(2) == cost(30)


def test_the_worst_of_several_credentials_decides(bank, provider, template):
    states = (A.UNAVAILABLE, A.MISCONFIGURED, A.AVAILABLE)
    credentials = [bank.credential(state.value, LOGIN="x") for state in states]
    for one, state in zip(credentials, states, strict=True):
        know(one, state)
    (job,) = queue(template("exit 0", *credentials))
    admit(job)
    assert (fresh(job).status, "misconfigured" in fresh(job).block_reason) == (S.BLOCKED, True)


def test_a_failed_wait_is_repeated_where_the_policy_says_so_and_a_blocked_job_never(credential, template, settings):
    settings.MULTIFLEXI_DEFER_MAX = 1
    which = template("exit 0", credential, max_retries=3, active=True)
    (job,) = queue(which)
    QueueEntry.objects.update(deferrals=1)
    know(credential, A.UNAVAILABLE)
    admit(job)
    (again,) = fresh(job).retries.all()
    QueueEntry.objects.update(after=backend().now() - timedelta(seconds=1))
    know(credential, A.MISCONFIGURED)
    claimed = builders.claim(builders.worker("two"), 1)
    admitted = Gate(1).admit(claimed, builders.robot())
    giving_back.end_all_unstarted(admitted.ends, builders.robot())
    assert (fresh(again).status, fresh(again).retries.count()) == (S.BLOCKED, 0)


def test_jobs_without_credentials_cost_one_query_however_many(template):
    jobs = queue(template("exit 0"), 20)
    claimed = builders.claim(builders.worker(), 100)
    actor = builders.robot()
    with CaptureQueriesContext(connection) as found:
        admitted = Gate(4).admit(claimed, actor)
    assert (len(found), len(admitted.jobs)) == (1, len(jobs))


def test_a_foreign_credential_is_never_asked_about(bank, globex, provider, template, make: Make):
    foreign = bank.credential("Foreign", company=globex, LOGIN="globex")
    (job,) = queue(template("exit 0", foreign))
    cycle = make(1)
    run(cycle, lambda: fresh(job).status == S.BLOCKED, "the end of the job")
    assert provider.checked == []


class TestInACycle:
    def test_an_available_credential_is_asked_about_once(self, credential, provider, template, make: Make, monkeypatch):
        # Who found no room is told when the answer is here.
        monkeypatch.setattr(module, "AGAIN_SECONDS", 3600)
        jobs = queue(template("exit 0", credential), 5)
        cycle = make(2)
        run(cycle, lambda: all(fresh(job).status == S.SUCCESS for job in jobs), "the end of all jobs")
        assert len(provider.checked) == 1

    def test_fifty_jobs_with_a_broken_credential_give_one_check_and_one_alarm(
        self, credential, provider, template, make: Make, caplog
    ):
        caplog.set_level(logging.INFO, "multiflexi.credentials")
        provider.says(A.UNAVAILABLE, "the bank is closed", ttl=60)
        jobs = queue(template("exit 0", credential), 50)
        cycle = make(4)

        run(cycle, lambda: not QueueEntry.objects.filter(deferrals=0).exists(), "the deferral of all jobs")
        assert set(Job.objects.filter(pk__in=[job.pk for job in jobs]).values_list("status", "begin")) == {
            (S.PENDING, None)
        }
        assert set(QueueEntry.objects.values_list("deferrals", "worker")) == {(1, None)}
        assert len(provider.checked) == 1
        alarms = [record for record in caplog.records if record.name == "multiflexi.credentials.alarms"]
        assert (len(alarms), Outbox.objects.count()) == (1, 1)

    def test_a_slow_check_holds_no_other_job_up(self, credential, provider, template, make: Make, settings):
        settings.MULTIFLEXI_HEARTBEAT_SECONDS = 0
        provider.open.clear()
        slow = queue(template("exit 0", credential), 3)
        cycle = make(2)
        run(cycle, lambda: provider.checked, "the beginning of the check")
        others = queue(template("exit 0"), 4)
        cycle.lookout.look_now()
        run(cycle, lambda: all(fresh(job).status == S.SUCCESS for job in others), "the end of the other jobs")
        states = sorted(fresh(job).status for job in slow)
        assert states == [S.PENDING, S.QUEUED, S.QUEUED], "there is room for two, and the third goes back"
        (back,) = [job for job in slow if fresh(job).status == S.PENDING]
        assert (entry(back).deferrals, entry(back).after > backend().now()) == (0, True)
        waiting_ = [entry(job).lease_until for job in slow if job != back]
        run(
            cycle,
            lambda: all(entry(job).lease_until > min(waiting_) for job in slow if job != back),
            "the renewal of their leases",
        )
        provider.open.set()
        run(cycle, lambda: all(fresh(job).status == S.SUCCESS for job in slow), "the end of the jobs")
        assert len(provider.checked) == 1

    def test_an_answer_ends_the_pause_of_the_cycle(self, credential, provider, template, make: Make):
        import select

        provider.open.clear()
        queue(template("exit 0", credential))
        cycle = make(1)
        run(cycle, lambda: provider.checked, "the beginning of the check")
        poll = select.poll()
        for descriptor in cycle.watched():
            poll.register(descriptor, select.POLLIN)
        assert poll.poll(0) == []
        provider.open.set()
        assert poll.poll(20_000)

    def test_no_answer_in_time_defers(self, credential, provider, template, make: Make, monkeypatch):
        monkeypatch.setattr(asking, "LIMIT_SECONDS", 0.2)
        provider.open.clear()
        (job,) = queue(template("exit 0", credential))
        cycle = make(1)
        run(cycle, lambda: entry(job).deferrals == 1, "the deferral")
        assert "No answer" in entry(job).defer_reason

    def test_a_stop_gives_waiting_jobs_back_and_leaves_the_check_to_others(
        self, credential, provider, template, make: Make
    ):
        provider.open.clear()
        (job,) = queue(template("exit 0", credential))
        cycle = make(1)
        run(cycle, lambda: provider.checked, "the beginning of the check")
        cycle.stop_claiming()
        assert (fresh(job).status, entry(job).after <= backend().now()) == (S.PENDING, True)
        assert (cycle.busy, Credential.objects.get().checking_by) == (False, None)

    def test_a_credential_that_another_process_checks_is_not_checked_here(
        self, credential, provider, template, make: Make
    ):
        checking.begin([credential.pk])
        (job,) = queue(template("exit 0", credential))
        cycle = make(1)
        run(cycle, lambda: JobHistory.objects.filter(job=job, to_status=S.PENDING).count() == 2, "its return")
        assert (provider.checked, entry(job).deferrals) == ([], 0)
        know(credential, A.AVAILABLE)
        QueueEntry.objects.update(after=backend().now())
        run(cycle, lambda: fresh(job).status == S.SUCCESS, "its end")
        assert provider.checked == []

    def test_a_value_that_cannot_be_decrypted_blocks(self, bank, provider, template, make: Make):
        broken = bank.credential("Broken", secret=("TOKEN",), TOKEN=SECRET)
        broken.values.update(value="{}")
        (job,) = queue(template("exit 0", broken))
        run(make(1), lambda: fresh(job).status == S.BLOCKED, "the end of the job")
        assert (fresh(job).exitcode, fresh(job).failure_reason) == (None, FailureReason.CREDENTIAL_MISCONFIGURED)
        assert "cannot be decrypted" in fresh(job).block_reason
