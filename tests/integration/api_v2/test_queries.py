"""How many queries an answer takes, committed for every address that can be read, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from multiflexi.api.v2.urls import MODULES
from multiflexi.models import (
    AllowedNetwork,
    Artifact,
    Company,
    CompanyUser,
    DataExport,
    ErasureRequest,
    LogEntry,
    RunTemplate,
    Topic,
    User,
)
from multiflexi.services import limit, run_template
from tests.http import a_token
from tests.integration.api_v2.conftest import SHELL, Caller, World, ended_job
from tests.integration.services.bank import make_credential, make_prototype, make_type

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys_read_once")]
MOST = 12
# Two of them ask who it is and what they may do.
COUNTS = {
    "": 1,
    "apps": 5,
    "apps/<int:id>": 4,
    "apps/<int:id>/artifacts": 6,
    "apps/<int:id>/consumes": 5,
    "apps/<int:id>/environment": 6,
    "apps/<int:id>/exit-codes": 6,
    "apps/<int:id>/export": 12,
    "apps/<int:id>/produces": 5,
    "artifacts": 3,
    "artifacts/<int:id>": 3,
    "artifacts/<int:id>/content": 5,
    "apps/<int:id>/logo": 4,
    "audit-log": 3,
    "audit-log/<int:id>": 3,
    "audit-log/export": 6,
    "audit-log/verify": 7,
    "companies": 4,
    "companies/<int:company_id>/credentials": 9,
    "companies/<int:company_id>/jobs": 4,
    "companies/<int:company_id>/runtemplates": 5,
    "companies/<int:id>": 3,
    "companies/<int:id>/apps": 4,
    "companies/<int:id>/environment": 4,
    "companies/<int:id>/members": 5,
    "companies/<int:id>/stats": 8,
    "credential-prototypes": 6,
    "credential-prototypes/<int:id>": 5,
    "credential-prototypes/<int:id>/export": 8,
    "credential-types": 7,
    "credential-types/<int:id>": 6,
    "credentials": 8,
    "credentials/<int:id>": 7,
    "event-rules": 4,
    "event-rules/<int:id>": 3,
    "event-sources": 4,
    "event-sources/<int:id>": 3,
    "executors": 3,
    "executors/<str:name>/check": 2,
    "failure-patterns": 5,
    "data-exports": 5,
    "data-exports/<int:id>": 4,
    "erasure-requests": 4,
    "erasure-requests/<int:id>": 3,
    "erasure-requests/<int:id>/plan": 11,
    "security/allowlist": 4,
    "security/allowlist/<int:id>": 3,
    "health/live": 0,
    "health/ready": 2,
    "jobs": 3,
    "jobs/<int:id>": 3,
    "jobs/<int:id>/explain": 5,
    "jobs/<int:job_id>/artifacts": 5,
    "jobs/<int:job_id>/artifacts.zip": 5,
    "jobs/<int:job_id>/environment": 3,
    "jobs/<int:job_id>/output": 5,
    "jobs/<int:job_id>/output.txt": 5,
    "jobs/<int:job_id>/script": 11,
    "limits": 8,
    "limits/<int:id>": 7,
    "logs": 3,
    "logs/<int:id>": 3,
    "me": 4,
    "metrics": 9,
    "permissions": 1,
    "roles": 5,
    "roles/<int:id>": 4,
    "runtemplates": 4,
    "runtemplates/<int:id>": 3,
    "runtemplates/<int:id>/config": 5,
    "runtemplates/<int:id>/credentials": 4,
    "runtemplates/<int:id>/environment": 11,
    "runtemplates/<int:id>/explain": 12,
    "schedule": 4,
    "schedule/<int:id>": 3,
    "status": 9,
    "tags": 3,
    "tasks": 3,
    "tasks/<int:id>": 3,
    "tasks/report": 3,
    "tokens": 4,
    "tokens/<int:id>": 3,
    "topics": 4,
    "topics/<int:id>": 3,
    "users": 4,
    "users/<int:id>": 3,
    "users/<int:id>/roles": 4,
    "workers": 4,
    "workers/<int:id>": 3,
}
STREAMS = {"events/stream", "jobs/<int:job_id>/output/stream"}
# A link of its own for each time.
ONCE = {"data-exports/<int:id>/content"}


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    """Counting requests asks the database once in a while, which is not an answer's own."""
    settings.API_RATE_LIMITING_ENABLED = False


def readable() -> Iterator[str]:
    for module in MODULES:
        for address, _kind, methods in module.routes:
            if "get" in methods and address not in STREAMS | ONCE:
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
    world.ids["data-exports"] = an_export(user).pk
    world.ids["erasure-requests"] = an_approved_erasure().pk
    world.ids["tokens"] = user.tokens.order_by("pk").values_list("pk", flat=True)[0]
    return {address: count(caller, world.path(address)) for address in sorted(set(readable()))}


def an_export(user: User) -> DataExport:
    return DataExport.objects.create(user=user, token_hash=uuid4().hex, expires_at=timezone.now())


def an_approved_erasure() -> ErasureRequest:
    user = User.objects.create(login=uuid4().hex, email="x@example.org")
    return ErasureRequest.objects.create(user=user, user_login=user.login, status="approved")


def test_counts(root_asks: Caller, root: User, world: World) -> None:
    a_token(root)
    found = counts(root_asks, world, root)
    assert {name: number for name, number in found.items() if number > COUNTS.get(name, 0)} == {}
    assert set(found) == set(COUNTS)
    assert max(COUNTS.values()) <= MOST


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
        AllowedNetwork.objects.create(network=f"127.0.0.{number}")
        a_token(root)
