"""Accounts of people; technical accounts are made elsewhere and are not listed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.models import SUPER_ADMIN, Job, Role, User, UserRole
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup
from multiflexi.services.errors import Conflict, Refused, invalid_field
from multiflexi.services.search import containing

NOUN = "User"
PERSONAL = ("login", "email", "firstname", "lastname")
SECRET = ("password",)


def query(actor: Actor, *, enabled: bool | None = None, search: str | None = None) -> QuerySet[User]:
    rows = User.objects.filter(is_system=False)
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return containing(rows, search, "login", "email", "lastname")


def find(actor: Actor, reference: Any) -> User:
    """By id, else by login, else by e-mail. Raises NotFound."""
    rows = query(actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    return rows.filter(login=str(reference)).first() or lookup.by_key(rows, NOUN, email=str(reference))


def find_by(actor: Actor, *, id: Any = None, login: str | None = None, email: str | None = None) -> User:
    """By the first given key. Raises NotFound or Invalid."""
    if id not in (None, ""):
        return find(actor, id)
    for name, wanted in (("login", login), ("email", email)):
        if wanted:
            return lookup.by_key(query(actor), NOUN, **{name: wanted})
    raise invalid_field("id", "one of id, login, email is needed to select the user.")


def create(
    actor: Actor,
    *,
    login: str,
    email: str | None,
    plaintext: str | None = None,
    password: str | None = None,
    roles: list[str] | None = None,
    **values: Any,
) -> User:
    """Create an account; without a password nobody can sign in to it. Raises Invalid and Conflict."""
    if not login or not email:
        raise invalid_field("login" if not login else "email", "an account needs a login and an e-mail address.")
    given = _usable({**values, "login": login, "email": email})
    with transaction.atomic():
        _refuse_duplicate(login)
        user = User(**given)
        changes.check(user)
        user.password = _hash(user, plaintext, password) or make_password(None)
        user.password_changed_at = timezone.now() if plaintext or password else None
        user.save(force_insert=True)
        for role in roles or []:
            _grant(actor, user, role)
        audit.write(
            actor,
            "create",
            user,
            severity="medium",
            changes=changes.created(given, personal=PERSONAL),
            data={"roles": roles or [], "password": bool(plaintext or password)},
        )
    return user


def update(
    actor: Actor, user: User, *, plaintext: str | None = None, password: str | None = None, **values: Any
) -> bool:
    """Change an account and say whether anything changed; an empty password leaves the stored one.

    Raises Invalid, Conflict, and Refused for switching off the last super administrator.
    """
    given = _usable(values)
    with transaction.atomic():
        user.refresh_from_db(from_queryset=User.objects.select_for_update())
        if given.get("login") == "":
            raise invalid_field("login", "an account needs a login; give one.")
        if given.get("login") not in (None, user.login):
            _refuse_duplicate(given["login"])
        if given.get("enabled") is False:
            _keep_a_super_admin(user)
        hashed = _hash(user, plaintext, password)
        if hashed:
            given |= {"password": hashed, "password_changed_at": timezone.now()}
        changed = changes.assign(user, given)
        if not changed:
            return False
        changes.check(user)
        changes.save(user, changed)
        audit.write(
            actor,
            "update",
            user,
            severity="medium" if {"password", "enabled"} & set(changed) else "low",
            changes=changes.for_audit(changed, personal=PERSONAL, secret=SECRET),
            event_type="password_change" if "password" in changed else None,
        )
    return True


def remove(actor: Actor, user: User) -> None:
    """Delete an account that launched no jobs. Raises Refused otherwise, and for the last super administrator."""
    with transaction.atomic():
        _keep_a_super_admin(user)
        launched = Job.objects.filter(launched_by=user).count()
        if launched:
            raise Refused(
                f"User {user.login} launched {launched} jobs, which name their author; disable the account with "
                "user:update --enabled 0 instead.",
                "user_has_jobs",
                details={"jobs": launched},
            )
        audit.write(
            actor,
            "delete",
            user,
            severity="high",
            changes=changes.for_audit({"login": (user.login, None)}, personal=PERSONAL),
        )
        user.delete()


def account_of_login(login: str) -> User:
    """The account of an operating-system login; a disabled one without password is created on first use."""
    found = User.objects.filter(login=login).first()
    if found:
        return found
    try:
        with transaction.atomic():
            user = User(login=login, enabled=False, password=make_password(None))
            user.save(force_insert=True)
            audit.write(
                Actor(user_id=user.pk, origin="cli"),
                "create",
                user,
                changes=changes.created({"login": login, "enabled": False}, personal=PERSONAL),
                description="Account of an operating-system login, created on first use",
            )
    except IntegrityError:
        # Another call of the same person was faster.
        return User.objects.get(login=login)
    return user


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = {name: one for name, one in values.items() if one is not None}
    given = changes.empty_to_none(given, "email", "firstname", "lastname", "settings")
    if isinstance(given.get("settings"), str):
        try:
            given["settings"] = json.loads(given["settings"])
        except ValueError:
            raise invalid_field("settings", "the text is no JSON; give a JSON object or leave it empty.") from None
    return given


def _hash(user: User, plaintext: str | None, password: str | None) -> str | None:
    """The hash to store: of the clear password, or a ready one. None when neither is given."""
    if plaintext:
        try:
            validate_password(plaintext, user)
        except ValidationError as error:
            raise invalid_field("plaintext", " ".join(error.messages)) from None
        return make_password(plaintext)
    if not password:
        return None
    try:
        identify_hasher(password)
    except ValueError:
        raise invalid_field(
            "password", "this is no known password hash; give the clear password with --plaintext instead."
        ) from None
    return password


def _grant(actor: Actor, user: User, name: str) -> None:
    role = Role.objects.filter(name=name, is_active=True).first()
    if role is None:
        known = ", ".join(Role.objects.filter(is_active=True).order_by("name").values_list("name", flat=True))
        raise invalid_field("role", f'there is no role "{name}"; use one of {known}.')
    UserRole.objects.get_or_create(user=user, role=role, defaults={"assigned_by_id": actor.user_id})


def _refuse_duplicate(login: str) -> None:
    found = User.objects.filter(login=login).first()
    if found:
        raise Conflict(
            f"A user with login {login} already exists (id {found.pk}); choose another login.",
            "user_exists",
            details={"id": found.pk, "field": "login"},
        )


def _keep_a_super_admin(user: User) -> None:
    holders = UserRole.objects.in_force().filter(role__name=SUPER_ADMIN, user__enabled=True, user__deleted_at=None)
    ids = set(holders.values_list("user_id", flat=True))
    if ids == {user.pk}:
        raise Refused(
            f"User {user.login} is the last super administrator; give the role to somebody else first.",
            "last_super_admin",
        )
