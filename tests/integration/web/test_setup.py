"""The page that makes the first administrator, and the code that opens it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from multiflexi.environ import SettingsError
from multiflexi.models import AuditEntry, LoginAttempt, User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import first_administrator, user
from multiflexi.services.errors import Refused
from multiflexi.vault import keyring
from tests.integration.web.pages import signed_in

pytestmark = pytest.mark.usefixtures("ring")
PASSWORD = "a long enough phrase"


def fields(**others: Any) -> dict[str, Any]:
    return {
        "code": first_administrator.code(),
        "language": "cs",
        "timezone": "Europe/Prague",
        "firstname": "Jana",
        "lastname": "Nováková",
        "login": "jana",
        "email": "jana@example.org",
        "password": PASSWORD,
    } | others


def test_the_page_makes_a_super_administrator_and_signs_in(client: Client):
    assert client.get("/login/")["Location"] == "/setup/"
    page = client.get("/setup/", {"code": first_administrator.code()})
    assert f'value="{first_administrator.code()}"' in page.content.decode()
    code = first_administrator.code().lower().replace("-", " ")
    assert client.post("/setup/", fields(code=code))["Location"] == reverse("account")
    assert signed_in(client)
    made = User.objects.get(login="jana")
    assert made.sees_every_company
    assert made.check_password(PASSWORD)
    assert made.settings == {"language": "cs", "timezone": "Europe/Prague"}
    assert "Můj účet" in client.get(reverse("account")).content.decode()
    told = AuditEntry.objects.filter(entity_type="User", entity_id=made.pk)
    assert {"entity_create", "setup_completed"} <= set(told.values_list("event_type", flat=True))


def test_there_is_no_such_page_afterwards(client: Client, alice: User):
    assert client.get("/setup/").status_code == 404
    assert client.post("/setup/", {"code": "ABCD-EFGH"}).status_code == 404
    assert client.get("/login/").status_code == 200
    with pytest.raises(Refused):
        first_administrator.code()


def test_accounts_that_were_closed_do_not_open_it_again(client: Client, alice: User):
    User.objects.filter(pk=alice.pk).update(enabled=False, email=None, deleted_at=timezone.now())
    assert client.get("/setup/").status_code == 404


def test_the_account_of_an_operating_system_login_does_not_count(client: Client):
    user.account_of_login("operator")
    assert client.get("/setup/").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"password": "Ab1!"}, "at least 8 characters"),
        ({"password": "jana-jana"}, "Nothing like your name"),
        ({"login": "j"}, "3 to 64"),
        ({"login": "jana nova"}, "3 to 64"),
        ({"email": "nowhere"}, "valid email"),
        ({"timezone": "Mars/Crater"}, "Select a valid choice"),
        ({"code": "ABCD-EFG1"}, "not the setup code"),
        ({"code": "–"}, "not the setup code"),
    ],
)
def test_wrong_fields_make_nothing_and_lose_nothing(client: Client, wrong: dict[str, str], text: str):
    answer = client.post("/setup/", fields(language="en") | wrong)
    assert answer.status_code == 422
    assert text in answer.content.decode()
    assert "Nováková" in answer.content.decode()
    assert first_administrator.is_wanted()


def test_five_wrong_codes_block_for_a_quarter_of_an_hour(client: Client):
    for _attempt in range(5):
        assert client.post("/setup/", fields(code="AAAA-AAAA")).status_code == 422
    answer = client.post("/setup/", fields())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    assert first_administrator.is_wanted()
    assert LoginAttempt.objects.filter(success=False).count() == 5
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        assert client.post("/setup/", fields()).status_code == 302


def test_a_stranger_blocks_only_the_own_address(client: Client):
    for _attempt in range(6):
        Client(REMOTE_ADDR="192.0.2.1").post("/setup/", fields(code="AAAA-AAAA"))
    assert client.post("/setup/", fields()).status_code == 302


def test_the_code_is_the_same_for_all_hosts_of_an_installation_only():
    code = first_administrator.code()
    keyring.forget()
    assert first_administrator.code() == code
    assert len(code) == 9
    assert code[4] == "-"


def test_the_environment_may_name_the_code(client: Client, settings: Any):
    settings.MULTIFLEXI_SETUP_CODE = "from-the-image-7"
    assert first_administrator.code() == "from-the-image-7"
    assert client.post("/setup/", fields(code="From-the-image-7")).status_code == 302


def test_a_code_that_can_be_guessed_is_a_wrong_setting(settings: Any):
    settings.MULTIFLEXI_SETUP_CODE = "--12-34--"
    with pytest.raises(SettingsError, match="MULTIFLEXI_SETUP_CODE"):
        first_administrator.code()


@pytest.mark.django_db(transaction=True)
def test_of_browsers_at_the_same_moment_one_gets_in(shared_db: None, monkeypatch: pytest.MonkeyPatch):
    # All have seen the empty installation before the first one begins.
    together, answers = threading.Barrier(4), []
    proven = first_administrator.login_protection.succeeded

    def wait(attempt: Any) -> None:
        proven(attempt)
        together.wait(60)

    monkeypatch.setattr(first_administrator.login_protection, "succeeded", wait)
    given = [fields(login=f"person{number}", email=f"{number}@example.org") for number in range(4)]

    def ask(number: int) -> None:
        try:
            answers.append(Client().post("/setup/", given[number])["Location"])
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert sorted(answers) == ["/login/", "/login/", "/login/", "/me/"]
    assert User.objects.filter(is_system=False).count() == 1
    assert AuditEntry.objects.filter(event_type="setup_completed").count() == 1


def test_others_cannot_use_it_to_become_administrators(alice: User):
    actor = Actor(None, Origin.WEB)
    given = {"login": "x", "email": "x@example.org", "plaintext": PASSWORD, "firstname": "", "lastname": ""}
    with pytest.raises(Refused):
        first_administrator.create(actor, "ABCD-EFGH", language="en", timezone="UTC", **given)
