"""Jobs that a person asked for start on the rights which that person has at the launch."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from multiflexi.jobs import mandate
from multiflexi.jobs.create import create_job
from multiflexi.models import Company, CompanyUser, Job, JobStatus, Overlap, RunTemplate, User, UserRole
from multiflexi.record.actor import Actor
from tests.crash.live import application, until
from tests.integration.jobs import builders
from tests.integration.runner.conftest import Make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


@pytest.fixture
def template(acme: Company, tmp_path: Path) -> RunTemplate:
    return builders.template(acme, application(tmp_path, "exit 0"), overlap=Overlap.ALLOW)


def asked(template: RunTemplate, user: User, origin: str = "api") -> Job:
    return create_job(template, actor=Actor(user_id=user.pk, origin=origin))


def run(make: Make, number: int) -> None:
    cycle = make(number)
    until(
        lambda: (
            cycle.run_once() is not None
            and not Job.objects.filter(status__in=("pending", "queued", "running", "finishing")).exists()
        ),
        "the end of all jobs",
    )


@pytest.mark.parametrize("ended", ["membership", "role", "account"])
def test_a_right_that_ended_by_date_starts_nothing(
    make: Make, template: RunTemplate, alice: User, root: User, ended: str
) -> None:
    theirs, others = asked(template, alice), asked(template, root, "web")
    on_the_command_line = asked(template, alice, "cli")
    past = timezone.now() - timedelta(seconds=1)
    if ended == "membership":
        CompanyUser.objects.filter(user=alice).update(expires_at=past)
    elif ended == "role":
        UserRole.objects.filter(user=alice).update(expires_at=past)
    else:
        User.objects.filter(pk=alice.pk).update(enabled=False)

    run(make, 3)

    jobs = Job.objects.in_bulk()
    assert jobs[theirs.pk].status == JobStatus.CANCELLED
    assert jobs[theirs.pk].begin is None
    assert "alice" in (jobs[theirs.pk].reason_detail or "")
    assert jobs[others.pk].status == JobStatus.SUCCESS
    assert jobs[on_the_command_line.pk].status == JobStatus.SUCCESS


def test_a_job_keeps_running_for_who_may(make: Make, template: RunTemplate, alice: User) -> None:
    job = asked(template, alice)
    run(make, 1)
    assert Job.objects.get(pk=job.pk).status == JobStatus.SUCCESS


def test_jobs_of_the_platform_cost_no_query_and_all_others_two(template: RunTemplate, alice: User, root: User) -> None:
    cheap = [asked(template, alice, "cli") for _ in range(3)]
    dear = [asked(template, who, "api") for who in (alice, root) for _ in range(3)]
    for jobs, most in ((cheap, 0), (dear, 2)):
        with CaptureQueriesContext(
            connection,
        ) as made:
            assert mandate.missing(jobs) == {}
        assert len(made) == most
