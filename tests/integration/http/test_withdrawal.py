"""What was done by a token or client says so, and ends with it: waiting jobs, tickets and streams that are open."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from multiflexi.api.v2 import streaming
from multiflexi.http.authentication import Presented
from multiflexi.http.oauth import clients, grants
from multiflexi.http.oauth.validator import new_token
from multiflexi.jobs import mandate
from multiflexi.models import (
    AuditEntry,
    Company,
    CompanyUser,
    Job,
    JobHistory,
    JobStatus,
    RunTemplate,
    Token,
    User,
    UserSession,
)
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import allowlist, token
from tests.http import a_token, bearer
from tests.integration.api_v2.conftest import app, template  # noqa: F401
from tests.integration.web.pages import sign_in

pytestmark = pytest.mark.usefixtures("ring")
SHELL = Actor(user_id=None, origin="cli")
Withdraw = Callable[[], Any]


@pytest.fixture
def phone(root: User) -> Application:
    """A client on people's devices."""
    client, _secret = clients.create(
        Actor(root.pk, Origin.WEB),
        name="Phone",
        grant=clients.CODE,
        scopes=["read", "write", "jobs:run"],
        public=True,
        redirect_uris=["https://client.example.org/back"],
    )
    return client


def access(user: User, client: Application) -> str:
    """An access token that the account gave the client."""
    value = new_token()
    AccessToken.objects.create(
        user=user,
        application=client,
        token=value,
        scope="read write jobs:run",
        expires=timezone.now() + timedelta(hours=1),
    )
    return value


def planned(template: RunTemplate, value: str) -> Job:
    """A job for tomorrow, asked for by a token."""
    body = {"runtemplate_id": template.pk, "after": (timezone.now() + timedelta(days=1)).isoformat()}
    answer = Client().post("/api/v2/jobs", body, content_type="application/json", headers=bearer(value))
    assert answer.status_code == 201, answer.content
    return Job.objects.get(pk=answer.json()["id"])


def status(job: Job) -> str:
    job.refresh_from_db()
    return job.status


def by(user: User) -> Actor:
    return Actor(user.pk, Origin.WEB)


def row_of(value: str) -> Token:
    return Token.objects.get(prefix=value[:12])


# Audit


def test_entries_name_the_client_and_the_account(phone: Application, alice: User, template: RunTemplate) -> None:
    job = planned(template, access(alice, phone))
    entry = AuditEntry.objects.filter(user_id=alice.pk).order_by("-pk")[0]
    told: Any = entry.additional_data
    assert told["oauth_client"] == {"id": phone.client_id, "name": "Phone"}
    assert entry.token_id is None
    assert JobHistory.objects.get(job=job).actor == f"client:{phone.client_id}"


def test_refusals_name_the_client_as_well(phone: Application, bob: User, template: RunTemplate) -> None:
    body = {"runtemplate_id": template.pk}
    headers = bearer(access(bob, phone))
    answer = Client().post("/api/v2/jobs", body, content_type="application/json", headers=headers)
    assert answer.status_code == 403
    told: Any = AuditEntry.objects.get(event_type="access_denied").additional_data
    assert told["oauth_client"]["name"] == "Phone"


# Jobs that have not started


@pytest.mark.parametrize("how", ["revoke", "remove", "narrow", "other company"])
def test_a_withdrawn_token_takes_its_waiting_jobs_along(
    how: str, alice: User, globex: Company, template: RunTemplate
) -> None:
    CompanyUser.objects.create(user=alice, company=globex, role="viewer")
    value, other = a_token(alice), a_token(alice)
    mine, others = planned(template, value), planned(template, other)
    row = row_of(value)
    if how == "revoke":
        token.revoke(by(alice), row)
    elif how == "remove":
        token.remove(by(alice), row)
    elif how == "narrow":
        token.update(by(alice), row, scopes=["read"])
    else:
        token.update(by(alice), row, companies=[globex.pk])
    assert status(mine) == JobStatus.CANCELLED
    assert "token" in str(JobHistory.objects.filter(job=mine).latest("pk").detail)
    assert status(others) == JobStatus.PENDING


def test_a_claimed_job_of_a_withdrawn_token_does_not_start(alice: User, template: RunTemplate) -> None:
    value = a_token(alice)
    job = planned(template, value)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED)
    token.revoke(by(alice), row_of(value))
    assert "revoked" in mandate.missing([Job.objects.get(pk=job.pk)])[job.pk]


