"""The first administrator of an installation: whoever knows the one-time code, as long as there are no accounts."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from multiflexi.access.authority import INSTALLATION
from multiflexi.environ import SettingsError
from multiflexi.models import SUPER_ADMIN, Role, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import login_protection, user
from multiflexi.services.errors import BadCredential, Refused
from multiflexi.services.recovery_codes import CODE_LETTERS
from multiflexi.vault import keyed

SETTING = "MULTIFLEXI_SETUP_CODE"
LENGTH = 8
# The attempts of everybody count under one name; no login is like it, because of the space.
NOBODY = "setup code"


def is_wanted() -> bool:
    """Whether there is no account yet; those of operating-system logins, with which nobody signs in, do not count."""
    used = Q(enabled=True) | Q(email__isnull=False) | Q(last_login__isnull=False) | Q(deleted_at__isnull=False)
    return not User.objects.filter(used, is_system=False).exists()


def code() -> str:
    """The code, the same on all hosts. Raises Refused once there is an account, VaultError and SettingsError."""
    if not is_wanted():
        raise Refused(_("There is an account already; the setup code died with the first one."), "setup_done")
    return configured() or _derived()


def configured() -> str | None:
    """The code of the settings, if there is one. Raises SettingsError for one that can be guessed."""
    given: str | None = settings.MULTIFLEXI_SETUP_CODE
    if given and len(_plain(given)) < LENGTH:
        raise SettingsError(f"{SETTING} is too short: it must have at least {LENGTH} letters and digits.", SETTING)
    return given


def create(
    actor: Actor,
    given: str,
    *,
    login: str,
    email: str,
    plaintext: str,
    firstname: str,
    lastname: str,
    language: str,
    timezone: str,
) -> User:
    """Make the super administrator; call it outside of a transaction. Of several at the same moment one is made.

    Raises BadCredential for a wrong code, TooMany after five of them, Refused when somebody was faster, and as
    `user.create` does.
    """
    right = code()
    attempt = login_protection.begin(NOBODY, actor.ip or "", actor.agent or "", known_device=True)
    if not constant_time_compare(_plain(given), _plain(right)):
        login_protection.failed(attempt, "setup code")
        raise BadCredential(_("This is not the setup code; the server's log and setup:code show it."), "bad_setup_code")
    login_protection.succeeded(attempt)
    with transaction.atomic():
        # Everybody who tries the same waits here, and sees what the first one has made.
        Role.objects.select_for_update().get(name=SUPER_ADMIN)
        if not is_wanted():
            raise Refused(_("Somebody else has just made the first account; sign in with it."), "setup_done")
        made = user.create(
            replace(actor, grants=INSTALLATION),
            login=login,
            email=email,
            plaintext=plaintext,
            roles=[SUPER_ADMIN],
            firstname=firstname,
            lastname=lastname,
            settings={"language": language, "timezone": timezone},
        )
        by_themselves = replace(actor, user_id=made.pk)
        audit.write(by_themselves, "update", made, event_type="setup_completed", severity="high")
    return made


def _derived() -> str:
    """Made from the key of this installation: nothing to store, nothing to share out, and gone with the page."""
    number = int(keyed.code(keyed.current_key(), NOBODY, ""), 16)
    letters = []
    for _place in range(LENGTH):
        number, rest = divmod(number, len(CODE_LETTERS))
        letters.append(CODE_LETTERS[rest])
    text = "".join(letters)
    return f"{text[: LENGTH // 2]}-{text[LENGTH // 2 :]}"


def _plain(text: str) -> str:
    return "".join(one for one in text if one.isalnum()).upper()
