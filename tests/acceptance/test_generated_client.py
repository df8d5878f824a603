"""A client that is made from the published document drives each of its operations against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
import urllib3
from django.contrib.auth.hashers import make_password
from django.test import Client

from multiflexi.models import Company, CompanyUser, QueueEntry, User
from tests.acceptance.generated import calls, package
from tests.acceptance.generated.driver import Driver, Ids
from tests.acceptance.web_server import WebServer
from tests.contract.legacy.world import BASE, World, build

pytestmark = pytest.mark.slow
PASSWORD = "a password: with á"
# By what the client calls itself, and as it may be told to ask; the answers of the last are not made fit for it.
PROFILES = {"itself": "", "newest": "1.4", "off": "off"}
# The totals of jobs in the shape that scripts have always read, and names longer than what was published.
NOT_MADE_FIT = {"off": {"getJobsStatus", "getAllUserCredentials", "plainCredential"}}


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> ModuleType:
    with django_db_blocker.unblock():
        document = Client().get(f"{BASE}/openapi.json").content.decode()
    return package.made(document, tmp_path_factory.mktemp("generated"))


@pytest.fixture
def world(shared_db: None, acme: Company, globex: Company, alice: User, bob: User, carol: User, root: User) -> World:
    for user in (alice, root):
        # The server knows no hashes that only tests use.
        user.password = make_password(PASSWORD, hasher="argon2")
        user.save()
    # By number one adds whom one knows from another company.
    common = Company.objects.create(name="Common", slug="common")
    CompanyUser.objects.bulk_create(CompanyUser(company=common, user=one) for one in (alice, carol))
    made = build(acme, globex)
    running = made.acme.jobs["running"]
    QueueEntry.objects.create(
        job=running, after=datetime.now(UTC), runtemplate=made.acme.template, company=acme, app=made.app
    )
    return made


@pytest.fixture
def server(world: World, process_environment: dict[str, str]) -> Iterator[WebServer]:
    server = WebServer(process_environment, MULTIFLEXI_ALLOWED_HOSTS="127.0.0.1", API_RATE_LIMITING_ENABLED="false")
    yield server
    server.stop()


def known_ids(world: World, bob: User, carol: User, login: str) -> dict[str, Any]:
    """What the calls may name before they have made anything themselves."""
    ids = {noun.replace("_", ""): number for noun, number in world.acme.ids.items()}
    running = world.acme.jobs["running"].pk
    return ids | {
        "user": bob.pk, "stranger": carol.pk, "running": running, "login": login, "password": PASSWORD,
    }  # fmt: skip


@pytest.mark.parametrize("person", ["root", "alice"])
def test_every_operation(
    generated: ModuleType, server: WebServer, world: World, bob: User, carol: User, person: str
) -> None:
    served = json.loads(server.get(f"{BASE}/openapi.json").text)
    there = {one["operationId"] for ways in served["paths"].values() for one in ways.values()}
    later = [call for call in calls.EXPORTS if call.operation in there]
    wrong: list[str] = []
    for profile, compat in PROFILES.items():
        client = client_of(generated, server, person, compat)
        driver = Driver(generated, client, served, restricted=person == "alice")
        ids = Ids(known_ids(world, bob, carol, person), f"{person[0]}-{profile}")
        for call in [*calls.CALLS, *later]:
            if call.operation in NOT_MADE_FIT.get(profile, set()):
                continue
            try:
                driver.drive(call, ids)
            # Types of the client refuse answers in many ways, and one refusal must not hide the others.
            except Exception as error:
                wrong.append(f"{profile}: {call.operation}: {type(error).__name__}: {error}")
        undriven = there - driver.driven - NOT_MADE_FIT.get(profile, set())
        assert not undriven, f"prepare a call in tests/acceptance/generated/calls.py for: {', '.join(sorted(undriven))}"
    assert not wrong, "\n".join(wrong)


def client_of(generated: ModuleType, server: WebServer, person: str, compat: str) -> Any:
    """A client with HTTP Basic that does not leave the address it was sent to."""
    stay = urllib3.Retry(total=0, redirect=0, raise_on_redirect=False)
    address = f"http://127.0.0.1:{server.port}{BASE}"
    configured = generated.Configuration(host=address, username=person, password=PASSWORD, retries=stay)
    client = generated.ApiClient(configured)
    assert client.user_agent == f"OpenAPI-Generator/{package.VERSION}/python"
    if compat:
        client.set_default_header("X-MultiFlexi-Compat", compat)
    return client


def test_a_wrong_password_is_told_apart(generated: ModuleType, server: WebServer) -> None:
    client = client_of(generated, server, "root", "")
    client.configuration.password = "wrong"
    with pytest.raises(generated.exceptions.UnauthorizedException) as refused:
        generated.AppApi(client).list_apps("json")
    assert json.loads(refused.value.body)["success"] is False