def test_a_token_that_is_over_takes_nothing_back(alice: User, template: RunTemplate) -> None:
    value = a_token(alice)
    job = planned(template, value)
    Token.objects.filter(pk=row_of(value).pk).update(until=timezone.now() - timedelta(seconds=1))
    assert mandate.missing([job]) == {}


@pytest.mark.parametrize("how", ["taken back", "removed"])
def test_a_withdrawn_client_takes_its_waiting_jobs_along(
    how: str, phone: Application, alice: User, robot: User, root: User, template: RunTemplate
) -> None:
    by_alice, by_other = planned(template, access(alice, phone)), planned(template, access(robot, phone))
    by_hand = planned(template, a_token(alice))
    if how == "taken back":
        grants.take_back(by(alice), alice, phone.client_id)
    else:
        clients.delete(by(root), phone.client_id)
    assert status(by_alice) == JobStatus.CANCELLED
    assert status(by_other) == (JobStatus.PENDING if how == "taken back" else JobStatus.CANCELLED)
    assert status(by_hand) == JobStatus.PENDING


# Tickets and streams


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams look at each step whether they may go on, and say something at each."""
    monkeypatch.setattr(streaming, "CHECK", 0.0)
    monkeypatch.setattr(streaming, "HEARTBEAT", 0.0)


@pytest.fixture
def waiting(template: RunTemplate, robot: User) -> Job:
    return planned(template, a_token(robot))


@pytest.fixture(params=["token", "oauth", "session", "membership", "account", "address"])
def withdrawable(request: pytest.FixtureRequest, alice: User, phone: Application) -> tuple[Client, Withdraw]:
    """Somebody with a credential, and how it is taken away."""
    client, kind = Client(), request.param
    if kind == "oauth":
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {access(alice, phone)}"
        return client, lambda: grants.take_back(by(alice), alice, phone.client_id)
    if kind == "session":
        sign_in(client, alice)
        client.get(reverse("account"))
        return client, lambda: UserSession.objects.filter(user=alice).update(is_active=False)
    value = a_token(alice)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {value}"
    ways: dict[str, Withdraw] = {
        "token": lambda: token.revoke(by(alice), row_of(value)),
        "membership": lambda: CompanyUser.objects.filter(user=alice).delete(),
        "account": lambda: User.objects.filter(pk=alice.pk).update(enabled=False),
        "address": lambda: allowlist.add(SHELL, "192.0.2.0/24"),
    }
    return client, ways[kind]


def ticket(client: Client, path: str) -> str:
    answer = client.post(f"{path}/ticket", content_type="application/json")
    assert answer.status_code == 201, answer.content
    url: str = answer.json()["url"]
    return url


def test_a_ticket_is_worth_what_it_was_asked_for_with(
    withdrawable: tuple[Client, Withdraw], waiting: Job, at_once: None
) -> None:
    client, withdraw = withdrawable
    url = ticket(client, f"/api/v2/jobs/{waiting.pk}/output/stream")
    # A browser sends nothing but the address.
    stream: Any = iter(Client().get(url))
    assert b"pending" in next(stream)
    withdraw()
    assert b"not_permitted" in b"".join(islice(stream, 3))
    assert Client().get(url).status_code in (401, 403, 404)


def test_nor_are_changes_of_jobs_told_any_longer(
    withdrawable: tuple[Client, Withdraw], waiting: Job, at_once: None
) -> None:
    client, withdraw = withdrawable
    url = ticket(client, "/api/v2/events/stream")
    stream: Any = iter(Client().get(url, headers={"Last-Event-ID": "0"}))
    assert b": here" in next(stream)
    assert f'"job_id":{waiting.pk}'.encode() in next(stream)
    withdraw()
    JobHistory.objects.create(job=waiting, to_status="pending", actor="system")
    # Whoever is no member any more goes on hearing of nothing; everybody else is left.
    assert {next(stream, b"") for _ in range(3)} <= {b"", b": still here\n\n"}


def test_a_company_that_is_closed_to_an_address_is_closed_to_its_streams(waiting: Job, alice: User, acme: Company):
    request: Any = type("Asked", (), {"auth": Presented("basic")})
    watch = streaming.Watch(request, Actor(alice.pk, Origin.API, ip="198.51.100.7"))
    assert watch.sees(waiting)
    allowlist.add(SHELL, "192.0.2.0/24", company=acme)
    assert not watch.sees(waiting)
