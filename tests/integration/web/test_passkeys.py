"""Passkeys: added, proven, refused, renamed, removed."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from fido2.cose import ES384

from multiflexi.models import (
    AuditEntry,
    ErasureRequest,
    ErasureType,
    LoginAttempt,
    Passkey,
    RecoveryCode,
    SecondFactor,
    User,
)
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import erasing, second_factor
from multiflexi.services.errors import Refused
from multiflexi.web import ceremonies
from tests.http import basic, password_of
from tests.integration.web.authenticator import FLAG, Authenticator, challenge_bytes, options_of
from tests.integration.web.pages import current_code, sign_in, signed_in, with_second_factor

pytestmark = pytest.mark.usefixtures("ring")
STEP = "/login/2fa/"
ALONE = "/login/passkey/"


def browser() -> Client:
    """A browser at an address where browsers know passkeys."""
    return Client(SERVER_NAME="localhost")


def add(client: Client, key: Authenticator, name: str = "Key ring") -> list[str]:
    """Add the key to the account that is signed in; the recovery codes that are shown."""
    answer = key.make(options_of(client.get(reverse("add_passkey"))))
    page = client.post(reverse("add_passkey"), {"name": name, "passkey": answer})
    assert page.status_code in (200, 302), page.content.decode()
    return re.findall(r"<code>([A-Z2-9]{4}-[A-Z2-9]{4})</code>", page.content.decode())


@pytest.fixture
def key(alice: User) -> Authenticator:
    """A key of alice, her only second factor."""
    client, made = browser(), Authenticator()
    sign_in(client, alice)
    add(client, made)
    return made


def events(user: User) -> set[str]:
    return set(AuditEntry.objects.filter(entity_id=user.pk, entity_type="User").values_list("event_type", flat=True))


def test_the_first_passkey_is_a_second_factor_with_recovery_codes(alice: User):
    client, key = browser(), Authenticator()
    sign_in(client, alice)
    codes = add(client, key)
    assert len(set(codes)) == 10
    assert second_factor.is_on(alice)
    assert "passkey_added" in events(alice)
    assert add(client, Authenticator(), "Another one") == []
    page = client.get(reverse("security")).content.decode()
    assert "Key ring" in page and "Another one" in page and "10 recovery codes are left" in page
    client.post(reverse("sign_out"))
    assert sign_in(client, alice)["Location"] == STEP
    client.post(STEP, {"code": codes[0]})
    assert signed_in(client)


def test_the_second_step_takes_a_passkey(key: Authenticator, alice: User):
    client = browser()
    assert sign_in(client, alice, next="/me/security/")["Location"] == STEP
    page = client.get(STEP)
    assert "or type one of your recovery codes" in page.content.decode()
    assert client.post(STEP, {"passkey": key.prove(options_of(page))})["Location"] == "/me/security/"
    assert signed_in(client)
    assert Passkey.objects.get().last_used_at
    assert "passkey_used" in events(alice)


def test_a_device_that_does_not_ask_who_holds_it_is_enough_beside_the_password(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)), flags=FLAG.UP)})
    assert signed_in(client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8000"},
        {"origin": "https://localhost"},
        {"origin": "http://evil.example"},
        {"flags": FLAG(0)},
        {"kind": "webauthn.create"},
        {"frame": True},
    ],
    ids=("port", "scheme", "host", "absent", "kind", "frame"),
)
def test_an_answer_that_differs_in_anything_is_refused(key: Authenticator, alice: User, wrong: dict[str, object]):
    client = browser()
    sign_in(client, alice)
    answer = client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)), **wrong)})
    assert answer.status_code == 422
    assert not signed_in(client)


def test_a_key_of_another_domain_is_refused(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    options = options_of(client.get(STEP))
    key.domain = "evil.example"
    client.post(STEP, {"passkey": key.prove(options)})
    assert not signed_in(client)


def test_a_signature_by_another_key_is_refused(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    key.key = ec.generate_private_key(ec.SECP256R1())
    client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)))})
    assert not signed_in(client)


def test_the_passkey_of_somebody_else_is_refused(key: Authenticator, alice: User, bob: User):
    other, client = Authenticator(), browser()
    sign_in(client, bob)
    add(client, other)
    for there in (STEP, reverse("confirm")):
        client = browser()
        sign_in(client, alice)
        options = options_of(client.get(STEP))
        answer = client.post(there, {"passkey": other.prove(options), "password": password_of("alice")})
        assert answer.status_code in (302, 422)
        assert not signed_in(client)


def test_a_challenge_is_answered_once_and_in_one_session(key: Authenticator, alice: User):
    client, other = browser(), browser()
    sign_in(client, alice)
    sign_in(other, alice)
    options = options_of(client.get(STEP))
    other.get(STEP)
    answer = key.prove(options)
    other.post(STEP, {"passkey": answer})
    assert not signed_in(other)
    client.post(STEP, {"passkey": answer})
    assert signed_in(client)
    client.post(reverse("sign_out"))
    sign_in(client, alice)
    key.count = 50
    client.get(STEP)
    assert client.post(STEP, {"passkey": key.prove(options)}).status_code == 422
    assert not signed_in(client)
    assert len(challenge_bytes(options)) >= 32


def test_a_wrong_answer_uses_the_challenge_up(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    options = options_of(client.get(STEP))
    refused = client.post(STEP, {"passkey": key.prove(options, origin="http://evil.example")})
    assert client.post(STEP, {"passkey": key.prove(options)}).status_code == 422
    assert options_of(refused)["challenge"] != options["challenge"]
    assert not signed_in(client)


def test_a_challenge_is_forgotten_after_minutes(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    options = options_of(client.get(STEP))
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        answer = client.post(STEP, {"passkey": key.prove(options)})
    assert "took too long" in answer.content.decode()
    assert SecondFactor.objects.get(user=alice).failures == 0


def test_a_challenge_counts_for_what_it_was_asked_for(key: Authenticator, alice: User):
    client = browser()
    options = options_of(client.get(ALONE))
    sign_in(client, alice)
    client.post(STEP, {"passkey": key.prove(options)})
    assert not signed_in(client)


def test_a_counter_that_does_not_move_on_tells_of_a_copy(key: Authenticator, alice: User):
    for path in (STEP, ALONE):
        client = browser()
        if path == STEP:
            sign_in(client, alice)
        key.count = 1
        answer = client.post(path, {"passkey": key.prove(options_of(client.get(path)))})
        assert answer.status_code == 422
        assert not signed_in(client)
    told = AuditEntry.objects.filter(event_type="passkey_copied", entity_id=alice.pk)
    assert [one.severity for one in told] == ["high", "high"]
    assert Passkey.objects.get().sign_count == 1


def test_devices_that_do_not_count_are_accepted_again_and_again(alice: User):
    client, key = browser(), Authenticator()
    key.count = 0
    sign_in(client, alice)
    add(client, key)
    for _time in range(2):
        client = browser()
        sign_in(client, alice)
        client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)))})
        assert signed_in(client)


def test_wrong_answers_lock_as_wrong_codes_do(key: Authenticator, alice: User):
    client = browser()
    sign_in(client, alice)
    answers = [
        client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)), origin="http://evil.example")})
        for _attempt in range(5)
    ]
    assert [one.status_code for one in answers] == [422, 422, 422, 422, 302]
    sign_in(client, alice)
    client.post(STEP, {"passkey": key.prove(options_of(client.get(STEP)))})
    assert not signed_in(client)
    assert "two_factor_account_locked" in events(alice)


def test_a_passkey_alone_signs_in_who_the_device_made_sure_of(key: Authenticator, alice: User):
    client = browser()
    options = options_of(client.get(ALONE))
    assert "allowCredentials" not in options
    assert client.post(ALONE, {"passkey": key.prove(options), "next": "/me/security/"})["Location"] == "/me/security/"
    assert signed_in(client)
    client = browser()
    answer = client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)), flags=FLAG.UP)})
    assert answer.status_code == 422
    assert not signed_in(client)


def test_a_passkey_alone_names_its_owner_and_an_enabled_account(key: Authenticator, alice: User):
    client = browser()
    stranger = Authenticator()
    stranger.domain = "localhost"
    for answer in (
        lambda options: key.prove(options, handle="AAAA"),
        lambda options: stranger.prove(options, handle=key.handle),
        lambda options: "no JSON",
        lambda options: "[" * 100_000,
        lambda options: json.dumps({"id": 1}),
    ):
        given = answer(options_of(client.get(ALONE)))
        assert client.post(ALONE, {"passkey": given}).status_code == 422
    User.objects.filter(pk=alice.pk).update(enabled=False)
    client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))})
    assert not signed_in(client)


def test_guessing_blocks_the_address_and_nobody_else(key: Authenticator):
    client = browser()
    for _attempt in range(5):
        wrong = key.prove(options_of(client.get(ALONE)), origin="http://evil.example")
        assert client.post(ALONE, {"passkey": wrong}).status_code == 422
    assert client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))}).status_code == 429
    elsewhere = Client(SERVER_NAME="localhost", REMOTE_ADDR="192.0.2.9")
    elsewhere.post(ALONE, {"passkey": key.prove(options_of(elsewhere.get(ALONE)))})
    assert signed_in(elsewhere)
    assert not LoginAttempt.objects.filter(username="alice", success=False).exists()


def test_protected_pages_take_a_passkey_beside_the_password(key: Authenticator, alice: User):
    client = browser()
    client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))})
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        path = reverse("remove_passkey", args=(Passkey.objects.get().pk,))
        assert client.post(path)["Location"].startswith(reverse("confirm"))
        assert Passkey.objects.exists()
        page = client.get(reverse("confirm"))
        given = {"passkey": key.prove(options_of(page)), "password": "wrong"}
        assert client.post(reverse("confirm"), given).status_code == 422
        given = {"passkey": key.prove(options_of(client.get(reverse("confirm")))), "password": password_of("alice")}
        assert client.post(reverse("confirm"), given).status_code == 302
        assert client.post(path)["Location"] == reverse("security")
    assert not Passkey.objects.exists()


def test_without_the_last_passkey_the_password_is_enough_again(key: Authenticator, alice: User):
    client = browser()
    client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))})
    client.post(reverse("remove_passkey", args=(Passkey.objects.get().pk,)))
    assert not second_factor.is_on(alice)
    assert not RecoveryCode.objects.filter(user=alice).exists()
    assert {"passkey_removed", "2fa_disabled"} <= events(alice)
    client.post(reverse("sign_out"))
    sign_in(client, alice)
    assert signed_in(client)


def test_who_must_have_a_second_factor_keeps_the_last_one(root: User):
    client, key = browser(), Authenticator()
    sign_in(client, root)
    add(client, key)
    path = reverse("remove_passkey", args=(Passkey.objects.get().pk,))
    assert "add another one first" in client.post(path, follow=True).content.decode()
    assert second_factor.is_on(root)
    add(client, Authenticator())
    client.post(path)
    assert Passkey.objects.count() == 1
    assert second_factor.is_on(root)


def test_app_and_passkeys_stand_side_by_side(alice: User):
    client, key = browser(), Authenticator()
    secret, codes = with_second_factor(alice)
    sign_in(client, alice)
    client.post(STEP, {"code": current_code(secret)})
    assert add(client, key) == []
    client.post(reverse("remove_passkey", args=(Passkey.objects.get().pk,)))
    assert second_factor.has_app(alice)
    add(client, Authenticator())
    client.post(reverse("replace_second_factor"))
    assert not second_factor.has_app(alice)
    assert second_factor.is_on(alice)
    client.post(reverse("sign_out"))
    sign_in(client, alice)
    client.post(STEP, {"code": current_code(secret, 1)})
    assert not signed_in(client)
    client.post(STEP, {"code": codes[0]})
    assert signed_in(client)


def test_a_passkey_gets_another_name_and_is_nobody_elses(key: Authenticator, alice: User, bob: User):
    passkey, client, stranger = Passkey.objects.get(), browser(), browser()
    client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))})
    path = reverse("rename_passkey", args=(passkey.pk,))
    assert client.post(path, {"name": "x" * 65}).status_code == 422
    client.post(path, {"name": "Office"})
    sign_in(stranger, bob)
    assert stranger.post(path, {"name": "mine"}).status_code == 404
    assert stranger.get(path).status_code == 404
    assert stranger.post(reverse("remove_passkey", args=(passkey.pk,))).status_code == 404
    passkey.refresh_from_db()
    assert passkey.name == "Office"
    assert "passkey_renamed" in events(alice)


def test_only_keys_that_were_asked_for_are_kept(key: Authenticator, alice: User):
    client = browser()
    client.post(ALONE, {"passkey": key.prove(options_of(client.get(ALONE)))})
    path = reverse("add_passkey")
    options = options_of(client.get(path))
    assert [one["id"] for one in options["excludeCredentials"]]
    # The same key again, one of another algorithm, one for another page.
    odd = ES384.from_cryptography_key(ec.generate_private_key(ec.SECP384R1()).public_key())
    for answer in (
        key.make(options),
        Authenticator().make(options_of(client.get(path)), key=odd),
        Authenticator().make(options_of(client.get(path)), origin="http://evil.example"),
    ):
        assert client.post(path, {"name": "x", "passkey": answer}).status_code == 422
    assert Passkey.objects.count() == 1


def test_people_are_named_by_chance_to_their_devices(key: Authenticator, alice: User, bob: User):
    client, other = browser(), Authenticator()
    sign_in(client, bob)
    add(client, other)
    assert key.handle != other.handle
    assert len(key.handle) == 86
    second = browser()
    second.post(ALONE, {"passkey": key.prove(options_of(second.get(ALONE)))})
    assert options_of(second.get(reverse("add_passkey")))["user"]["id"] == key.handle


def test_addresses_that_browsers_know_no_passkeys_at_say_so(alice: User):
    for name in ("testserver", "127.0.0.1", "[::1]"):
        client = Client(SERVER_NAME=name)
        sign_in(client, alice)
        page = client.get(reverse("add_passkey")).content.decode()
        assert "encrypted connections only" in page
        assert "data-options" not in page
        assert "passkey" not in Client(SERVER_NAME=name).get(reverse("sign_in")).content.decode()


def test_another_address_of_the_installation_asks_for_none_of_its_passkeys(key: Authenticator, alice: User):
    client = Client()
    sign_in(client, alice)
    page = client.get(STEP, secure=True)
    client = Client()
    client.post(reverse("sign_in"), {"login": "alice", "password": password_of("alice")}, secure=True)
    page = client.get(STEP, secure=True).content.decode()
    assert "another address of MultiFlexi" in page
    assert "data-options" not in page


def test_basic_and_the_former_sign_in_take_no_password_alone(key: Authenticator, alice: User, client: Client):
    assert client.get("/api/v2/companies/", headers=basic(alice)).status_code == 401
    former = "/api/VitexSoftware/MultiFlexi/1.0.0/login.json"
    answer = client.post(former, {"username": "alice", "password": password_of("alice")}, "application/json")
    assert answer.status_code in (401, 403)
    assert "token" not in answer.json()


def test_an_administrator_takes_lost_passkeys_away(key: Authenticator, alice: User, root: User):
    second_factor.switch_off(Actor(root.pk, Origin.WEB), alice)
    assert not Passkey.objects.exists()
    client = browser()
    sign_in(client, alice)
    assert signed_in(client)


def test_no_page_of_passkeys_holds_anything_inline(key: Authenticator, alice: User):
    client = browser()
    pages = [client.get(ALONE)]
    sign_in(client, alice)
    pages += [client.get(STEP)]
    client.post(STEP, {"passkey": key.prove(options_of(pages[-1]))})
    number = Passkey.objects.get().pk
    pages += [client.get(reverse(name)) for name in ("add_passkey", "confirm", "security")]
    pages += [client.get(reverse("rename_passkey", args=(number,)))]
    for page in (one.content.decode() for one in pages):
        assert re.findall(r"<script(?! src=)", page) == []
        assert re.findall(r"</?style| style=| on[a-z]+=", page) == []
    assert all("script-src 'self'" in one["Content-Security-Policy"] for one in pages)


def test_erasure_takes_passkeys_away(key: Authenticator, alice: User):
    request = ErasureRequest.objects.create(user=alice, user_login="alice", deletion_type=ErasureType.ANONYMIZE)
    erasing.erase(Actor(None), request, alice)
    assert not Passkey.objects.exists()
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_of_two_answers_at_the_same_moment_one_gets_the_challenge(key: Authenticator):
    client = browser()
    answer = key.prove(options_of(client.get(ALONE)))
    both = [RequestFactory(SERVER_NAME="localhost").post(ALONE, {"passkey": answer}) for _request in range(2)]
    for one in both:
        one.session = SessionStore(client.session.session_key)
        # Read before the other one has written.
        assert "passkey_challenge" in one.session
    ceremonies.answered(both[0], "enter")
    with pytest.raises(Refused):
        ceremonies.answered(both[1], "enter")
