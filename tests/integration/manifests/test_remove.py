"""Removing applications: never silently, never what is in use."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from multiflexi import manifests
from multiflexi.manifests.reports import Removal, Result
from multiflexi.models import Application, AuditEntry, Company, Job, JobStatus, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring
from tests.unit.manifests.strategies import as_bytes

APP: dict[str, Any] = {"name": "Probe", "executable": "probe", "environment": {"A": {"type": "string"}}}


@pytest.fixture(autouse=True)
def keys(db: None) -> None:
    keyring.ensure_keys()


@pytest.fixture
def actor(root: User) -> Actor:
    return Actor(root.pk, "cli")


@pytest.fixture
def app(actor: Actor) -> Application:
    app = manifests.import_application(as_bytes(APP), "probe", actor=actor).application
    assert app is not None
    return app


@pytest.fixture
def archived(app: Application, acme: Company) -> RunTemplate:
    return RunTemplate.objects.create(app=app, company=acme, name="Old", archived_at=timezone.now(), active=False)


def a_job(template: RunTemplate, user: User, status: str = JobStatus.SUCCESS, end: datetime | None = None) -> Job:
    return Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by=user, status=status, end=end
    )


def removed(actor: Actor, document: dict[str, Any] = APP, **options: Any) -> manifests.RemovalReport:
    return manifests.remove_application(as_bytes(document), actor=actor, origin="probe.app.json", **options)


def test_a_file_finds_its_application_by_the_rule_of_the_import(actor: Actor, app: Application) -> None:
    report = removed(actor)
    assert (report.result, report.removed, Application.objects.count()) == (Removal.REMOVED, True, 0)
    assert AuditEntry.objects.filter(entity_type="Application", action="delete").count() == 1


@pytest.mark.parametrize(
    "data",
    [b"{", b'{"code": "Probe", "fields": []}', as_bytes(APP | {"name": "Other"}), as_bytes(APP | {"uuid": "x"})],
)
def test_what_matches_nothing_removes_nothing(actor: Actor, app: Application, data: bytes) -> None:
    report = manifests.remove_application(data, actor=actor, origin="x.json")
    assert (report.result, report.removed) == (Removal.NOTHING, False)
    assert Application.objects.count() == 1


def test_refused_while_run_templates_use_it(actor: Actor, app: Application, acme: Company) -> None:
    template = RunTemplate.objects.create(app=app, company=acme, name="Nightly")
    for purge in (False, True):
        report = removed(actor, purge=purge)
        assert report.result == Removal.REFUSED
        assert report.users == [f"Nightly (ACME, id {template.pk})"]
        assert "Nightly" in report.message


def test_with_history_it_is_retired_and_comes_back(
    actor: Actor, app: Application, archived: RunTemplate, root: User
) -> None:
    a_job(archived, root, end=timezone.now())
    assert removed(actor).result == Removal.RETIRED
    app.refresh_from_db()
    assert (app.enabled, app.retired_at is None) == (False, False)
    assert removed(actor).result == Removal.NOTHING
    report = manifests.import_application(as_bytes(APP), "probe", actor=actor)
    assert (report.result, report.record) == (Result.UPDATED, app)
    app.refresh_from_db()
    assert (app.enabled, app.retired_at) == (True, None)


def test_purge_deletes_the_history_too(actor: Actor, app: Application, archived: RunTemplate, root: User) -> None:
    a_job(archived, root, end=timezone.now())
    report = removed(actor, purge=True)
    assert (report.result, Job.objects.count(), RunTemplate.objects.count()) == (Removal.PURGED, 0, 0)
    assert AuditEntry.objects.get(action="purge").additional_data["jobs"] == 1


def test_purge_waits_for_running_jobs(actor: Actor, app: Application, archived: RunTemplate, root: User) -> None:
    a_job(archived, root, status=JobStatus.RUNNING)
    assert removed(actor, purge=True).result == Removal.REFUSED
    assert Job.objects.count() == 1


def test_by_uuid_and_by_record(actor: Actor, app: Application) -> None:
    assert manifests.remove_application(uuid4(), actor=actor).result == Removal.NOTHING
    assert manifests.remove_application(UUID(str(app.uuid)), actor=actor).result == Removal.REMOVED
