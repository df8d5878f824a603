"""A controlled clock, and run templates and jobs made in one line."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from multiflexi.jobs import claiming, completion, create, schedulable, tasks
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.create import NewJob
from multiflexi.jobs.lifecycle import Move, move
from multiflexi.models import (
    Application,
    Company,
    Credential,
    CredentialType,
    Executor,
    FailureReason,
    Job,
    JobStatus,
    NamedLimit,
    NamedLimitUser,
    RunTemplate,
    RunTemplateCredential,
    ScheduleType,
    User,
    Worker,
    WorkerRole,
)
from multiflexi.record.actor import Actor, Origin

PRAGUE = ZoneInfo("Europe/Prague")
NOON = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)  # A Monday, noon in Prague.
_numbers = itertools.count(1)


def wall(text: str, zone: str = "Europe/Prague", *, fold: int = 0) -> datetime:
    """The instant of a wall clock; `fold` 1 is the second pass of a repeated hour."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


class Clock:
    """The database clock under the test's control."""

    def __init__(self, instant: datetime = NOON) -> None:
        self.instant = instant

    def __call__(self) -> datetime:
        return self.instant

    def set(self, instant: datetime) -> None:
        self.instant = instant

    def forward(self, **parts: float) -> datetime:
        self.instant += timedelta(**parts)
        return self.instant


def robot() -> Actor:
    """The platform acting in the name of the technical account."""
    return Actor(user_id=User.objects.technical().pk, origin=Origin.DAEMON)


def make_app(**more: Any) -> Application:
    number = next(_numbers)
    code = more.pop("code", f"app-{number}")
    return Application.objects.create(
        uuid=uuid.uuid4(), code=code, name=more.pop("name", code), executable="true", **more
    )


def template(company: Company, app: Application, **more: Any) -> RunTemplate:
    """A run template as the services make it: stored, then scheduled."""
    made = unscheduled(company, app, **more)
    schedulable.refresh([made.pk], cadence_changed=True)
    made.refresh_from_db()
    return made


def unscheduled(company: Company, app: Application, **more: Any) -> RunTemplate:
    """A complete run template whose next slot was never computed."""
    more.setdefault("name", f"run template {next(_numbers)}")
    more.setdefault("complete", True)
    return RunTemplate.objects.create(company=company, app=app, **more)


def due_templates(company: Company, app: Application, number: int, due: datetime, **more: Any) -> list[RunTemplate]:
    """Many run templates that are due at one instant, inserted at once."""
    more = {"interv": "h", "active": True, "complete": True, "next_schedule": due} | more
    RunTemplate.objects.bulk_create(
        [RunTemplate(company=company, app=app, name=f"t{index}", **more) for index in range(number)], batch_size=1000
    )
    return list(RunTemplate.objects.filter(company=company).order_by("pk"))


def queue(
    which: RunTemplate, *, after: datetime, actor: Actor | None = None, number: int = 1, **more: Any
) -> list[Job]:
    """Jobs waiting for an executor."""
    actor = actor or robot()
    assert actor.user_id is not None
    more.setdefault("schedule_type", ScheduleType.ADHOC)
    wanted = [NewJob(which, launched_by_id=actor.user_id, after=after, **more) for _ in range(number)]
    return create.create_jobs(wanted, actor=actor, now=after)


def worker(name: str = "one", **more: Any) -> Worker:
    return Worker.objects.create(role=WorkerRole.EXECUTOR, name=name, host="host", boot_id="boot", places=4, **more)


def claim(owner: Worker, places: int = 4, *, actor: Actor | None = None, **more: Any) -> list[Job]:
    more.setdefault("modules", (Executor.NATIVE,))
    return claiming.claim(owner, places=places, actor=actor or robot(), **more)


def release(jobs: Iterable[Job]) -> None:
    """Claimed jobs wait again."""
    claiming.release([claiming.Release(job.pk, job.claim) for job in jobs], actor=robot())


def begin(jobs: Iterable[Job], at: datetime) -> list[Job]:
    """Queued jobs are running, as the executor commits it before it starts them."""
    jobs = list(jobs)
    move(
        [Move(job.pk, job.claim, JobStatus.QUEUED, JobStatus.RUNNING, {"begin": at}) for job in jobs],
        actor=robot(),
        at=at,
    )
    tasks.start(job.task_id for job in jobs if job.task_id)
    return fresh(jobs)


def stage(jobs: Iterable[Job]) -> list[Job]:
    """Running jobs have ended; their outcome is proven."""
    jobs = list(jobs)
    move([Move(job.pk, job.claim, JobStatus.RUNNING, JobStatus.FINISHING) for job in jobs], actor=robot())
    return fresh(jobs)


def running(owner: Worker, at: datetime, places: int = 100, **more: Any) -> list[Job]:
    return begin(claim(owner, places, **more), at)


def finishing(owner: Worker, at: datetime, places: int = 100, **more: Any) -> list[Job]:
    return stage(running(owner, at, places, **more))


def fresh(jobs: Iterable[Job]) -> list[Job]:
    ids = [job.pk for job in jobs]
    found = Job.objects.select_related("app", "company", "runtemplate").in_bulk(ids)
    return [found[job_id] for job_id in ids]


def end(job: Job, target: JobStatus, at: datetime, exitcode: int | None = None, **more: Any) -> Completion:
    """How a job ends, with what belongs to such an end."""
    source = more.pop("source", JobStatus(job.status))
    natural = {
        JobStatus.SUCCESS: 0,
        JobStatus.FAILED: 2,
        JobStatus.TIMEOUT: 124,
        JobStatus.TERMINATED: 143,
        JobStatus.LOST: -1,
    }
    reasons = {JobStatus.LOST: FailureReason.LOST, JobStatus.TIMEOUT: FailureReason.TIMEOUT}
    more.setdefault("reason", reasons.get(target))
    return Completion(job, source, target, at, natural.get(target) if exitcode is None else exitcode, **more)


def finish(job: Job, target: JobStatus, at: datetime, exitcode: int | None = None, **more: Any) -> list[Job]:
    """End one job; returns its retry, if any."""
    return completion.complete([end(job, target, at, exitcode, **more)], actor=robot())


def in_threads(*bodies: Callable[[], Any]) -> list[Any]:
    """Run the bodies at once, each with a connection of its own; their results, or the first exception."""
    results: list[Any] = [None] * len(bodies)
    errors: list[BaseException] = []
    gate = threading.Barrier(len(bodies))

    def run(index: int, body: Callable[[], Any]) -> None:
        try:
            gate.wait(30)
            results[index] = body()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]
    return results


def limit(maximum: int, *users: Application | CredentialType, company: Company | None = None) -> NamedLimit:
    """A named limit of applications and credential types."""
    made = NamedLimit.objects.create(name=f"limit {next(_numbers)}", maximum=maximum, company=company)
    for user in users:
        key = "app" if isinstance(user, Application) else "credential_type"
        NamedLimitUser.objects.create(limit=made, **{key: user})
    return made


def with_credential(which: RunTemplate, kind: CredentialType) -> RunTemplate:
    """The run template with a credential of a type assigned."""
    credential = Credential.objects.create(
        name=f"credential {next(_numbers)}", company_id=which.company_id, credential_type=kind
    )
    RunTemplateCredential.objects.create(runtemplate=which, credential=credential)
    return which
