"""Nothing of ACME exists for the administrator of Globex, at any address, by any method."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from multiflexi.api.v2.urls import MODULES
from multiflexi.models import CredentialType, Job, Role, RunTemplate, User, UserRole
from tests.http import a_token, bearer, password_of
from tests.integration.api_v2.conftest import Caller, World

pytestmark = pytest.mark.django_db
# Common to all companies, or about the installation: told apart by permissions, not by companies.
COMMON = {
    "apps",
    "credential-prototypes",
    "event-sources",
    "executors",
    "permissions",
    "roles",
    "security",
    "tags",
    "tokens",
    "topics",
    "users",
    "workers",
}


def addressed() -> list[tuple[str, str]]:
    """Every method of every address that names a record of a company."""
    return [
        (method, address)
        for module in MODULES
        for address, _kind, methods in module.routes
        if "<int:" in address and address.partition("/")[0] not in COMMON
        for method in methods
    ]


BODIES = {
    "runtemplates/<int:id>": {"name": "x", "app_id": 1, "company_id": 1},
    "companies/<int:id>": {"name": "x"},
    "companies/<int:id>/members": {"user": "carol"},
    "companies/<int:id>/environment/<str:key>": {"value": "x"},
    "credentials/<int:id>": {"company_id": 1, "credential_type_id": 1},
    "credential-types/<int:id>": {"credential_prototype_id": 1},
    "credential-types/<int:id>/copy": {"company_id": 1},
    "limits/<int:id>": {"name": "x", "maximum": 1},
    "event-rules/<int:id>": {"runtemplate_id": 1},
}


def test_foreign_records_do_not_exist(carol_asks: Caller, world: World) -> None:
    wrong = []
    for method, address in addressed():
        if address.endswith("/ticket"):
            continue
        body = BODIES.get(address, {}) if method != "get" else None
        answer = carol_asks(method, world.path(address), body)
        if answer.status_code != 404 or b"ACME" in answer.content:
            wrong.append((method, address, answer.status_code))
    assert wrong == []
    assert Job.objects.count() == 2
    assert RunTemplate.objects.get().name == "Probe ACME"


@pytest.mark.parametrize("caller", ["carol_asks", "narrow"])
def test_lists_tell_nothing_of_them(caller: str, request: pytest.FixtureRequest, world: World) -> None:
    asks: Caller = request.getfixturevalue(caller)
    for name in ("companies", "runtemplates", "jobs", "artifacts", "schedule", "tasks", "credentials", "limits"):
        answer = asks.get(f"{name}?pagination=offset" if name in ("jobs", "artifacts", "tasks") else name)
        expected = 1 if name == "companies" else 0
        assert answer.json()["count"] == expected, name
        assert b"ACME" not in answer.content
    for name in ("jobs", "runtemplates", "credentials"):
        found = asks.get(f"{name}?company={world.ids['company']}&search=Probe").json()
        assert found["results"] == []
    for name in ("failure-patterns", "tasks/report", "event-rules", "logs", "credential-types"):
        assert b"Probe" not in asks.get(name).content
        assert b"ACME" not in asks.get(name).content


@pytest.fixture
def narrow(client: Client, alice: User, carol: User, globex: object) -> Caller:
    """A token of somebody who is a member of both companies, bound to Globex alone."""
    from multiflexi.models import Company, CompanyUser

    other = Company.objects.get(slug="globex")
    CompanyUser.objects.create(user=alice, company=other, role="admin")
    return Caller(client, bearer(a_token(alice, company_ids=[other.pk])))


def test_a_visible_record_without_the_right_is_403_and_audited(bob_asks: Caller, world: World, bob: User) -> None:
    from multiflexi.models import AuditEntry

    answer = bob_asks.post(f"jobs/{world.ids['waiting']}/cancel")

    assert answer.status_code == 403
    assert "jobs.cancel" in answer.json()["detail"]
    entry = AuditEntry.objects.get(event_type="access_denied")
    assert (entry.user_id, entry.outcome) == (bob.pk, "denied")
    assert Job.objects.get(pk=world.ids["waiting"]).status == "pending"


def test_a_denial_is_audited_although_the_request_is_undone(bob_asks: Caller, world: World) -> None:
    from multiflexi.models import AuditEntry

    answer = bob_asks.post("jobs", {"runtemplate_id": world.ids["runtemplates"]}, Idempotency_Key="k")

    assert answer.status_code == 403
    assert AuditEntry.objects.filter(event_type="access_denied").count() == 1


def test_nobody_reads_without_saying_who_they_are(client: Client, world: World) -> None:
    nobody = Caller(client, {})
    public = {"", "status", "health/live", "health/ready"}
    for module in MODULES:
        for address, _kind, methods in module.routes:
            for method in methods:
                answer = nobody(method, world.path(address), None if method == "get" else {})
                expected = 200 if address in public else 401
                assert answer.status_code == expected, (method, address)
                if expected == 401:
                    assert answer.json()["code"] == "not_authenticated"
                    assert "Basic" in answer["WWW-Authenticate"]


def test_a_token_reaches_no_further_than_its_scopes(client: Client, world: World, alice: User) -> None:
    reads = Caller(client, bearer(a_token(alice, scopes=["read"])))
    assert reads.get("jobs").status_code == 200
    assert reads.get("credentials").status_code == 403
    assert reads.get(f"artifacts/{world.ids['artifacts']}/content").status_code == 403
    assert reads.post("jobs", {"runtemplate_id": world.ids["runtemplates"]}).status_code == 403


def test_what_others_use_is_counted_and_not_named(
    as_user: Callable[[User], Caller], root_asks: Caller, alice: User, world: World
) -> None:
    admin = User.objects.create(login="admin", email="admin@example.org", password=make_password(password_of("admin")))
    for user in (admin, alice):
        UserRole.objects.create(user=user, role=Role.objects.get(name="admin"))
    CredentialType.objects.filter(pk=world.ids["credential-types"]).update(name="Theirs alone")
    kinds = {"apps": "Probe ACME", "credential-prototypes": "Theirs alone"}
    for collection, name in kinds.items():
        path = f"{collection}/{world.ids[collection]}"
        told = as_user(admin).delete(path)
        assert told.status_code == 409, told.content
        assert told.json()["details"] == {"users": ["1 of other companies"]}
        assert name not in told.content.decode() and b"ACME" not in told.content
        assert name in as_user(alice).delete(path).json()["detail"]
        assert name in root_asks.delete(path).json()["detail"]
