"""Exports of one's own data and requests for erasure, at the door of API v2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from multiflexi.models import AuditEntry, CompanyRole, CompanyUser, DataExport, ErasureRequest, Role, User, UserRole
from multiflexi.services import rate_limit
from tests.http import a_token, bearer
from tests.integration.api_v2.conftest import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


@pytest.fixture(autouse=True)
def uncounted(settings: Any) -> None:
    settings.API_RATE_LIMITING_ENABLED = False


@pytest.fixture
def dave_asks(as_user: Callable[[User], Caller], dave: User) -> Caller:
    return as_user(dave)


@pytest.fixture
def dave(alice: User) -> User:
    """An administrator of the installation, below root."""
    user = User.objects.create(login="dave", email="dave@example.org", password=alice.password)
    user.set_password("dave's pass:word ž")
    user.save()
    UserRole.objects.create(user=user, role=Role.objects.get(name="admin"))
    return user


def test_an_export_is_made_listed_and_downloaded_once(alice_asks: Caller, alice: User) -> None:
    answer = alice_asks.post("data-exports", {"format": "csv"})

    made = answer.json()
    assert (answer.status_code, made["format"], made["state"]) == (201, "csv", "ready")
    assert answer["Location"] == f"/api/v2/data-exports/{made['id']}"
    link = made["download_url"].removeprefix("/api/v2/")
    assert alice_asks("head", link).status_code == 200
    file = alice_asks.get(link)
    assert (file.status_code, file["Content-Type"]) == (200, "application/zip")
    assert file["Content-Disposition"].startswith('attachment; filename="multiflexi_data_export_alice_')
    assert file["Cache-Control"] == "no-store"
    assert alice_asks.get(link).status_code == 403
    (listed,) = alice_asks.get("data-exports").json()["results"]
    assert listed["state"] == "downloaded" and "download_url" not in listed
    assert alice_asks.get(f"data-exports/{made['id']}").json() == listed


def test_an_export_is_its_owners(alice_asks: Caller, root_asks: Caller, client: Client, alice: User) -> None:
    made = alice_asks.post("data-exports").json()
    other = alice_asks.post("data-exports").json()
    link = made["download_url"].removeprefix("/api/v2/")

    assert root_asks.get("data-exports").json()["count"] == 0
    assert root_asks.get(f"data-exports/{made['id']}").status_code == 404
    assert root_asks.get(link).status_code == 404
    robot = Caller(client, bearer(a_token(alice)))
    assert robot.get("data-exports").status_code == 403
    assert robot.post("data-exports").status_code == 403
    assert robot.get(link).status_code == 403
    # The token belongs to one export, and both have to fit.
    assert alice_asks.get(link.replace(f"/{made['id']}/", f"/{other['id']}/")).status_code == 403
    assert alice_asks.get(f"data-exports/{made['id']}/content").status_code == 422
    assert alice_asks.get(link).status_code == 200


def test_the_link_is_not_kept_with_an_idempotency_key(alice_asks: Caller) -> None:
    answers = [alice_asks.post("data-exports", Idempotency_Key="k") for _number in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["download_url"] != answers[1].json()["download_url"]
    assert DataExport.objects.count() == 2


def test_unusable_requests(alice_asks: Caller) -> None:
    assert alice_asks.post("data-exports", {"format": "html"}).status_code == 422
    assert alice_asks.post("data-exports", {"state": "ready", "x": 1}).status_code == 422
    assert alice_asks.get("data-exports?format=nonsense").status_code == 400


def test_the_sixth_export_in_an_hour_is_refused(alice_asks: Caller, settings: Any) -> None:
    settings.API_RATE_LIMITING_ENABLED = True
    rate_limit.forget()
    for _number in range(5):
        assert alice_asks.post("data-exports").status_code == 201

    answer = alice_asks.post("data-exports")

    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert answer["RateLimit-Policy"] == '"export";q=5;w=3600' and answer["RateLimit"].startswith('"export";r=0')
    assert "5 exports" in answer.json()["detail"]


def test_exports_are_refused_while_they_cannot_be_counted(alice_asks: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> None:
        raise rate_limit.Unavailable("export")

    monkeypatch.setattr(rate_limit, "take", broken)
    assert alice_asks.post("data-exports").status_code == 503
    assert DataExport.objects.count() == 0


# Erasure


def test_a_person_asks_for_the_own_erasure_and_withdraws_it(alice_asks: Caller, bob_asks: Caller, alice: User) -> None:
    answer = alice_asks.post("erasure-requests", {"deletion_type": "anonymize", "reason": "I leave"})

    made = answer.json()
    assert (answer.status_code, made["user_id"], made["status"]) == (201, alice.pk, "pending")
    address = answer["Location"].removeprefix("/api/v2/")
    assert alice_asks.post("erasure-requests").status_code == 409
    assert [one["id"] for one in alice_asks.get("erasure-requests").json()["results"]] == [made["id"]]
    assert bob_asks.get("erasure-requests").json()["count"] == 0
    for method, name in (("get", ""), ("get", "/plan"), ("post", "/withdraw"), ("post", "/approve")):
        assert bob_asks(method, f"{address}{name}", None if method == "get" else {}).status_code == 404
    for name in ("approve", "reject", "process"):
        assert alice_asks.post(f"{address}/{name}").status_code == 403
    assert alice_asks.post(f"{address}/withdraw").json()["status"] == "cancelled"
    assert alice_asks.post(f"{address}/withdraw").status_code == 409
    assert list(
        AuditEntry.objects.filter(entity_type="ErasureRequest").order_by("pk").values_list("action", flat=True)
    ) == ["create", "withdraw"]


def test_only_managers_ask_for_others(alice_asks: Caller, dave_asks: Caller, client: Client, bob: User) -> None:
    assert alice_asks.post("erasure-requests", {"user_id": bob.pk}).status_code == 403
    assert dave_asks.post("erasure-requests", {"user_id": 10**9}).status_code == 404
    assert dave_asks.post("erasure-requests", {"user_id": bob.pk}).status_code == 201
    robot = Caller(client, bearer(a_token(bob)))
    assert robot.post("erasure-requests").status_code == 403
    assert robot.get("erasure-requests").json()["count"] == 0


def test_a_request_is_approved_and_carried_out(
    alice_asks: Caller, dave_asks: Caller, alice: User, dave: User, acme: Any
) -> None:
    CompanyUser.objects.create(company=acme, user=dave, role=CompanyRole.ADMIN)
    alice_asks.post("data-exports")
    made = alice_asks.post("erasure-requests", {"deletion_type": "anonymize"}, Idempotency_Key="k").json()
    assert alice_asks.post("erasure-requests", {"deletion_type": "anonymize"}, Idempotency_Key="k").json() == made
    address = f"erasure-requests/{made['id']}"

    assert dave_asks.post(f"{address}/process").status_code == 409
    approved = dave_asks.post(f"{address}/approve", {"notes": "asked in person"}).json()
    assert (approved["status"], approved["review_notes"]) == ("approved", "asked in person")
    plan = {one["table"]: one["rows"] for one in dave_asks.get(f"{address}/plan").json()}
    assert plan["data_export_tokens"] == 1
    assert dave_asks.post(f"{address}/process").json()["status"] == "completed"

    alice.refresh_from_db()
    assert alice.login == f"deleted-{alice.pk}" and not alice.enabled
    assert DataExport.objects.count() == 0
    assert alice_asks.get("erasure-requests").status_code == 401


def test_nobody_erases_an_account_of_a_higher_role(dave_asks: Caller, root_asks: Caller, root: User) -> None:
    """Also not by a request that the account itself has made."""
    assert dave_asks.post("erasure-requests", {"user_id": root.pk}).status_code == 403
    made = root_asks.post("erasure-requests").json()
    for name in ("approve", "reject"):
        assert dave_asks.post(f"erasure-requests/{made['id']}/{name}").status_code == 403
    ErasureRequest.objects.update(status="approved")
    assert dave_asks.post(f"erasure-requests/{made['id']}/process").status_code == 403
    root.refresh_from_db()
    assert root.enabled


def test_a_rejection_has_a_ground(alice_asks: Caller, root_asks: Caller) -> None:
    made = alice_asks.post("erasure-requests").json()
    root_asks.post(f"erasure-requests/{made['id']}/reject", {"notes": "Article 17(3)(b)"})
    told = alice_asks.get(f"erasure-requests/{made['id']}").json()
    assert (told["status"], told["review_notes"]) == ("rejected", "Article 17(3)(b)")
    assert root_asks.get("erasure-requests?status=rejected").json()["count"] == 1
