"""Signing in with login and password, for every surface that takes them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cache

from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import User
from multiflexi.models.passwords import hashed, is_too_old, normal
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import login_protection, remembered_passwords, second_factor
from multiflexi.services.errors import BadCredential

ACTIVITY_EVERY = timedelta(hours=1)


def by_password(login: str, password: str, *, address: str, agent: str = "", known_device: bool = False) -> User:
    """The enabled account with this password; call it outside of a transaction, or attempts are forgotten.

    Raises BadCredential, the same and after the same time for all reasons, and TooMany while it is blocked. The
    account is read each time; only that the password fits its stored hash is remembered for a while.
    """
    if "\0" in login:
        # No account is called so, and PostgreSQL refuses even to look for it.
        raise _bad_password()
    user = second_factor.accounts().filter(login=login, is_system=False).first()
    active = user if user is not None and user.is_active and password else None
    if active and remembered_passwords.holds(active.password, normal(password)):
        return active
    attempt = login_protection.begin(login, address, agent, known_device=known_device)
    right = _is_right(user, password)
    if active is None or not right:
        login_protection.failed(attempt, _reason(user, right))
        raise _bad_password()
    login_protection.succeeded(attempt)
    remembered_passwords.keep(active.password, normal(password))
    return active


def note(actor: Actor, user: User) -> None:
    """Record that somebody signed in to stay: with a session, or a token made for the password."""
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login=now, last_login_ip=actor.ip, last_activity_at=now)
    audit.write(actor, "login", user, event_type="login_success")


def login_of(text: str) -> str:
    """The login that somebody means who may have typed an e-mail address; a login that looks like one goes first."""
    if "@" not in text or User.objects.filter(login=text).exists():
        return text
    owners = owners_of(text)
    return owners[0].login if len(owners) == 1 else text


def owners_of(mail: str) -> list[User]:
    """The accounts with this e-mail address, whatever the case of its letters; two at most, which is one too many."""
    # Comparing without regard to case is left to the collation by some databases, and ours has it.
    rows = User.objects.filter(is_system=False).annotate(lower_mail=Lower("email"))
    return list(rows.filter(lower_mail=mail.lower()).order_by("pk")[:2])


def note_activity(user: User) -> None:
    """Record that the account is in use; seldom, because every request comes by here."""
    now = timezone.now()
    if user.last_activity_at is None or user.last_activity_at <= now - ACTIVITY_EVERY:
        User.objects.filter(pk=user.pk).update(last_activity_at=now, inactive_since=None)


def _bad_password() -> BadCredential:
    return BadCredential(
        _("Login or password is wrong, the account is disabled, or the password was not used for too long."),
        "bad_password",
    )


def _is_right(user: User | None, password: str) -> bool:
    """Compares with a password nobody knows where there is none, so that nobody can tell which accounts exist."""
    usable = user is not None and user.has_usable_password() and not is_too_old(user.password)
    asked = user if user is not None and usable else User(password=_decoy())
    return asked.check_password(password) and asked is user


def _reason(user: User | None, right: bool) -> str:
    """What administrators are told, and nobody else."""
    if user is not None and is_too_old(user.password):
        return "former password not used for 90 days"
    return "password" if user and not right else "account"


@cache
def _decoy() -> str:
    return hashed(secrets.token_urlsafe())
