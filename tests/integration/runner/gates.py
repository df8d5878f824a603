"""The scene of the tests of the gate: a bank with one credential, and run templates that take it."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from multiflexi.jobs.queue import backend
from multiflexi.models import (
    Availability,
    Credential,
    Job,
    JobStatus,
    Overlap,
    QueueEntry,
    RunTemplate,
)
from multiflexi.runner import giving_back
from multiflexi.runner.gate import Gate
from tests.crash.live import application, until
from tests.integration.credentials.conftest import provider  # noqa: F401
from tests.integration.jobs import builders
from tests.integration.jobs_environment.builders import Bank, assign

S, A = JobStatus, Availability


@pytest.fixture
def bank(acme) -> Bank:
    return Bank(acme)


@pytest.fixture
def credential(bank, provider) -> Credential:
    return bank.credential("Main", LOGIN="acme")


@pytest.fixture
def template(acme, tmp_path) -> Callable[..., RunTemplate]:
    def make(script: str = "exit 0", *credentials: Credential, **more: Any) -> RunTemplate:
        made = builders.template(acme, application(tmp_path, script), **{"overlap": Overlap.ALLOW} | more)
        for position, one in enumerate(credentials):
            assign(made, one, position)
        return made

    return make


def queue(which: RunTemplate, number: int = 1, **more: Any) -> list[Job]:
    return builders.queue(which, after=backend().now() - timedelta(seconds=1), number=number, **more)


def know(credential: Credential, state: Availability, seconds: float = 60, message: str = "told") -> None:
    """Store a result that counts for so long."""
    now = backend().now()
    Credential.objects.filter(pk=credential.pk).update(
        availability=state,
        availability_message=message,
        checked_at=now,
        check_valid_until=now + timedelta(seconds=seconds),
    )


def admit(*jobs: Job, places: int = 100) -> Any:
    """Claim the jobs and let them come to the gate; those that end are ended."""
    claimed = builders.claim(builders.worker(), places)
    assert {job.pk for job in claimed} == {job.pk for job in jobs}
    gate, actor = Gate(places), builders.robot()
    admitted = gate.admit(claimed, actor)
    giving_back.end_all_unstarted(admitted.ends, actor)
    if not gate.jobs:
        return admitted
    # The provider is asked for values in any case.
    return gate.admit(until(gate.answered, "the answer"), actor, asked=True)


def entry(job: Job) -> QueueEntry:
    return QueueEntry.objects.get(job=job)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def run(cycle: Any, happened: Callable[[], Any], what: str) -> Any:
    return until(lambda: cycle.run_once() is not None and happened(), what)
