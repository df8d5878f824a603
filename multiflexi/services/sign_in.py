"""Signing in with login and password, for every surface that takes them."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import User
from multiflexi.services import remembered_passwords
from multiflexi.services.errors import BadCredential


def by_password(login: str, password: str) -> User:
    """The enabled account with this password. Raises BadCredential, the same for all reasons.

    The account is read each time; only that the password fits its stored hash is remembered for a while.
    """
    user = User.objects.select_related("second_factor").filter(login=login, is_system=False).first()
    if not _fits(user, password) or user is None or not user.is_active:
        raise BadCredential(_("Login or password is wrong, or the account is disabled."), "bad_password")
    return user


def _fits(user: User | None, password: str) -> bool:
    if user is None or not password or not user.has_usable_password():
        # As long as a real check takes, so that nobody can tell which accounts exist.
        make_password(password)
        return False
    if remembered_passwords.holds(user.password, password):
        return True
    if not check_password(password, user.password, setter=lambda clear: _upgrade(user, clear)):
        return False
    remembered_passwords.keep(user.password, password)
    return True


def _upgrade(user: User, password: str) -> None:
    """Store a password that was proven right under the current hash; unless it was changed meanwhile."""
    before, user.password = user.password, make_password(password)
    User.objects.filter(pk=user.pk, password=before).update(password=user.password, updated_at=timezone.now())


def login_of(text: str) -> str:
    """The login that somebody means who may have typed an e-mail address; a login that looks like one goes first."""
    if "@" not in text or User.objects.filter(login=text).exists():
        return text
    owners = list(User.objects.filter(email__iexact=text, is_system=False).values_list("login", flat=True)[:2])
    return owners[0] if len(owners) == 1 else text
