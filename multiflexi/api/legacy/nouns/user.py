"""Accounts and their system roles."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.api.legacy import fields
from multiflexi.api.legacy.answers import Answer, Row, listing, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Parameter, operation
from multiflexi.api.legacy.fields import REQUIRED_TEXT, SETTINGS, TEXT, TRUTH, WORDS, Field
from multiflexi.api.legacy.formats import LISTS
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import User, UserRole
from multiflexi.services import role, user
from multiflexi.services.errors import invalid_field
from multiflexi.services.lists import same
from multiflexi.services.second_factor import came_with

FIELDS = {
    "login": Field(REQUIRED_TEXT),
    "email": Field(TEXT),
    "firstname": Field(TEXT),
    "lastname": Field(TEXT),
    "enabled": Field(TRUTH),
    "settings": Field(SETTINGS),
    "password": Field(TEXT, "plaintext", secret=True),
}
ROLE_FIELDS = {"roles": Field(WORDS)}


def row(one: User) -> Row:
    return {
        "id": one.pk,
        "enabled": one.enabled,
        "settings": None if one.settings is None else json.dumps(one.settings),
        "email": one.email,
        "firstname": one.firstname,
        "lastname": one.lastname,
        "login": one.login,
        "DatCreate": one.created_at,
        "DatSave": one.updated_at,
        "last_modifier_id": None,
    }


def _detail(call: Call, one: User) -> Row:
    return row(one) | {"two_factor_enabled": came_with(one), "last_login_at": one.last_login}


def _create(call: Call) -> User:
    values: dict[str, Any] = {"login": "", "email": None, **call.given(FIELDS)}
    return user.create(call.actor, **values)


def _update(call: Call, found: User) -> None:
    user.update(call.actor, found, **call.given(FIELDS))


NOUN = Noun(
    one="user",
    many="users",
    key="userId",
    name=user.NOUN,
    schema="User",
    item="user",
    query=user.query,
    rows=lambda call, found: [_detail(call, one) for one in found],
    sortable=same("id", "login", "email", "firstname", "lastname", "enabled", DatCreate="created_at",
                  DatSave="updated_at"),
    find=user.find_own_or,
    detail=_detail,
    filters={"enabled": Filter(TRUTH), "active": Filter(TRUTH, "enabled"), "search": Filter(TEXT)},
    fields=FIELDS,
    required=("login", "email"),
    create=_create,
    update=_update,
    remove=lambda call, found: user.remove(call.actor, found),
    ids={"list": "listUsers", "get": "getUserById", "set": "setUserById"},
)  # fmt: skip
NOUN.declare()


def _role(one: UserRole) -> Row:
    return {
        "id": one.role_id,
        "name": one.role.name,
        "display_name": one.role.display_name,
        "is_active": one.role.is_active,
        "assigned_at": one.assigned_at,
        "expires_at": one.expires_at,
    }


@operation(
    "GET", "user/{userId}/roles", id="getUserRoles", suffixes=LISTS, schema="RbacRole", shape="array", tag="user"
)
def roles(call: Call) -> Answer:
    """List the system roles of an account"""
    held = role.of_user(call.actor, NOUN.select(call))
    return listing([_role(one) for one in held], schema="RbacRole", item="rbac_role", title="roles")


@operation(
    "POST",
    "user/{userId}/roles",
    id="setUserRoles",
    parameters=(Parameter("replace", fields.TRUTH),),
    schema="RolesSet",
    body=ROLE_FIELDS,
    required=("roles",),
    tag="user",
)
def set_roles(call: Call) -> Answer:
    """Give system roles to an account, in place of those it has or beside them"""
    found = NOUN.select(call)
    given, replace = call.given(ROLE_FIELDS), call.flag("replace", True)
    if "roles" not in given:
        raise invalid_field("roles", "give a list of names of system roles; an empty one takes all of them away.")
    held = role.assign(call.actor, found, given["roles"], replace=replace)
    return record(
        {
            "user_id": found.pk,
            "replace": replace,
            "roles": sorted(one.role.name for one in held),
            "role_details": [_role(one) for one in held],
        }
    )
