"""Rules for new passwords, and protection against guessing them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from multiflexi.models import AuditEntry, Company, LoginAttempt, User
from multiflexi.record.actor import Actor
from multiflexi.services import login_protection, password, password_policy, remembered_passwords, sign_in, user
from multiflexi.services.errors import BadCredential, Invalid, NotPermitted, TooMany
from tests.http import password_of

HERE, THERE = "192.0.2.7", "198.51.100.8"
NOON = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
INSTALLATION = Actor(user_id=None, origin="cli")


@pytest.fixture
def clock(ring: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def guess(login: str = "alice", address: str = HERE, given: str = "wrong", **more: Any) -> str:
    try:
        sign_in.by_password(login, given, address=address, **more)
    except BadCredential:
        return "wrong"
    except TooMany as error:
        return f"wait {error.retry_after}"
    return "in"


def right(login: str = "alice", address: str = HERE, **more: Any) -> str:
    remembered_passwords.forget()
    return guess(login, address, password_of(login), **more)


# --- rules ---


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Ab-1", "at least 8"),
        ("abcdefg-1", "Upper and lower"),
        ("Abcdefghi1", "Upper and lower"),
        ("x" * 257, "at most 256"),
        ("1q2w3e4r5t6y7u8i9o0p", "common"),
        ("Alice.1-alice", "like your name"),
        ("alice@example.org", "like your name"),
        ("MultiFlexi-1", "like your name"),
        ("ACME-Group-1", "like your name"),
    ],
)
def test_refused_passwords(alice: User, ring: None, given: str, told: str) -> None:
    Company.objects.update(name="ACME Group")
    with pytest.raises(Invalid, match=told):
        user.update(INSTALLATION, alice, plaintext=given)


@pytest.mark.parametrize("given", ["Kolik-1-stojí", "correct horse battery staple", "aaaa-BBBB-123", "ž" * 15 + "aQ"])
def test_good_passwords(alice: User, ring: None, given: str) -> None:
    assert user.update(INSTALLATION, alice, plaintext=given)
    assert User.objects.get(pk=alice.pk).check_password(given)


def test_the_recommended_rules_count_length_only(alice: User, ring: None, settings: Any) -> None:
    settings.PASSWORD_RULES = "length"
    user.update(INSTALLATION, alice, plaintext="twelve twelv")
    with pytest.raises(Invalid, match="at least 12"):
        user.update(INSTALLATION, alice, plaintext="Ab-1-Ab-1-A")
    assert password_policy.Classes().get_help_text() == ""


def test_the_owner_changes_the_password_with_the_present_one(alice: User, bob: User, ring: None) -> None:
    actor = Actor(user_id=alice.pk, origin="web", ip=HERE)
    with pytest.raises(BadCredential):
        password.change(actor, alice, present="wrong", new="Kolik-1-stojí")
    with pytest.raises(NotPermitted):
        password.change(actor, bob, present=password_of("bob"), new="Kolik-1-stojí")
    password.change(actor, alice, present=password_of("alice"), new="Kolik-1-stojí")
    assert guess(given="Kolik-1-stojí") == "in"
    assert right() == "wrong"


# --- guessing ---


def test_five_failures_block_the_pair_only(clock: Any, alice: User, bob: User) -> None:
    assert [guess() for _ in range(6)] == ["wrong"] * 5 + ["wait 900"]
    assert right() == "wait 900"
    assert right("bob") == "in"
    clock.shift(timedelta(seconds=60))
    assert right(address=THERE) == "in"
    clock.shift(timedelta(seconds=839))
    assert right() == "wait 1"
    clock.shift(timedelta(seconds=2))
    assert right() == "in"


def test_refused_attempts_do_not_prolong_the_block(clock: Any, alice: User) -> None:
    for _ in range(5):
        guess()
    for _ in range(20):
        clock.shift(timedelta(seconds=40))
        assert guess().startswith("wait")
    clock.shift(timedelta(seconds=101))
    assert right() == "in"
    assert LoginAttempt.objects.filter(success=False).count() == 5


def test_slow_failures_do_not_block(clock: Any, alice: User) -> None:
    for _ in range(8):
        assert guess() == "wrong"
        clock.shift(timedelta(seconds=90))


def test_a_success_forgives_the_pair_only(clock: Any, alice: User) -> None:
    for _ in range(4):
        guess()
    assert guess(address=THERE) == "wrong"
    clock.shift(timedelta(seconds=2))
    assert right() == "in"
    assert [guess() for _ in range(6)][-1] == "wait 900"
    assert LoginAttempt.objects.filter(cleared=True).count() == 4
    assert not LoginAttempt.objects.filter(cleared=True, ip_address=THERE).exists()


def test_an_unknown_account_behaves_the_same(clock: Any, alice: User) -> None:
    assert [guess("nobody") for _ in range(6)] == [guess() for _ in range(6)]


def test_an_address_that_tries_many_accounts_is_blocked(clock: Any, alice: User) -> None:
    answers = [guess(f"user{number}") for number in range(51)]
    assert answers == ["wrong"] * 50 + ["wait 900"]
    assert right() == "wait 900"
    assert right(address=THERE) == "in"


def test_an_ipv6_network_is_one_address(clock: Any, alice: User) -> None:
    for number in range(5):
        guess(address=f"2001:db8:1:2::{number}")
    assert right(address="2001:db8:1:2:ffff::1") == "wait 900"
    assert right(address="2001:db8:1:3::1") == "wait 1"
    clock.shift(timedelta(seconds=2))
    assert right(address="2001:db8:1:3::1") == "in"


def test_many_addresses_only_slow_the_account_down(clock: Any, alice: User) -> None:
    assert right(address=THERE) == "in"
    waits = []
    for number in range(14):
        answer = guess(address=f"203.0.113.{number}")
        if answer.startswith("wait"):
            waits.append(int(answer.split()[1]))
            clock.shift(timedelta(seconds=waits[-1]))
            assert guess(address=f"203.0.113.{number}") == "wrong"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    # Whoever signed in from there before is not held up, nor is a device that proves itself known.
    assert right(address=THERE) == "in"
    assert right(address="203.0.113.200") == "wait 60"
    assert right(address="203.0.113.200", known_device=True) == "in"


def test_an_address_nobody_knows_is_only_slowed_down(clock: Any, alice: User) -> None:
    for _ in range(5):
        assert guess(address="") == "wrong"
    assert right(address="") == "wait 1"


def test_an_administrator_unlocks(clock: Any, alice: User, bob: User, root: User) -> None:
    for _ in range(5):
        guess()
    with pytest.raises(NotPermitted):
        login_protection.unlock(Actor(user_id=bob.pk, origin="api"), user=alice)
    assert login_protection.unlock(Actor(user_id=root.pk, origin="api"), user=alice) == 5
    assert right() == "in"
    assert AuditEntry.objects.filter(event_type="account_unlocked", entity_id=alice.pk).exists()


def test_the_trail_tells_of_failures_and_of_the_block(clock: Any, alice: User) -> None:
    for _ in range(7):
        guess()
    kinds = AuditEntry.objects.order_by("pk").values_list("event_type", "ip_address")
    assert list(kinds) == [("login_failure", HERE)] * 4 + [("brute_force_detected", HERE)]


def test_successes_are_kept_once_a_day(clock: Any, alice: User) -> None:
    for _ in range(3):
        assert right() == "in"
        clock.shift(timedelta(hours=1))
    assert LoginAttempt.objects.filter(success=True).count() == 1


def test_many_guesses_at_once_are_counted(shared_db: None) -> None:
    User.objects.create(login="alice", password="!")
    start = threading.Barrier(12)
    answers: list[str] = []

    def one() -> None:
        start.wait()
        answers.append(guess())
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Those that began at the same instant may not have seen each other.
    assert 5 <= answers.count("wrong") <= 8
    assert guess().startswith("wait")


def test_a_former_password_nobody_used_needs_another_one_and_only_administrators_learn_why(alice: User, clock: Any):
    code = hashlib.md5(b"ab" + password_of("alice").encode()).hexdigest()
    User.objects.filter(pk=alice.pk).update(password=password.ready(f"{code}:ab"))
    clock.move_to(NOON + timedelta(days=90))
    assert right() == "wrong"
    assert LoginAttempt.objects.get().failure_reason == "former password not used for 90 days"
    with pytest.raises(BadCredential) as unknown:
        sign_in.by_password("nobody", "wrong", address=THERE)
    with pytest.raises(BadCredential) as former:
        sign_in.by_password("alice", password_of("alice"), address=THERE)
    assert former.value.message == unknown.value.message
    clock.move_to(NOON + timedelta(days=89))
    assert right(address="203.0.113.5") == "in"
    clock.move_to(NOON + timedelta(days=300))
    assert right(address="203.0.113.5") == "in"
