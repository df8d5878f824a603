"""Companies, run templates and jobs in bulk."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.queue import backend
from multiflexi.models import Application, Company, Overlap, RunTemplate, ScheduleType, User
from multiflexi.record.actor import Actor, Origin

AT_A_TIME = 1000


def actor() -> Actor:
    """The technical account, as the daemons act."""
    return Actor(user_id=User.objects.technical().pk, origin=Origin.DAEMON)


def application(executable: str, cmdparams: str = "", **fields: Any) -> Application:
    code = uuid.uuid4().hex[:12]
    values = {"executable": executable, "cmdparams": cmdparams, "name": code, "code": code, "uuid": uuid.uuid4()}
    return Application.objects.create(**values | fields)


def run_templates(app: Application, companies: int, of_each: int, **fields: Any) -> list[RunTemplate]:
    """Run templates of one application in new companies, jobs of one may run at the same time."""
    owners = [Company.objects.create(name=f"Company {app.code} {n}") for n in range(companies)]
    values = {"overlap": Overlap.ALLOW, "active": True, "complete": True} | fields
    made = [
        RunTemplate(app=app, company=owner, name=f"{owner.name} / {n}", **values)
        for owner in owners
        for n in range(of_each)
    ]
    return RunTemplate.objects.bulk_create(made, batch_size=AT_A_TIME)


def jobs(templates: Sequence[RunTemplate], number: int, *, after: datetime | None = None) -> list[int]:
    """Ids of new jobs, due now, one run template after the other; all of them become visible at once."""
    now = backend().now()
    author = actor()
    assert author.user_id is not None
    turns = itertools.islice(itertools.cycle(templates), number)
    wanted = [NewJob(template, ScheduleType.ADHOC, author.user_id, after or now) for template in turns]
    ids: list[int] = []
    with transaction.atomic():
        for start in range(0, number, AT_A_TIME):
            ids += [job.pk for job in create_jobs(wanted[start : start + AT_A_TIME], actor=author, now=now)]
    return ids


def settle() -> None:
    """Let the database do now what it would else do during the measurement: statistics, clean-up, write-back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
        elif connection.vendor == "sqlite":
            cursor.execute("ANALYZE")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("ANALYZE TABLE job, schedule, job_history, artifacts, runtemplate, security_audit_log")
            cursor.fetchall()
