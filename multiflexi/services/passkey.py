"""Passkeys of accounts: adding and removing them, and signing in with one."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import Passkey, SecondFactor, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import login_protection, lookup, recovery_codes, second_factor, webauthn
from multiflexi.services.errors import BadCredential, Conflict, Refused, invalid_field
from multiflexi.services.standing import need_own
from multiflexi.services.webauthn import Options, Shown, Site, State

MOST = 20
# Who signs in by a passkey alone types no login; nobody has this one, because of the space.
NOBODY = "passkey alone"


def of_account(user: User) -> QuerySet[Passkey]:
    """The account's passkeys, the oldest first."""
    return Passkey.objects.filter(user=user).order_by("created_at", "pk")


def find(user: User, number: Any) -> Passkey:
    """One of the account's own. Raises NotFound."""
    return lookup.by_id(of_account(user), "Passkey", number)


def ask_for_new(user: User, site: Site) -> tuple[Options, State]:
    """What asks the browser for another passkey, and what `add` needs. Raises Refused when there are enough."""
    known = list(of_account(user).values_list("credential", flat=True))
    if len(known) >= MOST:
        raise Refused(
            _("This account has %(most)d passkeys, which is the most; remove one first.") % {"most": MOST},
            "too_many_passkeys",
        )
    row, _made = SecondFactor.objects.get_or_create(user=user)
    SecondFactor.objects.filter(pk=row.pk, handle=None).update(handle=secrets.token_urlsafe(64))
    row.refresh_from_db(fields=["handle"])
    name = " ".join(one for one in (user.firstname, user.lastname) if one) or user.login
    return webauthn.creation(site, handle=str(row.handle), login=user.login, name=name, known=known)


def add(actor: Actor, user: User, site: Site, state: State, answer: Any, *, name: str) -> list[str]:
    """Keep a new passkey; the recovery codes, shown this once, where it is the account's first second factor.

    Raises NotPermitted, BadCredential, Invalid, and Conflict for one that is known already.
    """
    need_own(actor, user)
    given = _usable(name)
    made = webauthn.made(site, state, answer)
    with transaction.atomic():
        row, _new = SecondFactor.objects.select_for_update().get_or_create(user=user)
        if Passkey.objects.filter(credential_hash=made.credential_hash).exists():
            raise Conflict(_("This passkey is in use already; choose another one."), "passkey_exists")
        first = not row.is_on
        passkey = Passkey.objects.create(
            user=user,
            name=given,
            domain=site.domain,
            credential=made.credential,
            credential_hash=made.credential_hash,
            sign_count=made.sign_count,
        )
        if row.passkeys_since is None:
            row.passkeys_since = timezone.now()
            row.save(update_fields=["passkeys_since"])
        codes = recovery_codes.replace(user) if first else []
        _record(actor, passkey, "passkey_added")
    return codes


def rename(actor: Actor, passkey: Passkey, name: str) -> None:
    """Give another name. Raises NotPermitted and Invalid."""
    need_own(actor, passkey.user)
    given = _usable(name)
    with transaction.atomic():
        before, passkey.name = passkey.name, given
        passkey.save(update_fields=["name"])
        if before != given:
            _record(actor, passkey, "passkey_renamed", before=before)


def remove(actor: Actor, passkey: Passkey) -> None:
    """Take one away; with the last proof beside the password the second factor goes off.

    Raises NotPermitted, and Refused where the account's roles take a second factor and this is the last.
    """
    user = passkey.user
    need_own(actor, user)
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().get(user=user)
        last = not of_account(user).exclude(pk=passkey.pk).exists()
        if last and row.confirmed_at is None and second_factor.required_from(user):
            raise Refused(
                _("Your role takes a second factor, and this is your only one; add another one first."),
                "second_factor_required",
            )
        _record(actor, passkey, "passkey_removed", severity="high")
        if last and row.confirmed_at is None:
            second_factor.switch_off(actor, user)
            return
        passkey.delete()
        if last:
            row.passkeys_since = None
            row.save(update_fields=["passkeys_since"])


def ask(user: User, site: Site) -> tuple[Options, State] | None:
    """What asks the browser for one of the account's passkeys, and what `check` needs; None without any for here."""
    known = list(of_account(user).filter(domain=site.domain).values_list("credential", flat=True))
    return webauthn.request(site, known, verified=False) if known else None


def check(actor: Actor, user: User, site: Site, state: State, answer: Any) -> None:
    """Accept a passkey of the account as its second factor, as `second_factor.check` does. Raises BadCredential."""

    def take(row: SecondFactor) -> str | None:
        try:
            given = webauthn.shown(answer)
            found = of_account(user).filter(credential_hash=given.credential_hash, domain=site.domain).first()
            return "passkey_used" if found and _take(actor, found, site, state, given) else None
        except BadCredential:
            return None

    second_factor.prove(actor, user, take, _not_accepted())


def ask_anybody(site: Site) -> tuple[Options, State]:
    """What asks the browser for a passkey of whichever account, used by a person whom the device made sure of."""
    return webauthn.request(site, None, verified=True)


def recognise(actor: Actor, site: Site, state: State, answer: Any) -> User:
    """The enabled account of the passkey, which proves more than a password does; call it outside of a transaction.

    Raises BadCredential, the same for all reasons, and TooMany with the seconds to wait.
    """
    # Strangers slow down nobody but their own address by this, since all accounts share the name.
    attempt = login_protection.begin(NOBODY, actor.ip or "", actor.agent or "", known_device=True)
    try:
        given = webauthn.shown(answer)
        found = Passkey.objects.select_related("user__second_factor").filter(
            credential_hash=given.credential_hash, domain=site.domain, user__is_system=False
        )
        passkey = found.first()
        if passkey is None or not passkey.user.is_active or given.handle != passkey.user.second_factor.handle:
            raise _not_accepted()
        if not _take(actor, passkey, site, state, given):
            raise _not_accepted()
    except BadCredential:
        login_protection.failed(attempt, "passkey")
        raise _not_accepted() from None
    login_protection.succeeded(attempt)
    with transaction.atomic():
        _record(replace(actor, user_id=passkey.user_id), passkey, "passkey_used", severity="low")
    return passkey.user


def _take(actor: Actor, passkey: Passkey, site: Site, state: State, given: Shown) -> bool:
    """Whether the answer is right and its counter has moved on; else there is a copy. Raises BadCredential."""
    count = webauthn.proven(site, state, passkey.credential, given)
    # Devices that do not count say 0 for ever.
    moved_on = Q(sign_count__lt=count) | (Q(sign_count=0) if count == 0 else Q(pk__in=()))
    if Passkey.objects.filter(moved_on, pk=passkey.pk).update(sign_count=count, last_used_at=timezone.now()):
        return True
    with transaction.atomic():
        _record(actor, passkey, "passkey_copied", severity="high", outcome="failed", counter=count)
    return False


def _usable(name: str) -> str:
    given = name.strip()
    longest = Passkey._meta.get_field("name").max_length or 0
    if not given or len(given) > longest:
        raise invalid_field("name", _("a name has 1 to %(longest)d characters.") % {"longest": longest})
    return given


def _not_accepted() -> BadCredential:
    return BadCredential(_("The passkey was not accepted; try again."), "bad_passkey")


def _record(
    actor: Actor, passkey: Passkey, event: str, *, severity: str = "medium", outcome: str = "done", **data: Any
) -> None:
    told = {"passkey": passkey.pk, "name": passkey.name, "domain": passkey.domain, **data}
    audit.write(actor, "update", passkey.user, severity=severity, outcome=outcome, event_type=event, data=told)
