"""System roles: which there are, and who holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.models import SUPER_ADMIN, Role, User, UserRole
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup, revocation
from multiflexi.services.errors import Invalid, NotPermitted, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.standing import is_self, keep_a_super_admin, need_over, need_to_grant

NOUN = "Role"


def query(actor: Actor) -> QuerySet[Role]:
    return visible(Role, actor).prefetch_related("permissions")


def find(actor: Actor, reference: Any) -> Role:
    """By id, else by name. Raises NotFound."""
    return lookup.by_id_or(query(actor), NOUN, reference, "name")


def assignments(actor: Actor) -> QuerySet[UserRole]:
    """Who holds which role now. Raises NotPermitted."""
    need(actor, "roles.read")
    return UserRole.objects.in_force().select_related("role", "user")


def of_user(actor: Actor, user: User) -> QuerySet[UserRole]:
    """The roles an account holds now, by name; everybody sees their own. Raises NotPermitted."""
    if not is_self(actor, user):
        need(actor, "roles.read")
    return user.role_assignments.in_force().select_related("role", "user").order_by("role__name")


def assign(
    actor: Actor, user: User, names: Iterable[str], *, replace: bool = False, expires_at: datetime | None = None
) -> list[UserRole]:
    """Give system roles, for ever or until a time; with `replace` those not named are taken away.

    Returns what the account holds afterwards. Nobody gives more than they hold, or changes their own roles. Raises
    Invalid naming unknown roles, NotPermitted, and Refused for the last super administrator.
    """
    need_over(actor, "roles.assign", user)
    if is_self(actor, user):
        raise NotPermitted("Nobody changes their own roles; ask another administrator.", "own_role")
    roles = named(names)
    for role in roles:
        need_to_grant(actor, role, expires_at)
    if expires_at and expires_at <= timezone.now():
        raise invalid_field("expires_at", "this is over already; give a time to come or leave it empty.")
    with transaction.atomic():
        if _endangers(user, roles, replace=replace, expires_at=expires_at):
            keep_a_super_admin(user)
        before = _held(user)
        if replace:
            user.role_assignments.exclude(role__in=roles).delete()
        _grant(actor, user, roles, expires_at)
        after = _held(user)
        _record(actor, user, before, after, expires_at)
        revocation.recheck(actor, user)
    return list(of_user(actor, user))


def withdraw(actor: Actor, user: User, role: Role) -> bool:
    """Take one role away; False when the account does not hold it. Raises as `assign`."""
    held = set(user.role_assignments.values_list("role__name", flat=True))
    if role.name not in held:
        return False
    kept = [name for name in held if name != role.name]
    need_over(actor, "roles.assign", user)
    if is_self(actor, user):
        raise NotPermitted("Nobody changes their own roles; ask another administrator.", "own_role")
    with transaction.atomic():
        if role.name == SUPER_ADMIN:
            keep_a_super_admin(user)
        before = _held(user)
        user.role_assignments.filter(role=role).delete()
        _record(actor, user, before, set(kept) & _held(user), None)
        revocation.recheck(actor, user)
    return True


def named(names: Iterable[str]) -> list[Role]:
    """Roles that are switched on. Raises Invalid naming those that do not exist."""
    wanted = sorted(set(names))
    found = {role.name: role for role in Role.objects.filter(name__in=wanted, is_active=True)}
    unknown = [name for name in wanted if name not in found]
    if unknown:
        known = ", ".join(Role.objects.filter(is_active=True).order_by("name").values_list("name", flat=True))
        raise Invalid(
            f"Unknown role(s): {', '.join(unknown)}; use some of {known}.",
            "invalid_roles",
            details={"field": "roles", "unknown": unknown},
        )
    return [found[name] for name in wanted]


def _endangers(user: User, roles: Collection[Role], *, replace: bool, expires_at: datetime | None) -> bool:
    """Whether the account may lose super_admin by this, at once or one day."""
    given = any(role.name == SUPER_ADMIN for role in roles)
    return (replace and not given) or (given and expires_at is not None)


def _held(user: User) -> set[str]:
    return set(user.role_assignments.in_force().values_list("role__name", flat=True))


def _grant(actor: Actor, user: User, roles: Iterable[Role], expires_at: datetime | None) -> None:
    for role in roles:
        UserRole.objects.update_or_create(
            user=user,
            role=role,
            defaults={"expires_at": expires_at},
            create_defaults={"expires_at": expires_at, "assigned_by_id": actor.user_id},
        )


def _record(actor: Actor, user: User, before: set[str], after: set[str], expires_at: datetime | None) -> None:
    given = sorted(after - before) or (sorted(after & before) if expires_at else [])
    for event, names in (("role_assigned", given), ("role_removed", sorted(before - after))):
        if names:
            audit.write(
                actor,
                "update",
                user,
                event_type=event,
                severity="high",
                data={"roles": names, "expires_at": expires_at if event == "role_assigned" else None},
            )
