"""Each change is one transaction with one audit entry, also when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from multiflexi.jobs import claiming, workers
from multiflexi.models import (
    Application,
    AuditEntry,
    Company,
    Configuration,
    Job,
    JobStatus,
    QueueEntry,
    RunTemplate,
    User,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import (
    application,
    company,
    company_app,
    company_env,
    job,
    job_cleanup,
    job_stop,
    run_template,
    run_template_run,
    user,
)
from multiflexi.services.errors import Conflict, Refused


class AuditBroken(Exception):
    """The audit entry cannot be written."""


Change = Callable[[Actor, RunTemplate], Any]
CHANGES: dict[str, Change] = {
    "company.create": lambda actor, _: company.create(actor, name="New"),
    "company.update": lambda actor, t: company.update(actor, t.company, name="Renamed"),
    "company.remove": lambda actor, t: company.remove(actor, t.company, cascade=True),
    "company_env.set": lambda actor, t: company_env.set_value(actor, t.company, "A", "1"),
    "application.create": lambda actor, _: application.create(actor, name="N", executable="n"),
    "application.update": lambda actor, t: application.update(actor, t.app, name="Renamed"),
    "company_app.unassign": lambda actor, t: company_app.unassign(actor, t.company, t.app),
    "run_template.create": lambda actor, t: run_template.create(actor, name="N", app=t.app, company=t.company),
    "run_template.update": lambda actor, t: run_template.update(actor, t, config={"TARGET": "y"}, note="n"),
    "run_template.remove": run_template.remove,
    "run_template.clone": run_template.clone,
    "run": run_template_run.schedule,
    "user.create": lambda actor, _: user.create(actor, login="n", email="n@e.org"),
    "user.update": lambda actor, _: user.update(actor, User.objects.get(login="alice"), firstname="A"),
}
ENTRIES = {"company_app.unassign": 2}


def _state() -> list[Any]:
    models = (Company, Application, RunTemplate, Configuration, Job, QueueEntry, User, AuditEntry)
    return [sorted(map(str, model._default_manager.values_list())) for model in models]


@pytest.fixture
def idle(template: RunTemplate, operator: Actor) -> RunTemplate:
    """Assigned, without cadence, so that every change is allowed."""
    run_template.update(operator, template, interv="n")
    template.refresh_from_db()
    return template


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_one_entry_of_its_author(name: str, idle: RunTemplate, operator: Actor) -> None:
    before = AuditEntry.objects.count()
    CHANGES[name](operator, idle)
    entries = AuditEntry.objects.order_by("-pk")[: AuditEntry.objects.count() - before]
    assert len(entries) == ENTRIES.get(name, 1)
    assert {(one.user_id, one.origin) for one in entries} == {(operator.user_id, "cli")}
    assert all(audit.verify_entry(one) for one in entries)


@pytest.mark.parametrize("name", CHANGES)
def test_without_its_entry_nothing_is_changed(
    name: str, idle: RunTemplate, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise AuditBroken

    before = _state()
    monkeypatch.setattr("multiflexi.record.audit.write_many", broken)
    with pytest.raises(AuditBroken):
        CHANGES[name](operator, idle)
    assert _state() == before


def test_a_refused_activation_changes_nothing(template: RunTemplate, operator: Actor) -> None:
    run_template.update(operator, template, active=False)
    Configuration.objects.all().delete()
    with pytest.raises(Refused):
        run_template.update(operator, template, active=True, note="also this")
    template.refresh_from_db()
    assert (template.active, template.note) == (False, None)


def test_every_update_raises_the_version_once(template: RunTemplate, operator: Actor) -> None:
    run_template.update(operator, template, note="a", config={"TARGET": "y"})
    run_template.update(operator, template, note="a")
    template.refresh_from_db()
    assert template.version == 2


def test_a_changed_cadence_starts_ahead_and_clears_old_failures(template: RunTemplate, operator: Actor) -> None:
    RunTemplate.objects.update(
        next_schedule=datetime.now(UTC) - timedelta(days=1), schedule_failures=3, schedule_error="x"
    )
    run_template.update(operator, template, cron="*/5 * * * *")
    template.refresh_from_db()
    assert template.next_schedule is not None
    assert template.next_schedule > datetime.now(UTC)
    assert (template.schedule_failures, template.schedule_error) == (0, None)


def test_assigning_twice_at_once_makes_one_run_template(
    app: Application, globex: Company, ring: None, operator: Actor
) -> None:
    first = company_app.assign(operator, globex, app)
    second = company_app.assign(operator, globex, app)
    assert (first.created, second.created) == (True, False)
    assert RunTemplate.objects.count() == 1


@pytest.fixture
def executor() -> Any:
    return workers.register("executor", "e1", boot_id="b", pid_started=1)


def test_a_job_claimed_meanwhile_is_cancelled_with_the_new_token(
    template: RunTemplate, operator: Actor, executor: Any
) -> None:
    made = run_template_run.schedule(operator, template)
    stale = Job.objects.get(pk=made.pk)
    claiming.claim(executor, places=1, modules=["Native"], actor=workers.actor_of(executor))
    assert job_stop.cancel(operator, stale)
    made.refresh_from_db()
    template.refresh_from_db()
    assert (made.status, template.running_job_id) == ("cancelled", None)


def test_truncation_leaves_a_job_that_was_taken_meanwhile(
    template: RunTemplate, operator: Actor, executor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_template.update(operator, template, overlap="allow")
    first, second = (run_template_run.schedule(operator, template) for _ in range(2))
    complete = job_stop.complete

    def after_a_claim(batch: Any, *, actor: Actor) -> Any:
        if len(batch) == 2:
            claiming.claim(executor, places=1, modules=["Native"], actor=workers.actor_of(executor))
        return complete(batch, actor=actor)

    monkeypatch.setattr(job_stop, "complete", after_a_claim)
    cancelled = job_stop.cancel_waiting(operator, Job.objects.all(), "emptied")
    states = {one.pk: one.status for one in Job.objects.all()}
    assert len(cancelled) == 1
    assert sorted(states.values()) == [JobStatus.CANCELLED, JobStatus.QUEUED]
    assert set(states) == {first.pk, second.pk}


def test_a_job_that_never_holds_still_is_a_conflict(
    template: RunTemplate, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run_template_run.schedule(operator, template)

    def stale(*_args: object, **_kwargs: object) -> None:
        raise job_stop.StaleJobs

    monkeypatch.setattr(job_stop, "complete", stale)
    with pytest.raises(Conflict):
        job_stop.cancel(operator, made)


def test_moving_a_claimed_job_is_refused(template: RunTemplate, operator: Actor, executor: Any) -> None:
    made = run_template_run.schedule(operator, template)
    claiming.claim(executor, places=1, modules=["Native"], actor=workers.actor_of(executor))
    with pytest.raises(Refused):
        job.reschedule(operator, made, after=datetime.now(UTC) + timedelta(hours=1))


def test_cleanup_in_batches_leaves_no_orphans(
    template: RunTemplate, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_cleanup, "BATCH", 2)
    now = datetime.now(UTC)
    jobs = [
        Job.objects.create(
            app=template.app,
            company=template.company,
            runtemplate=template,
            launched_by_id=1,
            status="success",
            exitcode=0,
            end=now - timedelta(days=2),
        )
        for _ in range(5)
    ]
    Job.objects.filter(pk=jobs[4].pk).update(retry_of=jobs[0].pk, end=now)
    removed = job_cleanup.remove_old(operator, job_cleanup.old_jobs(now - timedelta(days=1)), now)
    assert removed["jobs"] == 4
    assert AuditEntry.objects.filter(event_type="data_deletion").count() == 2
    left = Job.objects.get()
    assert (left.pk, left.retry_of) == (jobs[4].pk, None)
