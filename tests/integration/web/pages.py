"""What tests of pages do again and again."""

from __future__ import annotations

import time
from typing import Any

from django.test import Client
from django.urls import reverse

from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import second_factor, totp
from tests.http import password_of


def sign_in(client: Client, user: User, **fields: Any) -> Any:
    """Post the sign-in form with the cast's password."""
    given = {"login": user.login, "password": password_of(user.login)} | fields
    return client.post(reverse("sign_in"), given)


def current_code(secret: str, steps_ahead: int = 0) -> str:
    """What the app shows now, or a few steps later."""
    return totp.code_at(secret, totp.step_of(time.time()) + steps_ahead)


def with_second_factor(user: User) -> tuple[str, list[str]]:
    """Secret and recovery codes of a second factor in force, its last step well in the past."""
    secret = second_factor.begin(user)
    codes = second_factor.confirm(Actor(user.pk, Origin.WEB), user, current_code(secret))
    user.second_factor.__class__.objects.filter(user=user).update(last_step=0)
    return secret, codes


def signed_in(client: Client) -> bool:
    """Whether the account page is open."""
    return bool(client.get(reverse("account")).status_code == 200)
