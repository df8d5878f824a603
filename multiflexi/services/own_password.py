"""Changing one's own password: with the present one, or by a link that proves who asks."""

from __future__ import annotations

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import password, sign_in, web_sessions
from multiflexi.services.errors import Refused


def change(actor: Actor, user: User, *, present: str, new: str, session: str | None) -> None:
    """Give the account a new password and end its other sessions. Raises as `password.change` does."""
    password.change(actor, user, present=present, new=new)
    web_sessions.end_all(user, but=session)


def named(text: str) -> User | None:
    """The one enabled account of a login or e-mail address that can be sent a link."""
    found = list(User.objects.filter(is_system=False, login=text)) or sign_in.owners_of(text)
    return found[0] if len(found) == 1 and found[0].is_active and found[0].email else None


def link_token(user: User) -> str:
    """Proof of who asks, usable once and for an hour; it is worth nothing after the next password or sign-in."""
    return default_token_generator.make_token(user)


def of_link(user_id: int, token: str) -> User:
    """The account that a link was made for. Raises Refused for one that was used or is too old."""
    user = User.objects.filter(pk=user_id, is_system=False).first()
    if user is None or not user.is_active or not default_token_generator.check_token(user, token):
        raise Refused(_("This link was used already or is too old; ask for a new one."), "link_unusable")
    return user


def reset(actor: Actor, user: User, new: str) -> None:
    """Set a password by a link and end all sessions of the account. Raises Invalid for an unusable one."""
    made = password.checked(user, new, field="new")
    with transaction.atomic():
        user.password, user.password_changed_at, user.updated_at = made, timezone.now(), timezone.now()
        user.save(update_fields=["password", "password_changed_at", "updated_at"])
        audit.write(actor, "update", user, severity="medium", event_type="password_change")
    web_sessions.end_all(user)
