"""Setting passwords: by the owner, who knows the present one, or by who may change the account."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import User
from multiflexi.models.passwords import hashed, stored_form
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import sign_in
from multiflexi.services.errors import invalid_field
from multiflexi.services.standing import need_own


def change(actor: Actor, user: User, *, present: str, new: str) -> None:
    """Set the password of the actor's own account; all its sessions but the caller's end by it.

    Wrong present passwords count as failed sign-ins. Raises NotPermitted, BadCredential, TooManyAttempts and Invalid.
    """
    need_own(actor, user)
    sign_in.by_password(user.login, present, address=actor.ip or "", agent=actor.agent or "")
    made = checked(user, new, field="password")
    with transaction.atomic():
        user.password, user.password_changed_at, user.updated_at = made, timezone.now(), timezone.now()
        user.save(update_fields=["password", "password_changed_at", "updated_at"])
        audit.write(actor, "update", user, event_type="password_change", severity="medium")


def checked(user: User, password: str, *, field: str) -> str:
    """The hash of a password that obeys the rules. Raises Invalid naming the field."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise invalid_field(field, " ".join(error.messages)) from None
    return hashed(password)


def ready(text: str) -> str:
    """The form a hash made elsewhere is stored in. Raises Invalid."""
    known = stored_form(text)
    if known is None:
        raise invalid_field("password", _("this is no known password hash; give the clear password instead."))
    return known
