"""Hashes of former installations fit and are replaced; others fit in every form a password can be typed in."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest
import time_machine
from django.contrib.auth.hashers import make_password

from multiflexi.models import User
from multiflexi.models.passwords import fits, hashed, is_too_old, stored_form

PASSWORD = "Příliš-žluťoučký 1"


def php_bcrypt(password: str, prefix: str) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode().replace("$2b$", prefix, 1)


def former_md5(password: str, salt: str) -> str:
    return f"{hashlib.md5((salt + password).encode()).hexdigest()}:{salt}"


FORMER = [php_bcrypt(PASSWORD, prefix) for prefix in ("$2y$", "$2a$", "$2b$")]
FORMER += [former_md5(PASSWORD, salt) for salt in ("ab", "s$l:t", "0")]


@pytest.mark.parametrize("stored", FORMER, ids=("2y", "2a", "2b", "md5", "md5-odd-salt", "md5-short-salt"))
def test_a_former_hash_fits_and_is_replaced(stored: str) -> None:
    for kept in (stored, stored_form(stored)):
        made: list[str] = []
        assert fits(PASSWORD, str(kept), made.append)
        assert fits(PASSWORD, made[0], lambda one: None)
        assert not fits(PASSWORD + "x", str(kept), made.append)
        assert len(made) == 1
        assert stored_form(made[0]) == made[0]


def test_a_hash_made_elsewhere() -> None:
    # By crypt() of the C library.
    stored = "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"
    assert fits("rasmuslerdorf", stored, lambda one: None)
    assert not fits("rasmuslerdorg", stored, lambda one: None)


def test_only_72_bytes_count_for_bcrypt() -> None:
    stored = php_bcrypt("x" * 80, "$2y$")
    assert fits("x" * 90, stored, lambda one: None)
    assert not fits("x" * 71, stored, lambda one: None)


@pytest.mark.parametrize("stored", ["", "!", "!abc", "plain", "$2y$12$short", "x" * 32 + ":salt"])
def test_nothing_fits_what_is_no_hash(stored: str) -> None:
    for given in (stored, "", "plain"):
        assert not fits(given, stored, lambda one: None)


def test_ready_hashes() -> None:
    assert stored_form("plain") is None
    assert stored_form(make_password("x")) is not None


def test_one_password_typed_in_two_ways() -> None:
    composed, apart = (unicodedata.normalize(form, PASSWORD) for form in ("NFC", "NFD"))
    assert composed != apart
    assert fits(apart, hashed(composed), lambda one: None)
    assert fits(composed, hashed(apart), lambda one: None)
    assert fits(apart, former_md5(apart, "s"), lambda one: None)


@pytest.mark.django_db
def test_the_account_replaces_its_former_hash() -> None:
    user = User.objects.create(login="old", password=former_md5(PASSWORD, "s"))
    assert not user.check_password("wrong")
    assert user.check_password(PASSWORD)
    stored = User.objects.get(login="old").password
    assert not stored.startswith(("former", "$2")) and ":" not in stored
    assert User.objects.get(login="old").check_password(PASSWORD)


@pytest.mark.django_db
def test_a_weak_former_hash_waits_ninety_days_for_its_first_sign_in() -> None:
    stored = stored_form(former_md5(PASSWORD, "s$l:t"))
    strong = stored_form(php_bcrypt(PASSWORD, "$2y$"))
    assert stored and strong
    with time_machine.travel(datetime.now(UTC) + timedelta(days=89)):
        assert not is_too_old(stored)
        assert fits(PASSWORD, stored, lambda one: None)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=90)):
        assert is_too_old(stored)
        assert not fits(PASSWORD, stored, lambda one: None)
        assert fits(PASSWORD, strong, lambda one: None)
    assert stored_form(stored) == stored
    assert is_too_old("former_md5$salt$0123456789abcdef0123456789abcdef")
