"""Accounts of people; technical accounts are made elsewhere and are not listed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.access.matrix import Scope
from multiflexi.models import Job, User, UserRole
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, revocation, role, storable
from multiflexi.services import password as password_of
from multiflexi.services.errors import NotPermitted, Refused, invalid_field
from multiflexi.services.rights import OF_THE_INSTALLATION, grants_of, need
from multiflexi.services.scope import sees, visible
from multiflexi.services.search import containing
from multiflexi.services.standing import (
    is_self,
    keep_a_super_admin,
    need_in_place_of,
    need_over,
    need_own,
    need_to_grant,
)

NOUN = "User"
PERSONAL = ("login", "email", "firstname", "lastname")
SECRET = ("password",)
OWN = frozenset({"email", "firstname", "lastname", "settings"})


def query(actor: Actor, *, enabled: bool | None = None, search: str | None = None) -> QuerySet[User]:
    """Accounts of people, for those who may see them. Raises NotPermitted."""
    rows = visible(User, actor).select_related("second_factor").filter(is_system=False)
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return containing(rows, search, "login", "email", "lastname")


def find(actor: Actor, reference: Any) -> User:
    """By id, else by login, else by e-mail. Raises NotFound."""
    rows = query(actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    return rows.filter(login=str(reference)).first() or lookup.by_key(rows, NOUN, email=str(reference))


def find_own_or(actor: Actor, reference: Any) -> User:
    """As `find`; everybody also finds their own account by its id, with a token that may read."""
    own = lookup.is_id(reference) and int(reference) == actor.user_id
    scopes = grants_of(actor).scopes
    if own and (scopes is None or Scope.READ in scopes):
        return User.objects.select_related("second_factor").get(pk=int(reference))
    return find(actor, reference)


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
    """Create an account; without a password nobody can sign in to it.

    Raises NotPermitted, also for a role that grants more than the actor holds, Invalid and Conflict.
    """
    need(actor, "users.create")
    if roles:
        need(actor, "roles.assign")
    granted = role.named(roles or [])
    for one in granted:
        need_to_grant(actor, one)
    _need_clear_password(actor, password)
    if not login or not email:
        raise invalid_field("login" if not login else "email", "an account needs a login and an e-mail address.")
    given = _usable({**values, "login": login, "email": email})
    with transaction.atomic():
        _refuse_duplicate(actor, login)
        user = User(**given)
        changes.check(user)
        user.password = _hash(user, plaintext, password) or make_password(None)
        user.password_changed_at = timezone.now() if plaintext or password else None
        user.save(force_insert=True)
        UserRole.objects.bulk_create(UserRole(user=user, role=one, assigned_by_id=actor.user_id) for one in granted)
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

    Everybody changes the profile of their own, but not its password: see `password.change`. Raises NotPermitted,
    Invalid, Conflict, and Refused for switching off the last super administrator.
    """
    given = _usable(values)
    differing = {name for name, value in given.items() if getattr(user, name) != value}
    _need_change(actor, user, differing | ({"password"} if plaintext or password else set()))
    _need_clear_password(actor, password)
    with transaction.atomic():
        user.refresh_from_db(from_queryset=User.objects.select_for_update())
        if given.get("login") == "":
            raise invalid_field("login", "an account needs a login; give one.")
        if given.get("login") not in (None, user.login):
            _refuse_duplicate(actor, given["login"])
        if given.get("enabled") is False:
            keep_a_super_admin(user)
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
        if "enabled" in changed and not user.enabled:
            revocation.recheck(actor, user)
    return True


def remove(actor: Actor, user: User) -> None:
    """Delete an account that launched no jobs. Raises Refused otherwise, and for the last super administrator."""
    need_over(actor, "users.delete", user)
    with transaction.atomic():
        keep_a_super_admin(user)
        launched = Job.objects.filter(launched_by=user).count()
        if launched:
            raise Refused(
                f"User {user.login} launched {launched} jobs, which name their author; disable the account instead.",
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


def _need_change(actor: Actor, user: User, names: set[str]) -> None:
    if not is_self(actor, user):
        # A link for a new password goes to the address, and belongs to the login.
        takes_over = names & {"password", "email", "login"}
        (need_in_place_of if takes_over else need_over)(actor, "users.update", user)
    elif "password" in names or "enabled" in names:
        raise NotPermitted(
            "Nobody switches their own account, or sets its password without giving the present one; change the "
            "password in your profile.",
            "own_account",
        )
    elif names <= OWN:
        need_own(actor, user)
    else:
        need(actor, "users.update")


def _need_clear_password(actor: Actor, password: str | None) -> None:
    """A ready hash says nothing about the password: only who has the installation brings one."""
    if password and actor.origin not in OF_THE_INSTALLATION:
        raise NotPermitted("A ready password hash is taken on the command line only.", "hash_not_permitted")


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = {name: one for name, one in values.items() if one is not None}
    given = changes.empty_to_none(given, "email", "firstname", "lastname", "settings")
    if given.get("settings") is not None:
        given["settings"] = storable.settings(given["settings"])
    return given


def _hash(user: User, plaintext: str | None, ready: str | None) -> str | None:
    """The hash to store: of the clear password, or a ready one. None when neither is given."""
    if plaintext:
        return password_of.checked(user, plaintext, field="plaintext")
    return password_of.ready(ready) if ready else None


def _refuse_duplicate(actor: Actor, login: str) -> None:
    found = User.objects.filter(login=login).first()
    if found:
        what = f"A user with login {login}"
        raise lookup.taken(what, found, seen=sees(actor, found), code="user_exists", field="login")
