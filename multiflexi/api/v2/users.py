"""Accounts, their system roles, and what roles grant."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.access.matrix import RULES
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.models import Role, User, UserRole
from multiflexi.services import role, role_change, user


class UserRecord(Record):
    """An account; its password goes in and never comes out."""

    login = serializers.CharField(max_length=150)
    email = serializers.EmailField(max_length=254)
    settings = serializers.DictField(required=False, allow_null=True)
    password = serializers.CharField(
        source="plaintext", write_only=True, required=False, trim_whitespace=False, max_length=1024
    )
    last_login_at = serializers.DateTimeField(source="last_login", read_only=True, allow_null=True)

    class Meta:
        model = User
        fields: ClassVar = (
            "id",
            "login",
            "email",
            "firstname",
            "lastname",
            "enabled",
            "settings",
            "password",
            "password_changed_at",
            "last_login_at",
            "last_login_ip",
            "last_activity_at",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = (
            "password_changed_at",
            "last_login_ip",
            "last_activity_at",
            "created_at",
            "updated_at",
        )


class HeldRole(Plain):
    """A role that an account holds."""

    id = serializers.IntegerField(source="role.id")
    name = serializers.CharField(source="role.name")
    display_name = serializers.CharField(source="role.display_name")
    assigned_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class RolesForm(Plain):
    """Roles to give; with `replace` the others are taken away."""

    roles = serializers.ListField(child=serializers.CharField(max_length=50))
    replace = serializers.BooleanField(default=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class Granted(serializers.ListField):
    """Names of permissions."""

    child = serializers.CharField(max_length=100)

    def get_attribute(self, role: Role) -> list[str]:
        return sorted(permission.name for permission in role.permissions.all())


class RoleRecord(Record):
    """A system role."""

    name = serializers.CharField(max_length=50)
    display_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    permissions = Granted(allow_empty=True)

    class Meta:
        model = Role
        fields: ClassVar = (
            "id",
            "name",
            "display_name",
            "description",
            "is_system",
            "is_active",
            "permissions",
        )
        read_only_fields: ClassVar = ("is_system",)


class ActionForm(Plain):
    """An action, and what it takes: permissions of system roles, a role in the company, a scope of a token."""

    name = serializers.CharField()
    label = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    company_role = serializers.CharField(allow_null=True)
    scope = serializers.CharField(allow_null=True)


class Users(Resource):
    """Accounts of people, for administrators."""

    noun = user.NOUN
    serializer_class = UserRecord
    searched = ("login", "email", "lastname")
    orderings: ClassVar = {"id": "pk", "login": "login", "email": "email", "last_login_at": "last_login"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "login": by.text("login", part=True),
        "email": by.text("email"),
        "enabled": by.flag("enabled"),
        "role": by.text("role_assignments__role__name"),
        "company": by.number("memberships__company_id"),
    }

    def rows(self) -> QuerySet[User]:
        return user.query(self.actor)

    def make(self, values: dict[str, Any]) -> User:
        given = dict(values)
        return user.create(self.actor, plaintext=given.pop("plaintext", None), **given)

    def change(self, record: User, values: dict[str, Any]) -> None:
        given = {name: "" if one is None else one for name, one in values.items()}
        user.update(self.actor, record, plaintext=given.pop("plaintext", None) or None, **given)

    def take_away(self, record: User) -> None:
        user.remove(self.actor, record)

    @extend_schema(operation_id="users_roles_list", responses=HeldRole(many=True))
    def roles(self, request: Request, id: int) -> Response:
        return Response(HeldRole(role.of_user(self.actor, self._self_or(id)), many=True).data)

    @extend_schema(request=RolesForm, responses=HeldRole(many=True))
    def assign(self, request: Request, id: int) -> Response:
        given = self.given(RolesForm)
        held: list[UserRole] = role.assign(
            self.actor,
            self.one(id),
            given["roles"],
            replace=given["replace"],
            expires_at=given.get("expires_at"),
        )
        return Response(HeldRole(held, many=True).data)

    def _self_or(self, id: int) -> User:
        if id == self.actor.user_id:
            found: User = self.request.user
            return found
        account: User = self.one(id)
        return account


class Roles(Resource):
    """System roles."""

    noun = role.NOUN
    serializer_class = RoleRecord
    orderings: ClassVar = {"id": "pk", "name": "name"}
    filters: ClassVar = {"name": by.text("name"), "is_active": by.flag("is_active")}

    def rows(self) -> QuerySet[Role]:
        return role.query(self.actor)

    def make(self, values: dict[str, Any]) -> Role:
        return role_change.create(self.actor, **values)

    def change(self, record: Role, values: dict[str, Any]) -> None:
        role_change.update(self.actor, record, **values)

    def take_away(self, record: Role) -> None:
        role_change.remove(self.actor, record)


class Permissions(View):
    """The permission matrix."""

    @extend_schema(operation_id="permissions_list", responses=ActionForm(many=True))
    def read(self, request: Request) -> Response:
        return Response(
            [
                {
                    "name": rule.name,
                    "label": str(rule.label),
                    "permissions": sorted(rule.permissions),
                    "company_role": rule.company.value if rule.company else None,
                    "scope": rule.scope.value if rule.scope else None,
                }
                for rule in RULES.values()
            ]
        )


routes = (
    ("users", Users, {"get": "list", "post": "create"}),
    ("users/<int:id>", Users, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    ("users/<int:id>/roles", Users, {"get": "roles", "post": "assign"}),
    ("roles", Roles, {"get": "list", "post": "create"}),
    ("roles/<int:id>", Roles, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    ("permissions", Permissions, {"get": "read"}),
)
