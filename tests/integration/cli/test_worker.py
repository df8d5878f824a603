"""Workers: look at them, let an executor take no more jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from multiflexi.models import AuditEntry, Company, User, Worker, WorkerState
from multiflexi.record.actor import Actor
from multiflexi.services import worker as service
from multiflexi.services.errors import NotFound

from .conftest import Cli


@pytest.fixture
def executor(db: None) -> Worker:
    return Worker.objects.create(
        role="executor", name="north", host="north", boot_id="b", places=4, places_used=1, state=WorkerState.RUNNING
    )


@pytest.fixture
def scheduler(db: None) -> Worker:
    return Worker.objects.create(role="scheduler", name="north", host="north", boot_id="b", state=WorkerState.RUNNING)


def test_a_list_tells_who_lives(cli: Cli, executor: Worker, scheduler: Worker) -> None:
    Worker.objects.filter(pk=scheduler.pk).update(last_seen_at=timezone.now() - timedelta(minutes=5))
    rows = cli("worker:list", "-f", "json").json
    assert [(row["role"], row["alive"], row["state"]) for row in rows] == [
        ("executor", True, "running"),
        ("scheduler", False, "running"),
    ]
    assert [row["id"] for row in cli("workers", "list", "--role", "executor", "-f", "json").json] == [executor.pk]
    assert cli("worker:get", "north", "--role", "scheduler", "-f", "json").json["id"] == scheduler.pk
    assert "north" in cli("worker:list").out


def test_drain_and_resume_are_audited_once(cli: Cli, executor: Worker, scheduler: Worker) -> None:
    done = cli("worker:drain", "--name", "north", "-f", "json").json
    assert (done["worker_id"], done["desired_state"], done["changed"]) == (executor.pk, "draining", True)
    assert cli("worker:drain", "north", "-f", "json").json["changed"] is False
    assert Worker.objects.get(pk=executor.pk).desired_state == WorkerState.DRAINING
    assert Worker.objects.get(pk=scheduler.pk).desired_state == WorkerState.RUNNING
    assert cli("worker:resume", str(executor.pk)).out.strip() == "Executor north takes jobs again"
    assert Worker.objects.get(pk=executor.pk).desired_state == WorkerState.RUNNING
    entries = AuditEntry.objects.filter(entity_type="Worker").order_by("pk")
    assert [one.action for one in entries] == ["drain", "resume"]
    assert entries[0].changes == {"desired_state": ["running", "draining"]}


def test_only_executors_are_drained(cli: Cli, scheduler: Worker) -> None:
    assert cli("worker:drain", str(scheduler.pk)).code == 1
    assert "not found" in cli("worker:drain", "nobody").err


def test_waiting_for_the_last_job_has_its_limit(cli: Cli, executor: Worker) -> None:
    done = cli("worker:drain", "north", "--wait", "--timeout", "1")
    assert done.code == 124
    Worker.objects.filter(pk=executor.pk).update(state=WorkerState.DRAINING)
    assert cli("worker:drain", "north", "--wait", "--timeout", "1").code == 0


def test_status_names_them(cli: Cli, executor: Worker, scheduler: Worker) -> None:
    Worker.objects.filter(pk=executor.pk).update(not_claiming_reason="disk")
    assert cli("status", "-f", "json").json["workers"] == "executor north: running 1/4 (disk); scheduler north: running"


def test_members_of_companies_do_not_know_them(executor: Worker, alice: User, root: User, acme: Company) -> None:
    assert list(service.query(Actor(user_id=root.pk, origin="api"))) == [executor]
    for person in (alice.pk, None):
        stranger = Actor(user_id=person, origin="api")
        assert not service.query(stranger).exists()
        with pytest.raises(NotFound):
            service.find(stranger, executor.pk)
