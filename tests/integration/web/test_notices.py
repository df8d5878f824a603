"""Mails to the owner of an account, and the browsers it is known in."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from multiflexi.models import User
from multiflexi.services import login_protection, sign_in
from multiflexi.web import devices, mailing
from tests.http import password_of
from tests.integration.web.pages import current_code, signed_in, with_second_factor
from tests.integration.web.pages import sign_in as enter

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def told(settings: Any, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]) -> list[EmailMessage]:
    """The mails, sent at once."""
    settings.MULTIFLEXI_MAIL_URL = "smtp://mail.example.org"
    monkeypatch.setattr(mailing, "send", mailing._send)
    return mailoutbox


def test_a_new_device_is_told_and_a_known_one_is_not(alice: User, told: list[EmailMessage]):
    first, second = Client(), Client(REMOTE_ADDR="192.0.2.7", headers={"User-Agent": "Firefox/140 (Linux)"})
    enter(first, alice)
    assert told == []
    enter(second, alice)
    assert [one.to for one in told] == [["alice@example.org"]]
    assert "192.0.2.7" in told[0].body
    assert "Firefox on Linux" in told[0].body
    second.post(reverse("sign_out"))
    enter(second, alice)
    assert len(told) == 1


def test_the_cookie_of_a_device_tells_nothing_and_counts_for_one_account(alice: User, bob: User, told: list[Any]):
    client = Client()
    enter(client, alice)
    cookie = client.cookies[devices.COOKIE]
    assert cookie["httponly"]
    assert "alice" not in cookie.value
    client.post(reverse("sign_out"))
    enter(client, bob)
    assert told == []
    client.post(reverse("sign_out"))
    client.cookies[devices.COOKIE] = cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")
    enter(client, alice)
    assert len(told) == 1


def test_new_passwords_and_second_factors_are_told(client: Client, alice: User, told: list[EmailMessage]):
    secret, _codes = with_second_factor(alice)
    enter(client, alice)
    client.post("/login/2fa/", {"code": current_code(secret)})
    assert signed_in(client)
    new = "another long phrase"
    fields = {"present": password_of("alice"), "new": new, "again": new}
    client.post(reverse("change_password"), fields)
    client.post(reverse("new_codes"))
    client.post(reverse("switch_off_second_factor"))
    assert [one.subject.partition(": ")[2] for one in told] == [
        "The password was changed",
        "The second factor was changed",
        "The second factor was changed",
    ]
    assert not any(new in one.body for one in told)


def test_nothing_is_sent_without_a_server_or_an_address(client: Client, alice: User, told: list[Any], settings: Any):
    User.objects.filter(pk=alice.pk).update(email=None)
    enter(Client(), alice)
    enter(Client(), alice)
    settings.MULTIFLEXI_MAIL_URL = None
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    enter(client, alice)
    assert told == []


def test_strangers_do_not_slow_down_a_known_device(alice: User, monkeypatch: pytest.MonkeyPatch):
    client = Client()
    enter(client, alice)
    client.post(reverse("sign_out"))
    asked: list[bool] = []
    begin = login_protection.begin

    def note(*arguments: Any, known_device: bool = False) -> Any:
        asked.append(known_device)
        return begin(*arguments, known_device=known_device)

    monkeypatch.setattr(sign_in.login_protection, "begin", note)
    for one in (client, Client()):
        enter(one, alice, password="wrong")
    assert asked == [True, False]
