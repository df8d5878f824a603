"""The second factor of an account: codes of an app, what is asked at sign-in, and taking it away.

Passkeys are the other kind; see `multiflexi.services.passkey`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import Passkey, SecondFactor, User, UserRole
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import recovery_codes, totp
from multiflexi.services.errors import BadCredential, Refused, invalid_field
from multiflexi.services.standing import need_over
from multiflexi.vault import envelope, keyring

MOST_FAILURES = 5
LOCK = timedelta(minutes=15)
SET_UP_WITHIN = timedelta(minutes=15)


def is_on(user: User) -> bool:
    """Whether the account proves a second factor when it signs in."""
    return SecondFactor.objects.in_force().filter(user=user).exists()


def has_app(user: User) -> bool:
    """Whether codes of an app are a second factor of the account."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def accounts() -> QuerySet[User]:
    """Accounts, each read together with what `came_with` and `refuse_password_alone` ask of it."""
    roles = settings.MULTIFLEXI_SECOND_FACTOR_ROLES
    held = UserRole.objects.in_force().filter(user=OuterRef("pk"), role__name__in=roles)
    since = held.order_by("assigned_at").values("assigned_at")[:1]
    return User.objects.select_related("second_factor").annotate(required_since=Subquery(since))


def came_with(user: User) -> bool:
    """Whether an account that was read together with its second factor has one, without another query."""
    row: SecondFactor | None = getattr(user, "second_factor", None)
    return row is not None and row.is_on


def refuse_password_alone(user: User) -> None:
    """Raise BadCredential where only the password can be given, for an account that has a second factor or should.

    The account is one of `accounts`.
    """
    if came_with(user):
        raise BadCredential(
            _("This account has a second factor, which cannot be given here; use an API token instead."),
            "second_factor_on",
        )
    since: datetime | None = getattr(user, "required_since", None)
    if since is not None and _deadline(since) <= timezone.now():
        raise BadCredential(
            _(
                "A role of this account asks for a second factor, and it has none; sign in to the pages to set one up, "
                "and use an API token here."
            ),
            "second_factor_overdue",
        )


def required_from(user: User) -> datetime | None:
    """From when on the account may not go on without a second factor; None when its roles do not ask for one."""
    roles = settings.MULTIFLEXI_SECOND_FACTOR_ROLES
    held = user.role_assignments.in_force().filter(role__name__in=roles)
    since = held.aggregate(since=Min("assigned_at"))["since"]
    return _deadline(since) if since else None


def is_overdue(user: User) -> bool:
    """Whether the account must set one up before anything else."""
    if is_on(user):
        return False
    deadline = required_from(user)
    return deadline is not None and deadline <= timezone.now()


def begin(user: User) -> str:
    """The secret to put into an app; it counts once `confirm` saw a code of it. Raises Refused when one is in force."""
    with transaction.atomic():
        row, _made = SecondFactor.objects.select_for_update().get_or_create(user=user)
        if row.confirmed_at:
            raise Refused(
                _("This account has a second factor already; switch it off before you set up another one."),
                "second_factor_on",
            )
        if row.secret and row.created_at + SET_UP_WITHIN > timezone.now():
            return _secret(row)
        # One that lay about might have been seen by somebody else.
        secret, row.created_at = totp.new_secret(), timezone.now()
        row.secret = envelope.seal(
            secret, key=keyring.PERSONAL_DATA, table="second_factor", field="secret", record=row.pk
        )
        row.save(update_fields=["secret", "created_at"])
    return secret


def confirm(actor: Actor, user: User, code: str) -> list[str]:
    """Put the app in force with a first code; the recovery codes, shown this once, which replace those there were.

    Raises Invalid, and Refused when none was begun.
    """
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at=None).exclude(secret="").first()
        if row is None:
            raise Refused(_("There is nothing to confirm; begin again."), "second_factor_unknown")
        step = totp.matching_step(_secret(row), _plain(code), time.time())
        if step is None:
            raise invalid_field(
                "code", _("this is not the code that the app shows now; check the clock of the device and try again.")
            )
        row.confirmed_at, row.last_step, row.failures, row.locked_until = timezone.now(), step, 0, None
        row.save()
        codes = recovery_codes.replace(user)
        audit.write(actor, "update", user, severity="medium", event_type="2fa_enabled")
    return codes


