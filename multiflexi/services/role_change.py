"""Making, changing and deleting system roles."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.db import transaction

from multiflexi.access.matrix import RULES
from multiflexi.models import SUPER_ADMIN, Permission, Role, RolePermission, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, revocation
from multiflexi.services.errors import Conflict, Refused, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.standing import need_to_grant, need_to_grant_permissions

NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
# Whatever a role grants beside these would be asked for by nothing.
GRANTABLE = frozenset({name for rule in RULES.values() for name in (*rule.permissions, rule.own) if name})


def create(actor: Actor, *, name: str, permissions: Collection[str] = (), **values: Any) -> Role:
    """Make a role. Raises Invalid and Conflict, and NotPermitted for permissions that the actor does not hold."""
    need(actor, "roles.create")
    given = {**values, "name": _usable(name)}
    granted = _permissions(permissions)
    need_to_grant_permissions(actor, granted)
    with transaction.atomic():
        _refuse_duplicate(given["name"])
        role = Role(**given)
        role.display_name = role.display_name or role.name
        changes.check(role)
        role.save(force_insert=True)
        _grant(actor, role, granted)
        made = changes.created({**given, "permissions": sorted(granted)})
        audit.write(actor, "create", role, severity="high", changes=made)
    return role


def update(actor: Actor, role: Role, *, permissions: Collection[str] | None = None, **values: Any) -> bool:
    """Change a role and say whether anything changed; what it no longer grants is lost at once by all who hold it.

    A built-in role keeps its name and stays switched on, and `super_admin` keeps what it grants. Raises Refused,
    Invalid, Conflict, and NotPermitted for a role that grants more than the actor holds.
    """
    need(actor, "roles.update")
    wanted = None if permissions is None else _permissions(permissions)
    if "name" in values:
        values["name"] = _usable(values["name"])
    with transaction.atomic():
        role = Role.objects.select_for_update().get(pk=role.pk)
        if values.get("display_name") == "":
            values["display_name"] = values.get("name", role.name)
        before = _held(role)
        need_to_grant(actor, role)
        need_to_grant_permissions(actor, (wanted or frozenset()) - before)
        if values.get("name", role.name) != role.name:
            _refuse_duplicate(values["name"])
        changed = changes.assign(role, values)
        if wanted is not None and wanted != before:
            changed["permissions"] = (sorted(before), sorted(wanted))
        if not changed:
            return False
        _refuse_built_in(role, changed)
        changes.check(role)
        changes.save(role, changed.keys() - {"permissions"})
        if "permissions" in changed:
            RolePermission.objects.filter(role=role).exclude(permission__name__in=wanted or ()).delete()
            _grant(actor, role, (wanted or frozenset()) - before)
        audit.write(actor, "update", role, severity="high", changes=changes.for_audit(changed))
        _recheck_holders(actor, role)
    return True


def remove(actor: Actor, role: Role) -> None:
    """Delete a role that nobody holds. Raises Refused otherwise, and for a built-in one."""
    need(actor, "roles.delete")
    with transaction.atomic():
        role = Role.objects.select_for_update().get(pk=role.pk)
        need_to_grant(actor, role)
        if role.is_system:
            raise Refused(f"Role {role.name} is built in and cannot be deleted.", "built_in_role")
        holders = role.assignments.count()
        if holders:
            raise Refused(
                f"Role {role.name} is held by {holders} accounts; take it away from them first, or switch it off.",
                "role_in_use",
                details={"holders": holders},
            )
        gone = {"name": (role.name, None), "permissions": (sorted(_held(role)), None)}
        audit.write(actor, "delete", role, severity="high", changes=changes.for_audit(gone))
        role.delete()


def _permissions(names: Collection[str]) -> frozenset[str]:
    """Raises Invalid for what no action asks for."""
    unknown = sorted(set(names) - GRANTABLE)
    if unknown:
        raise invalid_field(
            "permissions", f"there is no {', '.join(unknown)}; the list of permissions names them all.", unknown=unknown
        )
    return frozenset(names)


def _usable(name: str) -> str:
    if not NAME.fullmatch(name):
        raise invalid_field("name", "use at most 50 small letters, digits and underscores, a letter first.")
    return name


def _held(role: Role) -> frozenset[str]:
    return frozenset(role.permissions.values_list("name", flat=True))


def _grant(actor: Actor, role: Role, names: Collection[str]) -> None:
    found = Permission.objects.filter(name__in=names).order_by("pk")
    RolePermission.objects.bulk_create(
        RolePermission(role=role, permission=one, granted_by_id=actor.user_id) for one in found
    )


def _refuse_duplicate(name: str) -> None:
    if Role.objects.filter(name=name).exists():
        raise Conflict(f"A role {name} already exists; choose another name.", "role_exists", details={"field": "name"})


def _refuse_built_in(role: Role, changed: Collection[str]) -> None:
    fixed = {"name", "is_active"} if role.is_system else set()
    if role.name == SUPER_ADMIN:
        fixed.add("permissions")
    found = sorted(fixed & set(changed))
    if found:
        raise Refused(
            f"Role {role.name} is built in: {', '.join(found)} cannot be changed; make a role of your own instead.",
            "built_in_role",
            details={"fields": found},
        )


def _recheck_holders(actor: Actor, role: Role) -> None:
    for user in User.objects.filter(role_assignments__role=role).distinct().order_by("pk"):
        revocation.recheck(actor, user)
