"""Who may deal with whose account: never with one of a higher role, and never with the last super administrator."""

from __future__ import annotations

from typing import cast

from multiflexi.access.authority import Authority, of_roles
from multiflexi.models import SUPER_ADMIN, Role, User, UserRole
from multiflexi.record.actor import Actor
from multiflexi.services.errors import NotPermitted, Refused
from multiflexi.services.rights import OF_THE_INSTALLATION, grants_of, is_person, need


def is_self(actor: Actor, user: User) -> bool:
    """Whether the actor is this account; the command line acts for the installation, whoever calls it."""
    return actor.origin not in OF_THE_INSTALLATION and actor.user_id == user.pk


def need_over(actor: Actor, name: str, user: User) -> None:
    """Raise NotPermitted unless the actor may do this to accounts and holds all that this one holds by its roles."""
    need(actor, name)
    held = of_roles(Role.objects.filter(is_active=True, assignments__in=user.role_assignments.in_force()))
    if not _authority(actor).covers(held):
        raise NotPermitted(
            f"User {user.login} has a higher role than you; ask somebody who has that role as well.",
            "higher_role",
            details={"user_id": user.pk},
        )


def need_to_grant(actor: Actor, role: Role) -> None:
    """Raise NotPermitted for a role that grants more than the actor holds."""
    if not _authority(actor).covers(of_roles([role])):
        raise NotPermitted(
            f"Role {role.name} grants more than you hold; ask somebody who has it.",
            "higher_role",
            details={"role": role.name},
        )


def need_own(actor: Actor, user: User) -> None:
    """Raise NotPermitted unless the owner of the account acts, signed in as a person."""
    if not is_self(actor, user) or not is_person(actor):
        raise NotPermitted(
            "Only the owner of the account may do this, signed in with a password; a token may not.", "not_the_owner"
        )


def need_own_or_over(actor: Actor, name: str, user: User) -> None:
    """As `need_own` for one's own account, as `need_over` for those of others."""
    if is_self(actor, user):
        need_own(actor, user)
    else:
        need_over(actor, name, user)


def keep_a_super_admin(user: User) -> None:
    """Raise Refused if nobody but this account could act as super administrator for ever.

    Call it inside the transaction that takes the role, or the account, away: it locks against others doing the same.
    """
    Role.objects.select_for_update().filter(name=SUPER_ADMIN).first()
    holders = UserRole.objects.in_force().filter(
        role__name=SUPER_ADMIN, expires_at=None, user__enabled=True, user__deleted_at=None
    )
    if set(holders.values_list("user_id", flat=True)) == {user.pk}:
        raise Refused(
            f"User {user.login} is the last super administrator; give the role to somebody else first.",
            "last_super_admin",
        )


def _authority(actor: Actor) -> Authority:
    return cast(Authority, grants_of(actor))
