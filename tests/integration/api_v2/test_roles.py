"""System roles of one's own: made, changed and deleted, and never more than one holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from multiflexi.models import AuditEntry, Job, Permission, Role, RolePermission, User, UserRole
from multiflexi.record.actor import Actor
from multiflexi.services import run_template_run
from tests.integration.api_v2.conftest import Caller, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]
NEW = {"name": "night_shift", "display_name": "Night shift", "permissions": ["jobs.read", "companies.read"]}


def test_a_role_lives(root_asks: Caller, alice_asks: Caller) -> None:
    assert alice_asks.post("roles", NEW).status_code == 403
    made = root_asks.post("roles", NEW)
    one = made.json()
    assert (made.status_code, one["permissions"], one["is_system"]) == (201, ["companies.read", "jobs.read"], False)
    address = f"roles/{one['id']}"
    assert root_asks.post("roles", NEW).json()["code"] == "role_exists"
    changed = root_asks.patch(address, {"permissions": ["jobs.read", "jobs.create"], "description": "At night"}).json()
    assert changed["permissions"] == ["jobs.create", "jobs.read"]
    whole = root_asks.put(address, {"name": "day_shift", "permissions": []}).json()
    assert (whole["name"], whole["display_name"], whole["permissions"]) == ("day_shift", "day_shift", [])
    assert root_asks.delete(address).status_code == 204
    told = list(AuditEntry.objects.filter(entity_type="Role").order_by("pk").values_list("action", flat=True))
    assert told == ["create", "update", "update", "delete"]


@pytest.mark.parametrize(
    "wrong", [{"permissions": ["jobs.fly"]}, {"name": "Night Shift"}, {"permissions": None}, {"is_system": "maybe"}]
)
def test_what_no_action_asks_for_is_refused(root_asks: Caller, wrong: dict[str, Any]) -> None:
    answer = root_asks.post("roles", NEW | wrong)
    assert answer.status_code == 422 or not answer.json()["is_system"]


def test_built_in_roles_stay(root_asks: Caller) -> None:
    for name in ("viewer", "super_admin"):
        address = f"roles/{Role.objects.get(name=name).pk}"
        assert root_asks.delete(address).json()["code"] == "built_in_role"
        assert root_asks.patch(address, {"is_active": False}).status_code == 409
    assert root_asks.patch(address, {"permissions": []}).status_code == 409
    assert Role.objects.get(name="super_admin").permissions.exists()


def test_a_role_that_is_held_is_not_deleted(root_asks: Caller, bob: User) -> None:
    made = root_asks.post("roles", NEW).json()
    UserRole.objects.create(user=bob, role_id=made["id"])
    assert root_asks.delete(f"roles/{made['id']}").json()["details"] == {"holders": 1}


def test_nobody_grants_more_than_they_hold(as_user: Callable[[User], Caller], alice: User, root_asks: Caller) -> None:
    maker = Role.objects.create(name="maker")
    for name in ("roles.create", "roles.update", "roles.read"):
        RolePermission.objects.create(role=maker, permission=Permission.objects.get(name=name))
    UserRole.objects.create(user=alice, role=maker)
    asks = as_user(alice)
    assert asks.post("roles", NEW | {"permissions": ["system.admin"]}).json()["code"] == "higher_role"
    made = asks.post("roles", NEW)
    assert made.status_code == 201
    assert asks.patch(f"roles/{made.json()['id']}", {"permissions": ["users.create"]}).status_code == 403
    admin = Role.objects.get(name="admin")
    assert asks.patch(f"roles/{admin.pk}", {"description": "x"}).status_code == 403


def test_what_a_role_no_longer_grants_is_lost_at_once(root_asks: Caller, robot: User, world: World) -> None:
    made = root_asks.post("roles", NEW | {"permissions": ["jobs.read", "companies.read", "jobs.create"]}).json()
    robot.role_assignments.all().delete()
    UserRole.objects.create(user=robot, role_id=made["id"])
    template = Job.objects.get(pk=world.ids["job"]).runtemplate
    assert template is not None
    waiting = run_template_run.schedule(Actor(user_id=robot.pk, origin="api"), template)
    root_asks.patch(f"roles/{made['id']}", {"permissions": ["jobs.read", "companies.read"]})
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
