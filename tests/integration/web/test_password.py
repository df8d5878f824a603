"""Changing a password, and getting in again without it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from multiflexi.models import User
from tests.http import password_of
from tests.integration.web.pages import sign_in, signed_in

pytestmark = pytest.mark.usefixtures("ring")
NEW = "An entirely new one 7!"


def test_a_new_password_ends_all_other_sessions(alice: User):
    here, there = Client(), Client()
    sign_in(here, alice)
    sign_in(there, alice)
    given = {"present": password_of("alice"), "new": NEW, "again": NEW}
    assert here.post(reverse("change_password"), given).status_code == 302
    assert signed_in(here)
    assert not signed_in(there)
    assert sign_in(there, alice).status_code == 422
    assert sign_in(there, alice, password=NEW).status_code == 302


def test_the_present_password_is_needed_and_both_new_ones_are_the_same(client: Client, alice: User):
    sign_in(client, alice)
    for wrong in ({"present": "wrong"}, {"again": "different"}):
        given = {"present": password_of("alice"), "new": NEW, "again": NEW} | wrong
        assert client.post(reverse("change_password"), given).status_code == 422
    alice.refresh_from_db()
    assert alice.check_password(password_of("alice"))


def test_without_mail_the_page_says_who_helps(client: Client):
    page = client.get(reverse("forgotten_password")).content.decode()
    assert "multiflexi-cli user:update" in page


@pytest.fixture
def mailing(settings) -> None:
    settings.MULTIFLEXI_MAIL_URL = "smtp://mail.example.org"


def _link(client: Client, account: str) -> str:
    client.post(reverse("forgotten_password"), {"account": account})
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join()
    return re.search(r"http://testserver(\S+)", mail.outbox[-1].body)[1]


def test_a_link_sets_a_password_once(mailing: None, client: Client, alice: User, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "multiflexi.http.request_log")
    other = Client()
    sign_in(other, alice)
    link = _link(client, "alice")
    assert mail.outbox[-1].to == ["alice@example.org"]
    # As some mail programs cut it.
    assert client.get(link.removesuffix("/")).status_code == 302
    form = client.get(link)
    assert form.status_code == 302
    proof = link.split("/")[-2]
    assert proof not in form["Location"]
    assert proof not in caplog.text
    assert "/password/reset/" in caplog.text
    assert client.post(form["Location"], {"new": NEW, "again": NEW})["Location"] == reverse("sign_in")
    assert not signed_in(other)
    assert sign_in(Client(), alice, password=NEW).status_code == 302
    again = Client()
    assert again.get(again.get(link)["Location"])["Location"] == reverse("forgotten_password")


def test_a_link_is_good_for_an_hour(mailing: None, client: Client, alice: User):
    link = _link(client, "alice@example.org")
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert client.get(client.get(link)["Location"])["Location"] == reverse("forgotten_password")


def test_links_are_sent_three_times_an_hour_and_asked_for_ten_times(mailing: None, client: Client, alice: User):
    answers = [client.post(reverse("forgotten_password"), {"account": "alice"}).status_code for _time in range(11)]
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join()
    assert answers == [200] * 10 + [429]
    assert len(mail.outbox) == 3


def test_the_answer_does_not_tell_who_exists(mailing: None, client: Client, alice: User, bob: User):
    User.objects.filter(pk=bob.pk).update(enabled=False)
    pages = set()
    for account in ("alice", "nobody", "bob", "multiflexi"):
        page = client.post(reverse("forgotten_password"), {"account": account}).content.decode()
        pages.add(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page))
    assert len(pages) == 1