def check(actor: Actor, user: User, code: str) -> None:
    """Accept a code of the app, or a recovery code, each of them once. Raises BadCredential."""
    wrong = BadCredential(_("The code is wrong or was used already; wait for the next one."), "bad_code")
    prove(actor, user, lambda row: _take(row, _plain(code)), wrong)


def prove(actor: Actor, user: User, take: Callable[[SecondFactor], str | None], wrong: BadCredential) -> None:
    """Accept what `take` finds right, which it names as an event of the audit trail. Raises BadCredential.

    Five wrong ones in a row lock the second factor for 15 minutes; only who knows the password gets that far.
    """
    row = SecondFactor.objects.in_force().filter(user=user).first()
    if row is None:
        raise BadCredential(_("This account has no second factor."), "second_factor_off")
    now = timezone.now()
    if row.locked_until and row.locked_until > now:
        minutes = int((row.locked_until - now).total_seconds()) // 60 + 1
        raise BadCredential(
            _("Too many wrong codes; try again in %(minutes)s minutes.") % {"minutes": minutes}, "second_factor_locked"
        )
    with transaction.atomic():
        used = take(row)
        if used:
            SecondFactor.objects.filter(pk=row.pk).update(failures=0, locked_until=None)
            audit.write(actor, "sign_in", user, event_type=used)
    if not used:
        _note_failure(actor, row)
        raise wrong


def new_codes(actor: Actor, user: User) -> list[str]:
    """Replace all recovery codes; the new ones, which are shown this once. Raises Refused without second factor."""
    if not is_on(user):
        raise Refused(_("This account has no second factor; set one up first."), "second_factor_off")
    with transaction.atomic():
        codes = recovery_codes.replace(user)
        audit.write(actor, "update", user, severity="medium", event_type="two_factor_backup_regenerated")
    return codes


def drop_app(actor: Actor, user: User) -> None:
    """Take the app of one's own account away to use another one; passkeys and recovery codes stay."""
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(user=user).first()
        if row is None or row.passkeys_since is None:
            switch_off(actor, user)
        elif row.confirmed_at:
            row.confirmed_at, row.secret = None, ""
            row.save(update_fields=["confirmed_at", "secret"])
            audit.write(actor, "update", user, severity="high", event_type="2fa_app_removed")


def switch_off(actor: Actor, user: User) -> bool:
    """Take all of the second factor away, one's own or, with `users.update`, another account's that is no higher.

    Says whether there was one. Raises NotPermitted.
    """
    if actor.user_id != user.pk:
        need_over(actor, "users.update", user)
    with transaction.atomic():
        was_on = is_on(user)
        SecondFactor.objects.filter(user=user).delete()
        Passkey.objects.filter(user=user).delete()
        recovery_codes.remove(user)
        if was_on:
            audit.write(actor, "update", user, severity="high", event_type="2fa_disabled")
    return was_on


def _deadline(since: datetime) -> datetime:
    return since + timedelta(days=settings.MULTIFLEXI_SECOND_FACTOR_GRACE)


def _secret(row: SecondFactor) -> str:
    return envelope.open_sealed(row.secret, table="second_factor", field="secret", record=row.pk)


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").upper()


def _take(row: SecondFactor, code: str) -> str | None:
    """Mark a right code as used; what it was. Another host may be doing the same: one of both wins."""
    step = totp.matching_step(_secret(row), code, time.time()) if row.confirmed_at else None
    if step is not None:
        return "2fa_used" if SecondFactor.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step) else None
    return "two_factor_backup_used" if recovery_codes.take(row.user_id, code) else None


def _note_failure(actor: Actor, row: SecondFactor) -> None:
    rows = SecondFactor.objects.filter(pk=row.pk)
    rows.update(failures=F("failures") + 1)
    if not rows.filter(failures__gte=MOST_FAILURES).update(failures=0, locked_until=timezone.now() + LOCK):
        return
    with transaction.atomic():
        audit.write(actor, "sign_in", row.user, severity="high", event_type="two_factor_account_locked")
