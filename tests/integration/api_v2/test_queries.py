"""How many queries an answer takes, committed for every address that can be read, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from multiflexi.api.v2.urls import MODULES
from multiflexi.models import Artifact, Company, CompanyUser, LogEntry, RunTemplate, Topic, User
from multiflexi.services import limit, run_template
from tests.http import a_token
from tests.integration.api_v2.conftest import SHELL, Caller, World, ended_job
from tests.integration.services.bank import make_credential, make_prototype, make_type

pytestmark = pytest.mark.django_db
MOST = 12
# Three of them ask who it is and what they may do.
COUNTS = {
    "": 1,
    "apps": 6,
    "apps/<int:id>": 5,
    "apps/<int:id>/artifacts": 7,
    "apps/<int:id>/consumes": 6,
    "apps/<int:id>/environment": 7,
    "apps/<int:id>/exit-codes": 7,
    "apps/<int:id>/export": 15,
    "apps/<int:id>/produces": 6,
    "artifacts": 4,
    "artifacts/<int:id>": 4,
    "artifacts/<int:id>/content": 6,
    "apps/<int:id>/logo": 5,
    "audit-log": 4,
    "audit-log/<int:id>": 4,
    "companies": 5,
    "companies/<int:company_id>/credentials": 10,
    "companies/<int:company_id>/jobs": 5,
    "companies/<int:company_id>/runtemplates": 6,
    "companies/<int:id>": 4,
    "companies/<int:id>/apps": 5,
    "companies/<int:id>/environment": 5,
    "companies/<int:id>/members": 6,
    "companies/<int:id>/stats": 9,
    "credential-prototypes": 7,
    "credential-prototypes/<int:id>": 6,
    "credential-prototypes/<int:id>/export": 9,
    "credential-types": 8,
    "credential-types/<int:id>": 7,
    "credentials": 9,
    "credentials/<int:id>": 8,
    "event-rules": 5,
    "event-rules/<int:id>": 4,
    "event-sources": 5,
    "event-sources/<int:id>": 4,
    "executors": 4,
    "executors/<str:name>/check": 3,
    "failure-patterns": 6,
    "health/live": 0,
    "health/ready": 2,
    "jobs": 4,
    "jobs/<int:id>": 4,
    "jobs/<int:id>/explain": 6,
    "jobs/<int:job_id>/artifacts": 6,
    "jobs/<int:job_id>/artifacts.zip": 6,
    "jobs/<int:job_id>/environment": 4,
    "jobs/<int:job_id>/output": 6,
    "jobs/<int:job_id>/output.txt": 6,
    "jobs/<int:job_id>/script": 17,
    "limits": 9,
    "limits/<int:id>": 8,
    "logs": 4,
    "logs/<int:id>": 4,
    "me": 5,
    "metrics": 10,
    "permissions": 1,
    "roles": 6,
    "roles/<int:id>": 5,
    "runtemplates": 5,
    "runtemplates/<int:id>": 4,
    "runtemplates/<int:id>/config": 6,
    "runtemplates/<int:id>/credentials": 5,
    "runtemplates/<int:id>/environment": 18,
    "runtemplates/<int:id>/explain": 21,
    "schedule": 5,
    "schedule/<int:id>": 4,
    "status": 10,
    "tags": 4,
    "tasks": 4,
    "tasks/<int:id>": 4,
    "tasks/report": 4,
    "tokens": 5,
    "tokens/<int:id>": 4,
    "topics": 5,
    "topics/<int:id>": 4,
    "users": 5,
    "users/<int:id>": 4,
    "users/<int:id>/roles": 5,
    "workers": 5,
    "workers/<int:id>": 4,
}
# They put together what a job would get or waits for, out of as many tables; constant all the same.
BEYOND = {
    "apps/<int:id>/export",
    "jobs/<int:job_id>/script",
    "runtemplates/<int:id>/environment",
    "runtemplates/<int:id>/explain",
}
STREAMS = {"events/stream", "jobs/<int:job_id>/output/stream"}


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    """Counting requests asks the database once in a while, which is not an answer's own."""
    settings.API_RATE_LIMITING_ENABLED = False


def readable() -> Iterator[str]:
    for module in MODULES:
        for address, _kind, methods in module.routes:
            if "get" in methods and address not in STREAMS:
                yield address


def count(caller: Caller, path: str) -> int:
    caller.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = caller.get(path)
        b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code == 200, (path, answer.content)
    # The clock of the database is asked now and then, and not by the answer's own will.
    return sum("FROM" in query["sql"].upper() for query in captured)


def counts(caller: Caller, world: World, user: User) -> dict[str, int]:
    world.ids["tokens"] = user.tokens.order_by("pk").values_list("pk", flat=True)[0]
    return {address: count(caller, world.path(address)) for address in sorted(set(readable()))}


def test_counts(root_asks: Caller, root: User, world: World) -> None:
    a_token(root)
    found = counts(root_asks, world, root)
    assert {name: number for name, number in found.items() if number > COUNTS.get(name, 0)} == {}
    assert set(found) == set(COUNTS)
    assert {name for name, number in COUNTS.items() if number > MOST} == BEYOND


def test_more_rows_take_no_more_queries(root_asks: Caller, root: User, world: World, template: RunTemplate) -> None:
    a_token(root)
    before = counts(root_asks, world, root)
    multiply(template, root)

    assert counts(root_asks, world, root) == before


def multiply(template: RunTemplate, root: User) -> None:
    """More of everything that is listed."""
    company = template.company
    for number in range(3):
        other = Company.objects.create(name=f"C{number}", slug=f"c{number}")
        job = ended_job(template)
        Artifact.objects.create(job=job, filename="f", size=1, artifact=b"x", sha256="cd" * 32)
        prototype = make_prototype(f"Bank{number}")
        prototype.manifest = None
        prototype.save()
        kind = make_type(company, prototype=prototype)
        make_credential(kind, company, name=f"Key {number}")
        limit.create(SHELL, name=f"L{number}", maximum=1, company=company, users=[kind])
        run_template.clone(SHELL, template, f"Copy {number}")
        user = User.objects.create(login=f"u{number}", email=f"u{number}@example.org")
        CompanyUser.objects.create(user=user, company=company)
        CompanyUser.objects.create(user=user, company=other)
        LogEntry.objects.create(message="x")
        Topic.objects.create(topic=f"t{number}")
        a_token(root)
