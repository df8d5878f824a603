"""API tokens: made for oneself or, by administrators, for others; shown once, stored as a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.access.matrix import Scope
from multiflexi.models import Company, Token, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, revocation
from multiflexi.services.addresses import network
from multiflexi.services.errors import Conflict, invalid_field
from multiflexi.services.rights import OF_THE_INSTALLATION, grants_of
from multiflexi.services.standing import need_in_place_of, need_over, need_own_or_in_place_of, need_own_or_over
from multiflexi.services.token_check import hashed

NOUN = "Token"
PREFIX = "mfx_"
RANDOM_BYTES = 32
SHOWN = 12
SHORTEST = 20
UNSET: Any = object()


class Created(NamedTuple):
    """A token and its value, which is told this once."""

    token: Token
    value: str


def query(actor: Actor, *, user: User | None = None) -> QuerySet[Token]:
    """Tokens of one account, without one those of the actor; administrators ask for anybody's, the command line for
    all. Raises NotPermitted."""
    rows = Token.objects.select_related("user")
    if user is None:
        return rows if actor.origin in OF_THE_INSTALLATION else rows.filter(user_id=actor.user_id or 0)
    if user.pk != actor.user_id:
        need_over(actor, "users.read", user)
    return rows.filter(user=user)


def find(actor: Actor, reference: Any) -> Token:
    """By id: one's own, or for administrators anybody's. Raises NotFound."""
    rows = query(actor)
    if grants_of(actor).permits("users.update"):
        rows = Token.objects.select_related("user")
    return lookup.by_id(rows, NOUN, reference)


def create(
    actor: Actor,
    user: User,
    *,
    label: str = "",
    until: datetime | None = None,
    scopes: Iterable[str] | None = None,
    companies: Iterable[int] | None = None,
    networks: Iterable[str] | None = None,
    value: str | None = None,
) -> Created:
    """Make a token; None for scopes, companies or networks is no limit, beyond those of the account.

    `value` is a token known elsewhere, as an import brings it. Raises NotPermitted, Invalid and Conflict.
    """
    need_own_or_in_place_of(actor, "users.update", user)
    limits = _limits(user, label=label, until=until, scopes=scopes, companies=companies, networks=networks)
    made = value or f"{PREFIX}{secrets.token_urlsafe(RANDOM_BYTES)}"
    with transaction.atomic():
        token = Token(user=user, token_hash=_new_hash(made), prefix=_shown(made), **limits)
        changes.check(token)
        token.save(force_insert=True)
        audit.write(
            actor,
            "create",
            token,
            severity="medium",
            changes=changes.created({**limits, "prefix": token.prefix}),
            data={"user_id": user.pk},
        )
    return Created(token, made)


def update(actor: Actor, token: Token, *, value: str | None = None, user: User | None = None, **limits: Any) -> bool:
    """Change name, limits, value or owner, and say whether anything changed. Raises as `create`."""
    need_own_or_in_place_of(actor, "users.update", token.user)
    if user is not None and user != token.user:
        need_in_place_of(actor, "users.update", user)
    given = _limits(user or token.user, **limits)
    if value:
        given |= {"token_hash": _new_hash(value, token), "prefix": _shown(value)}
    if user is not None:
        given["user_id"] = user.pk
    with transaction.atomic():
        token.refresh_from_db(from_queryset=Token.objects.select_for_update())
        changed = changes.assign(token, given)
        if not changed:
            return False
        changes.check(token)
        changes.save(token, changed)
        audit.write(
            actor, "update", token, severity="medium", changes=changes.for_audit(changed, secret=("token_hash",))
        )
        revocation.recheck(actor, token.user)
    return True


def revoke(actor: Actor, token: Token) -> bool:
    """Withdraw a token at once and for ever, with what it asked for and has not started; False when that was done
    before. Raises NotPermitted."""
    # A token may end itself: signing out is no more than that.
    if token.pk != actor.token_id:
        need_own_or_over(actor, "users.update", token.user)
    with transaction.atomic():
        if not Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            return False
        audit.write(actor, "revoke", token, severity="medium", data={"user_id": token.user_id, "prefix": token.prefix})
        revocation.recheck(actor, token.user)
    return True


def remove(actor: Actor, token: Token) -> None:
    """Delete a token, which withdraws it as well. Raises NotPermitted."""
    need_own_or_over(actor, "users.update", token.user)
    with transaction.atomic():
        audit.write(
            actor, "delete", token, severity="medium", changes=changes.for_audit({"prefix": (token.prefix, None)})
        )
        token.delete()
        revocation.recheck(actor, token.user)


def _limits(user: User, **given: Any) -> dict[str, Any]:
    values: dict[str, Any] = {name: given[name] for name in ("label", "until") if name in given}
    if values.get("until") and values["until"] <= timezone.now():
        raise invalid_field("until", "the token would have expired already; give a time to come or leave it empty.")
    for name, column, check in (
        ("scopes", "scopes", _scopes),
        ("companies", "company_ids", lambda wanted: _companies(user, wanted)),
        ("networks", "networks", _networks),
    ):
        if name in given:
            values[column] = None if given[name] is None else check(list(given[name]))
    return values


def _scopes(wanted: Collection[str]) -> list[str]:
    unknown = sorted(set(wanted) - set(Scope.values))
    if unknown or not wanted:
        raise invalid_field("scopes", f"use one or more of {', '.join(Scope.values)}.", unknown=unknown)
    return sorted(set(wanted))


def _companies(user: User, wanted: Collection[Any]) -> list[int]:
    numbers = {int(one) for one in wanted if lookup.is_id(one)}
    known = set(Company.objects.visible_to(user).filter(pk__in=numbers).values_list("pk", flat=True))
    if not wanted or len(numbers) != len(set(wanted)) or known != numbers:
        raise invalid_field("companies", f"give ids of one or more companies that {user.login} is a member of.")
    return sorted(numbers)


def _networks(wanted: Collection[str]) -> list[str]:
    try:
        found = [str(network(str(one))) for one in wanted]
    except ValueError as error:
        raise invalid_field("networks", f"{error}; write addresses and networks such as 192.0.2.0/24.") from None
    if not found:
        raise invalid_field("networks", "give one or more addresses or networks such as 192.0.2.0/24.")
    return found


def _new_hash(value: str, token: Token | None = None) -> str:
    if len(value) < SHORTEST:
        raise invalid_field("token", f"a token needs at least {SHORTEST} characters; leave it out to get a safe one.")
    code = hashed(value)
    if Token.objects.exclude(pk=token.pk if token else 0).filter(token_hash=code).exists():
        raise Conflict("This token exists already; choose another one.", "token_exists", details={"field": "token"})
    return code


def _shown(value: str) -> str:
    """What may be shown of a token for recognition: little of one that is not long."""
    return value[:SHOWN] if len(value) >= 2 * SHOWN + SHORTEST else value[:4]
