"""Who may deal with whose account: never with one of a higher role, and never with the last super administrator."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import cast

from django.db.models import Q

from multiflexi.access.authority import INSTALLATION, Authority, of_roles
from multiflexi.models import SUPER_ADMIN, CompanyUser, Role, User, UserRole
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


def need_in_place_of(actor: Actor, name: str, user: User) -> None:
    """As `need_over`, for what lets the actor act as this account: with its companies as well. Raises NotPermitted."""
    need_over(actor, name, user)
    memberships = CompanyUser.objects.in_force().filter(user=user).values_list("company_id", "role")
    if not all(_authority(actor).covers_member(company_id, role) for company_id, role in memberships):
        raise NotPermitted(
            f"User {user.login} has rights in companies where you lack them; who acts as them has these as well. "
            "Let them do it themselves, or ask a super administrator.",
            "foreign_member",
            details={"user_id": user.pk},
        )


def need_to_grant(actor: Actor, role: Role, until: datetime | None = None) -> None:
    """Raise NotPermitted for a role that grants more than the actor holds, or for longer; None is for ever."""
    granted = of_roles([role])
    if not (_authority(actor).covers(granted) and _lasting(actor, until).covers(granted)):
        raise NotPermitted(
            f"Role {role.name} grants more than you hold until then; ask somebody who has it.",
            "higher_role",
            details={"role": role.name},
        )


def need_to_grant_permissions(actor: Actor, names: Collection[str]) -> None:
    """Raise NotPermitted for permissions that the actor does not hold."""
    authority = _authority(actor)
    lacking = set() if authority.everything or authority.super_admin else set(names) - authority.permissions
    if lacking:
        raise NotPermitted(
            f"You do not hold {', '.join(sorted(lacking))}; ask somebody who does.",
            "higher_role",
            details={"permissions": sorted(lacking)},
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


def need_own_or_in_place_of(actor: Actor, name: str, user: User) -> None:
    """As `need_own` for one's own account, as `need_in_place_of` for those of others."""
    if is_self(actor, user):
        need_own(actor, user)
    else:
        need_in_place_of(actor, name, user)


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


def _lasting(actor: Actor, until: datetime | None) -> Authority:
    """What the actor will hold by system roles until then."""
    if _authority(actor).everything:
        return INSTALLATION
    held = UserRole.objects.in_force().filter(user=actor.user_id)
    ends_later = Q(expires_at=None) | (Q(expires_at__gte=until) if until else Q())
    return of_roles(Role.objects.filter(assignments__in=held.filter(ends_later)))


def _authority(actor: Actor) -> Authority:
    return cast(Authority, grants_of(actor))
