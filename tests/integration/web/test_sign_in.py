"""Signing in with a password, and sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from multiflexi.models import AuditEntry, User, UserSession
from tests.integration.web.pages import sign_in, signed_in

pytestmark = pytest.mark.usefixtures("ring")


def test_nobody_sees_a_page_without_signing_in(client: Client, ring: None):
    for name in ("account", "security", "change_password", "confirm", "set_up_second_factor"):
        answer = client.get(reverse(name))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("sign_in")), name


def test_a_person_signs_in_by_login_or_e_mail_and_out_again(client: Client, alice: User):
    for name in ("alice", "alice@example.org", "Alice@Example.org"):
        answer = sign_in(client, alice, login=name)
        assert answer.status_code == 302, name
        assert signed_in(client)
        assert client.get(reverse("sign_out")).status_code == 405
        client.post(reverse("sign_out"))
        assert not signed_in(client)
    events = AuditEntry.objects.filter(user_id=alice.pk).values_list("event_type", flat=True)
    assert {"login_success", "logout"} <= set(events)


def test_an_account_without_e_mail_signs_in(client: Client, alice: User):
    User.objects.filter(pk=alice.pk).update(email=None)
    sign_in(client, alice)
    assert signed_in(client)


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody"}, {"login": "multiflexi"}])
def test_every_failure_looks_the_same(client: Client, alice: User, wrong: dict[str, str]):
    answer = sign_in(client, alice, **wrong)
    assert answer.status_code == 422
    assert "Login or password is wrong" in answer.content.decode()
    assert not signed_in(client)


def test_guessing_is_stopped_and_the_page_says_for_how_long(client: Client, alice: User):
    for _attempt in range(5):
        assert sign_in(client, alice, password="wrong").status_code == 422
    answer = sign_in(client, alice)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    assert not signed_in(client)


def test_a_disabled_account_loses_its_session_at_once(client: Client, alice: User):
    sign_in(client, alice)
    User.objects.filter(pk=alice.pk).update(enabled=False)
    assert not signed_in(client)


def test_the_form_takes_a_token_and_leads_to_our_pages_only(alice: User):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, alice).status_code == 403
    client = Client()
    assert sign_in(client, alice, next="/me/security/")["Location"] == "/me/security/"
    for foreign in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        client = Client()
        assert sign_in(client, alice, next=foreign)["Location"] == reverse("account")


def test_the_identifier_changes_with_the_sign_in(client: Client, alice: User):
    client.get(reverse("sign_in"))
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    sign_in(client, alice)
    assert client.session.session_key != session.session_key
    assert "planted" not in client.session


def test_idle_hours_end_a_session_and_the_page_says_so(client: Client, alice: User):
    sign_in(client, alice)
    with time_machine.travel(timezone.now() + timedelta(seconds=14_399)):
        assert signed_in(client)
    with time_machine.travel(timezone.now() + timedelta(seconds=14_399 + 14_401)):
        answer = client.get(reverse("account"), follow=True)
        assert "You were signed out" in answer.content.decode()


def test_a_session_ends_after_half_a_day_even_in_use(client: Client, alice: User):
    sign_in(client, alice)
    begin = timezone.now()
    for hours in (3, 6, 9, 11.9):
        with time_machine.travel(begin + timedelta(hours=hours)):
            assert signed_in(client), hours
    with time_machine.travel(begin + timedelta(hours=12.1)):
        assert not signed_in(client)


def test_somebody_who_wants_to_stays_signed_in_for_days(client: Client, alice: User):
    sign_in(client, alice, remember="on")
    begin = timezone.now()
    with time_machine.travel(begin + timedelta(days=13.9)):
        assert signed_in(client)
    with time_machine.travel(begin + timedelta(days=14.1)):
        assert not signed_in(client)


def test_the_identifier_is_renewed_and_the_former_one_fades(client: Client, alice: User):
    sign_in(client, alice)
    former = client.session.session_key
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        other = Client()
        other.cookies[settings.SESSION_COOKIE_NAME] = former
        assert signed_in(client)
        assert client.session.session_key != former
        assert Session.objects.get(session_key=former).expire_date <= timezone.now() + timedelta(seconds=31)
    with time_machine.travel(timezone.now() + timedelta(seconds=940)):
        assert not signed_in(other)
        assert signed_in(client)


def test_another_browser_does_not_take_a_session_over(client: Client, alice: User):
    sign_in(client, alice)
    assert client.get(reverse("account"), headers={"User-Agent": "another"}).status_code == 302
    assert not signed_in(client)


def test_a_session_is_ended_from_elsewhere(alice: User, bob: User):
    here, there, stranger = Client(), Client(), Client()
    sign_in(here, alice)
    sign_in(there, alice)
    sign_in(stranger, bob)
    number = there.session["number"]
    assert stranger.post(reverse("end_session", args=(number,))).status_code == 302
    assert signed_in(there)
    here.post(reverse("end_session", args=(number,)))
    assert not signed_in(there)
    assert signed_in(here)
    assert signed_in(stranger)


def test_all_other_sessions_are_ended_at_once(alice: User):
    here, there = Client(), Client()
    sign_in(here, alice)
    sign_in(there, alice)
    here.post(reverse("end_others"))
    assert signed_in(here)
    assert not signed_in(there)


def test_last_seen_is_written_now_and_then_only(client: Client, alice: User, django_assert_num_queries):
    sign_in(client, alice)
    before = UserSession.objects.get(user=alice).last_activity
    signed_in(client)
    assert UserSession.objects.get(user=alice).last_activity == before
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        signed_in(client)
    assert UserSession.objects.get(user=alice).last_activity > before


def test_pages_speak_czech(client: Client, alice: User):
    page = client.get(reverse("sign_in"), headers={"Accept-Language": "cs"}).content.decode()
    assert 'lang="cs"' in page
    assert "Přihlásit" in page


def test_pages_of_known_people_are_stored_nowhere(client: Client, alice: User):
    sign_in(client, alice)
    for name in ("account", "security", "sign_in"):
        assert "no-store" in client.get(reverse(name))["Cache-Control"], name


def test_no_page_holds_anything_inline(client: Client, alice: User):
    pages = [client.get(reverse(name)).content.decode() for name in ("sign_in", "forgotten_password")]
    sign_in(client, alice)
    names = ("account", "security", "change_password", "set_up_second_factor", "confirm")
    pages += [client.get(reverse(name)).content.decode() for name in names]
    for page in pages:
        assert "<script" not in page
        assert "<style" not in page
        assert " style=" not in page
        assert " on" not in page.split("<body>")[0]


def test_the_cookie_cannot_be_read_by_scripts_and_is_bound_on_encrypted_lines(client: Client, alice: User):
    answer = client.post(reverse("sign_in"), {"login": "alice", "password": "alice's pass:word ž"}, secure=True)
    cookie = answer.cookies[f"__Host-{settings.SESSION_COOKIE_NAME}"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.get(reverse("account"), secure=True).status_code == 200
