"""Why does it wait, why did it not start: every obstacle is named, and nobody sees foreign jobs in an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from multiflexi.jobs import completion
from multiflexi.models import (
    Availability,
    Company,
    Credential,
    CredentialType,
    Job,
    JobStatus,
    QueueEntry,
    RunTemplate,
    RunTemplateCredential,
    Task,
    Worker,
    WorkerRole,
)
from multiflexi.record.actor import Actor
from multiflexi.services import job_query, run_template
from multiflexi.services.errors import NotFound
from multiflexi.services.explain import job as explain_job
from multiflexi.services.explain import run_template as explain_template
from tests.integration.jobs import builders
from tests.integration.jobs.builders import (
    begin,
    claim,
    finish,
    limit,
    make_app,
    queue,
    stage,
    template,
    unscheduled,
    with_credential,
)

pytestmark = pytest.mark.usefixtures("ring", "alive")

SHELL = Actor(user_id=None, origin="cli")


def by(user) -> Actor:
    return Actor(user_id=user.pk, origin="api")


@pytest.fixture
def now(db):
    from multiflexi.jobs.queue import backend

    return backend().now()


@pytest.fixture
def app(db):
    return make_app(code="probe")


@pytest.fixture
def executor(db, now) -> Worker:
    return builders.worker(state="running", last_seen_at=now, modules=["Native"])


@pytest.fixture
def alive(executor, now) -> None:
    """An executor with four places and a scheduler."""
    Worker.objects.create(
        role=WorkerRole.SCHEDULER, name="s", host="host", boot_id="boot", state="running", last_seen_at=now
    )


def waits(job: Job, actor: Actor = SHELL) -> dict[str, dict[str, Any]]:
    """What a job waits for, by kind."""
    found = explain_job.explain(actor, job_query.find(actor, job.pk))["waiting_for"]
    return {one["kind"]: one for one in found}


def reasons(job: Job, actor: Actor = SHELL) -> dict[str, dict[str, Any]]:
    found = explain_job.explain(actor, job_query.find(actor, job.pk))["reasons"]
    return {one["kind"]: one for one in found}


class TestWaiting:
    def test_for_its_turn_only(self, acme, app, now):
        [job] = queue(unscheduled(acme, app), after=now)
        assert list(waits(job)) == ["turn"]

    def test_for_its_time(self, acme, app, now):
        later = now + timedelta(hours=1)
        [job] = queue(unscheduled(acme, app), after=later)
        assert waits(job)["time"]["next_try"] == later

    def test_because_it_was_deferred(self, acme, app, now):
        [job] = queue(unscheduled(acme, app), after=now)
        QueueEntry.objects.update(defer_reason="the bank is closed", deferred_since=now, after=now + timedelta(hours=1))
        told = waits(job)["deferred"]
        assert (told["detail"], told["since"]) == ("the bank is closed", now)
        assert told["next_try"] == now + timedelta(hours=1)

    def test_no_more_for_a_credential_when_its_next_try_has_come(self, acme, app, now):
        [job] = queue(unscheduled(acme, app), after=now)
        QueueEntry.objects.update(defer_reason="the bank is closed", deferred_since=now, after=now)
        assert "deferred" not in waits(job)

    def test_without_a_row_in_the_queue(self, acme, app, now):
        [job] = queue(unscheduled(acme, app), after=now)
        QueueEntry.objects.all().delete()
        assert list(waits(job)) == ["queue"]

    def test_for_another_job_of_its_run_template(self, acme, app, now, executor):
        first, second = queue(unscheduled(acme, app), after=now, number=2)
        claim(executor)
        told = waits(second)["runtemplate"]
        assert told["jobs"] == (first.pk,)
        assert str(first.pk) in told["detail"]

    def test_for_its_parallel_limit(self, acme, app, now, executor):
        one = unscheduled(acme, app, overlap="allow", max_parallel=2)
        *running, last = queue(one, after=now, number=3)
        claim(executor)
        assert waits(last)["parallel"]["jobs"] == tuple(job.pk for job in running)
        RunTemplate.objects.update(max_parallel=3)
        assert "parallel" not in waits(last)

    def test_for_its_company(self, acme, app, now, executor):
        Company.objects.filter(pk=acme.pk).update(max_running=1)
        queue(unscheduled(acme, app), after=now)
        claim(executor)
        [job] = queue(unscheduled(acme, app), after=now)
        assert "1 of at most 1" in waits(job)["company"]["detail"]

    def test_for_a_named_limit_and_its_holders(self, acme, app, now, executor):
        bank = limit(1, app)
        first, second = queue(unscheduled(acme, app, overlap="allow"), after=now, number=2)
        claim(executor)
        told = waits(second)["limit"]
        assert told["jobs"] == (first.pk,)
        assert f"{bank.name}: 1 of 1" in told["detail"]

    def test_for_a_limit_that_is_a_full_stop(self, acme, app, now):
        limit(0, app)
        limit(5, app)
        [job] = queue(unscheduled(acme, app), after=now)
        assert "maximum is 0" in waits(job)["limit"]["detail"]

    def test_for_a_limit_of_a_credential_type(self, acme, app, now):
        kind = CredentialType.objects.create(name="Bank", company=acme)
        limit(0, kind)
        [job] = queue(with_credential(unscheduled(acme, app), kind), after=now)
        [free] = queue(unscheduled(acme, app), after=now)
        assert "limit" in waits(job)
        assert "limit" not in waits(free)

    @pytest.mark.parametrize(
        ("state", "strict", "told"),
        [
            (Availability.AVAILABLE, True, False),
            (Availability.UNKNOWN, True, False),
            (Availability.DEGRADED, False, False),
            (Availability.DEGRADED, True, True),
            (Availability.UNAVAILABLE, False, True),
            (Availability.MISCONFIGURED, False, True),
        ],
    )
    def test_for_a_credential(self, acme, app, now, state, strict, told):
        kind = CredentialType.objects.create(name="Bank", company=acme, gate_on_degraded=strict)
        credential = Credential.objects.create(
            name="KB", company=acme, credential_type=kind, availability=state, availability_message="no answer"
        )
        one = unscheduled(acme, app)
        RunTemplateCredential.objects.create(runtemplate=one, credential=credential)
        [job] = queue(one, after=now)
        found = waits(job)
        assert ("credential" in found) is told
        if told:
            assert "KB" in found["credential"]["detail"]
            assert "no answer" in found["credential"]["detail"]


class TestExecutors:
    @pytest.fixture
    def job(self, acme, app, now) -> Job:
        return queue(unscheduled(acme, app, overlap="allow"), after=now)[0]

    def test_none_alive(self, job, now):
        Worker.objects.update(last_seen_at=now - timedelta(hours=1))
        assert list(waits(job)) == ["executor"]

    def test_none_that_serves_the_module(self, job):
        Worker.objects.update(modules=["Docker"])
        assert "Native" in waits(job)["module"]["detail"]

    def test_none_that_takes_jobs(self, job):
        Worker.objects.update(not_claiming_reason="disk")
        assert "one: disk" in waits(job)["not_claiming"]["detail"]

    def test_none_with_a_free_place(self, job, executor, now):
        Worker.objects.filter(pk=executor.pk).update(places=1)
        [waiting] = queue(job.runtemplate, after=now)
        claim(executor, 1)
        assert list(waits(waiting)) == ["place"]

    def test_places_without_number_are_never_full(self, job, executor, now):
        Worker.objects.filter(pk=executor.pk).update(places=0)
        [waiting] = queue(job.runtemplate, after=now)
        claim(executor, 1)
        assert list(waits(waiting)) == ["turn"]


class TestUnderWay:
    def test_taken_then_running_then_finishing(self, acme, app, now, executor):
        [job] = queue(unscheduled(acme, app), after=now)
        claim(executor)
        assert "one" in reasons(job)["claimed"]["detail"]
        Job.objects.update(host="alpha")
        begin(builders.fresh([job]), now)
        assert "one runs it on alpha" in reasons(job)["running"]["detail"]
        stage(builders.fresh([job]))
        assert "finishing" in reasons(job)
        assert explain_job.explain(SHELL, job_query.find(SHELL, job.pk))["waiting_for"] == []

    def test_asked_to_stop_by_a_silent_executor(self, acme, app, now, executor):
        [job] = queue(unscheduled(acme, app), after=now)
        begin(claim(executor), now)
        QueueEntry.objects.update(
            stop_level="stop", stop_reason="wrong year", stop_at=now, lease_until=now - timedelta(minutes=1)
        )
        told = reasons(job)
        assert "wrong year" in told["stop"]["detail"]
        assert told["silent"]["since"] == now - timedelta(minutes=1)


class TestEnded:
    @pytest.mark.parametrize(
        ("target", "more", "kind", "text"),
        [
            (JobStatus.SUCCESS, {}, "success", "exit code 0"),
            (JobStatus.FAILED, {"exitcode": 7}, "failed", "exit code 7"),
            (JobStatus.FAILED, {"exitcode": 139, "exit_signal": 11}, "failed", "signal 11"),
            (JobStatus.TIMEOUT, {}, "timeout", "Time limit"),
            (JobStatus.TERMINATED, {"reason": "stopped", "detail": "wrong year"}, "stopped", "Stopped: wrong year"),
        ],
    )
    def test_by_itself_or_by_force(self, acme, app, now, executor, target, more, kind, text):
        queue(unscheduled(acme, app), after=now)
        [job] = stage(begin(claim(executor), now))
        finish(job, target, now, **more)
        assert text in reasons(job)[kind]["detail"]

    def test_lost(self, acme, app, now, executor):
        queue(unscheduled(acme, app), after=now)
        [job] = begin(claim(executor), now)
        finish(job, JobStatus.LOST, now, detail="host_rebooted")
        told = reasons(job)
        assert "restarted" in told["lost"]["detail"]
        assert "attempt 1 of 1" in told["last_attempt"]["detail"]

    @pytest.mark.parametrize(
        ("target", "exitcode", "reason", "text"),
        [
            (JobStatus.FAILED, 127, "start_failed", "Could not be started: no such file"),
            (JobStatus.BLOCKED, None, "credential_misconfigured", "Credential misconfigured: no such file"),
            (JobStatus.CANCELLED, None, "cancelled", "Cancelled: no such file"),
        ],
    )
    def test_without_a_start(self, acme, app, now, executor, target, exitcode, reason, text):
        queue(unscheduled(acme, app), after=now)
        [job] = claim(executor)
        end = completion.Completion(job, JobStatus.QUEUED, target, now, exitcode, reason=reason, detail="no such file")
        completion.complete([end], actor=builders.robot())
        told = reasons(job)
        assert told[reason]["detail"] == text
        assert "unstarted" in told

    def test_and_repeated(self, acme, app, now, executor):
        queue(unscheduled(acme, app, max_retries=1), after=now)
        [job] = stage(begin(claim(executor), now))
        [again] = finish(job, JobStatus.FAILED, now)
        assert reasons(job)["repeated"]["jobs"] == (again.pk,)


class TestRunTemplate:
    def explained(self, one: RunTemplate, actor: Actor = SHELL) -> dict[str, Any]:
        return explain_template.explain(actor, run_template.find(actor, one.pk))

    def kinds(self, one: RunTemplate) -> list[str]:
        return [reason["kind"] for reason in self.explained(one)["reasons"]]

    def test_that_is_in_order(self, acme, app):
        told = self.explained(template(acme, app, interv="d"))
        assert (told["state"], told["reasons"], told["last_slots"]) == ("scheduled", [], [])
        assert told["next_schedule"]

    def test_that_may_not_be_scheduled(self, acme, app):
        one = template(acme, app, interv="d", active=False)
        told = self.explained(one)
        assert told["state"] == "unscheduled"
        assert "switched off" in told["reasons"][0]["detail"]
        Company.objects.update(enabled=False)
        assert self.kinds(one) == ["unscheduled", "unscheduled"]

    def test_whose_schedule_cannot_be_read(self, acme, app, now):
        one = template(acme, app, interv="d")
        RunTemplate.objects.update(schedule_error="out of range", schedule_retry_at=now)
        [told] = self.explained(one)["reasons"]
        assert (told["kind"], told["detail"], told["next_try"]) == ("error", "out of range", now)

    def test_that_is_due_while_no_scheduler_is_alive(self, acme, app, now):
        one = template(acme, app, interv="d")
        RunTemplate.objects.update(next_schedule=now - timedelta(minutes=1))
        assert self.kinds(one) == ["due"]
        Worker.objects.filter(role=WorkerRole.SCHEDULER).delete()
        assert self.kinds(one) == ["scheduler", "due"]

    def test_whose_schedule_is_over(self, acme, app, now):
        one = template(acme, app, interv="d", valid_to=now - timedelta(days=1))
        assert self.kinds(one) == ["no_slot"]

    def test_whose_job_waits_for_the_one_before(self, acme, app, now, executor):
        one = template(acme, app, interv="d")
        first, second = queue(one, after=now, number=2)
        claim(executor)
        told = {reason["kind"]: reason for reason in self.explained(one)["reasons"]}
        assert list(told) == ["running", "pending", "runtemplate"]
        assert (told["running"]["jobs"], told["pending"]["jobs"]) == ((first.pk,), (second.pk,))
        assert self.explained(one)["state"] == "running"

    def test_tells_what_became_of_its_last_slots(self, acme, app, now):
        one = template(acme, app, interv="h")
        for hours, state, reason in ((3, "missed", "catch_up"), (2, "missed", "overlap"), (1, "missed", "paused")):
            start = now - timedelta(hours=hours)
            end = start + timedelta(hours=1)
            Task.objects.create(
                runtemplate=one,
                company=acme,
                window_start=start,
                window_end=end,
                deadline=end,
                state=state,
                no_job_reason=reason,
            )
        done = Task.objects.create(
            runtemplate=one, company=acme, window_start=now, window_end=now + timedelta(hours=1), deadline=now
        )
        [job] = queue(one, after=now, task_id=done.pk)
        slots = self.explained(one)["last_slots"]
        assert [slot["reason"] for slot in slots] == [None, "paused", "overlap", "catch_up"]
        assert slots[0]["jobs"] == [job.pk]
        assert [("had not ended" in slot["detail"], "missed" in slot["detail"]) for slot in slots[2:]] == [
            (True, False),
            (False, True),
        ]


class TestTenants:
    @pytest.fixture
    def shared_limit(self, acme, globex, app, now, executor):
        """A limit of the installation: ACME holds its only place, a job of each company waits for it."""
        limit(1, app)
        [holder] = queue(unscheduled(acme, app), after=now - timedelta(hours=1))
        claim(executor)
        ours, theirs = (queue(unscheduled(one, app), after=now)[0] for one in (acme, globex))
        return holder, ours, theirs

    def test_holders_are_told_to_who_may_see_them(self, shared_limit, bob, carol, root):
        holder, ours, theirs = shared_limit
        assert waits(ours, by(bob))["limit"]["jobs"] == (holder.pk,)
        assert waits(theirs, by(root))["limit"]["jobs"] == (holder.pk,)
        told = waits(theirs, by(carol))["limit"]
        assert told["jobs"] == ()
        assert "1 of 1" in told["detail"]

    def test_nothing_foreign_is_in_an_answer(self, shared_limit, carol, acme):
        holder, ours, theirs = shared_limit
        Job.objects.filter(pk=holder.pk).update(host="secret-host-of-acme")
        answer = str(explain_job.explain(by(carol), job_query.find(by(carol), theirs.pk)))
        answer += str(explain_template.explain(by(carol), run_template.find(by(carol), theirs.runtemplate_id)))
        for foreign in (acme.name, "secret-host-of-acme", holder.runtemplate.name, ours.runtemplate.name):
            assert foreign not in answer

    def test_foreign_jobs_and_run_templates_cannot_be_explained(self, shared_limit, bob, carol):
        holder, _ours, theirs = shared_limit
        for actor, job in ((by(carol), holder), (by(bob), theirs)):
            with pytest.raises(NotFound):
                job_query.find(actor, job.pk)
            with pytest.raises(NotFound):
                run_template.find(actor, job.runtemplate_id)


class TestCost:
    """The number of queries does not depend on how much stands in the way; the clock is read now and then."""

    def counted(self, job: Job) -> int:
        found = job_query.find(SHELL, job.pk)
        with CaptureQueriesContext(connection) as queries:
            explain_job.explain(SHELL, found)
        return sum("FROM" in query["sql"] for query in queries)

    def test_of_a_job(self, acme, app, now, executor):
        Company.objects.update(max_running=1)
        one = unscheduled(acme, app, overlap="allow", max_parallel=2)
        limit(1, app)
        jobs = queue(one, after=now, number=3)
        claim(executor, 1)
        few = self.counted(jobs[-1])
        kind = CredentialType.objects.create(name="Bank", company=acme)
        for number in range(5):
            limit(0, app, kind)
            with_credential(one, kind)
            builders.worker(f"w{number}", state="running", last_seen_at=now)
        queue(one, after=now, number=5)
        assert self.counted(jobs[-1]) == few
        assert few <= 12

    def test_of_a_run_template(self, acme, app, now, executor):
        one = template(acme, app, interv="h", overlap="allow")

        def counted() -> int:
            found = run_template.find(SHELL, one.pk)
            with CaptureQueriesContext(connection) as queries:
                explain_template.explain(SHELL, found)
            return sum("FROM" in query["sql"] for query in queries)

        queue(one, after=now, number=3)
        claim(executor, 1)
        few = counted()
        queue(one, after=now, number=9)
        claim(executor, 5)
        assert counted() == few
        assert few <= 25
