"""What a credential has blocked runs again when a person says so: each job once, and nobody else's."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from datetime import timedelta

import pytest

from multiflexi.jobs.queue import backend
from multiflexi.models import (
    Availability,
    Company,
    Credential,
    CredentialType,
    Job,
    JobStatus,
    RunTemplate,
    RunTemplateCredential,
)
from multiflexi.record.actor import Actor
from multiflexi.services import blocked_jobs, job, job_query
from multiflexi.services.errors import NotFound, Refused
from multiflexi.services.explain import job as explain_job
from tests.integration.jobs.builders import NOON, claim, finish, in_threads, make_app, queue, unscheduled
from tests.integration.jobs.conftest import clock, worker  # noqa: F401

pytestmark = pytest.mark.usefixtures("ring")
SHELL = Actor(user_id=None, origin="cli")


@pytest.fixture
def template(acme: Company) -> RunTemplate:
    return unscheduled(acme, make_app(code="probe"))


@pytest.fixture
def credential(acme: Company, template: RunTemplate) -> Credential:
    kind = CredentialType.objects.create(name="Bank", company=acme)
    made = Credential.objects.create(name="KB", company=acme, credential_type=kind)
    RunTemplateCredential.objects.create(runtemplate=template, credential=made)
    return made


def blocked(template: RunTemplate, worker, number: int = 1) -> list[Job]:
    RunTemplate.objects.update(overlap="allow")
    queue(template, after=NOON, number=number)
    jobs = claim(worker, number)
    for one in jobs:
        finish(one, JobStatus.BLOCKED, NOON, reason="credential_misconfigured")
    return jobs


def know(credential: Credential, state: Availability, seconds: float = 60) -> None:
    until = backend().now() + timedelta(seconds=seconds)
    Credential.objects.filter(pk=credential.pk).update(
        availability=state, availability_message="wrong password", check_valid_until=until
    )


def by(user) -> Actor:
    return Actor(user_id=user.pk, origin="api")


def test_all_are_repeated_once(template, credential, worker, operator: Actor) -> None:
    jobs = blocked(template, worker, 3)
    done = blocked_jobs.repeat(operator, credential, reason="new password")
    assert ([one.retry_of_id for one in done.made], done.left) == ([one.pk for one in jobs], {})
    assert {one.status for one in done.made} == {JobStatus.PENDING}
    assert blocked_jobs.repeat(operator, credential).made == []


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_repeat_each_job_once(shared_db, template, credential, worker, operator: Actor) -> None:
    jobs = blocked(template, worker, 3)
    in_threads(lambda: blocked_jobs.repeat(operator, credential), lambda: blocked_jobs.repeat(operator, credential))
    assert sorted(Job.objects.exclude(retry_of=None).values_list("retry_of", flat=True)) == [one.pk for one in jobs]


def test_other_ends_and_other_credentials_are_left_alone(acme, template, credential, worker, operator: Actor) -> None:
    queue(template, after=NOON)
    [failed] = claim(worker)
    finish(failed, JobStatus.FAILED, NOON, -1, reason="credential_unavailable")
    blocked(unscheduled(acme, make_app(code="other")), worker)
    assert blocked_jobs.repeat(operator, credential).made == []


def test_what_cannot_run_is_told_and_holds_no_other_up(acme, template, credential, worker, operator: Actor) -> None:
    idle = unscheduled(acme, make_app(code="idle"))
    RunTemplateCredential.objects.create(runtemplate=idle, credential=credential)
    [one], [other] = blocked(idle, worker), blocked(template, worker)
    RunTemplate.objects.filter(pk=idle.pk).update(active=False)
    done = blocked_jobs.repeat(operator, credential)
    assert [made.retry_of_id for made in done.made] == [other.pk]
    assert "inactive" in done.left[one.pk]


def test_nothing_runs_into_the_same_wall(template, credential, worker, operator: Actor) -> None:
    blocked(template, worker)
    know(credential, Availability.MISCONFIGURED)
    with pytest.raises(Refused, match=r"wrong password.*credential:check"):
        blocked_jobs.repeat(operator, credential)
    know(credential, Availability.MISCONFIGURED, -1)
    assert len(blocked_jobs.repeat(operator, credential).made) == 1


def test_managers_of_its_company_alone(template, credential, worker, alice, bob, carol) -> None:
    blocked(template, worker)
    with pytest.raises(NotFound):
        blocked_jobs.repeat(by(carol), credential)
    with pytest.raises(Refused, match="manager"):
        blocked_jobs.repeat(by(bob), credential)
    assert len(blocked_jobs.repeat(by(alice), credential).made) == 1


def test_a_secret_given_for_one_run_has_to_be_given_again(template, credential, worker, operator: Actor) -> None:
    [one] = blocked(template, worker)
    Job.objects.filter(pk=one.pk).update(overrides={"COUNT": "3", "API_KEY": None})
    done = blocked_jobs.repeat(operator, credential)
    assert "API_KEY" in done.left[one.pk]
    again = job.retry(operator, job_query.find(SHELL, one.pk), overrides={"API_KEY": "s3cret-of-today"})
    assert set(again.overrides) == {"COUNT", "API_KEY"}


def told(one: Job) -> str:
    reasons = explain_job.explain(SHELL, job_query.find(SHELL, one.pk))["reasons"]
    return next((reason["detail"] for reason in reasons if reason["kind"] == "repeat"), "")


def test_explain_says_what_to_do(template, credential, worker, operator: Actor) -> None:
    [one] = blocked(template, worker)
    know(credential, Availability.MISCONFIGURED, -1)
    for word in ("KB", f"credential:check --id {credential.pk}", f"--blocked-by {credential.pk}"):
        assert word in told(one)
    know(credential, Availability.AVAILABLE)
    assert f"job:retry --id {one.pk}" in told(one)
    other = Credential.objects.create(
        name="Fio", company=credential.company, credential_type=credential.credential_type
    )
    RunTemplateCredential.objects.create(runtemplate=template, credential=other, position=9)
    Job.objects.update(block_reason=f"Fio ({other.pk})")
    assert f"--blocked-by {other.pk}" in told(one)
    RunTemplateCredential.objects.all().delete()
    assert f"job:retry --id {one.pk}" in told(one)
    assert "blocked-by" not in told(one)
    job.retry(operator, job_query.find(SHELL, one.pk))
    assert told(one) == ""
