"""What belongs to one company: its variables, members, applications, and its part of other collections."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.credentials import Credentials
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.values import TEXTS, Value, shown, texts
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.api.v2.jobs import Jobs
from multiflexi.api.v2.named import NamedApp
from multiflexi.api.v2.runtemplates import RunTemplates
from multiflexi.models import Company, CompanyApp, CompanyEnv, CompanyRole, CompanyUser
from multiflexi.services import application, company, company_app, company_env, member
from multiflexi.services.errors import NotFound


class VariableForm(Plain):
    """A variable that every job of the company gets."""

    key = serializers.CharField()
    secret = serializers.BooleanField()
    value = Value(allow_null=True)


class ValueForm(Plain):
    """Its value; without `secret` its name decides."""

    value = serializers.CharField(allow_blank=True, trim_whitespace=False)
    secret = serializers.BooleanField(required=False, allow_null=True)


class MemberRecord(Record):
    """A membership."""

    user_id = serializers.IntegerField(read_only=True)
    login = serializers.CharField(source="user.login", read_only=True)
    company_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = CompanyUser
        fields: ClassVar = ("user_id", "login", "company_id", "role", "created_at", "expires_at")
        read_only_fields: ClassVar = fields


class MemberForm(Plain):
    """The role of a member, for ever or until a time."""

    role = serializers.ChoiceField(CompanyRole.choices, default=CompanyRole.VIEWER)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class NewMemberForm(MemberForm):
    """The account: by its id, login or e-mail."""

    user = serializers.CharField(max_length=255)


class CompanyAppForm(Plain):
    """An application that is switched on, and its run templates there."""

    app = NamedApp()
    runtemplates = serializers.ListField(child=serializers.IntegerField())


class Environment(View):
    """Variables of a company."""

    @extend_schema(operation_id="companies_environment_list", responses=VariableForm(many=True))
    def read(self, request: Request, id: int) -> Response:
        return self._all(company.find(self.actor, id))

    @extend_schema(request={"application/json": TEXTS}, responses=VariableForm(many=True))
    def write(self, request: Request, id: int) -> Response:
        found = company.find(self.actor, id)
        company_env.change(self.actor, found, texts(request.data))
        return self._all(found)

    @extend_schema(request=ValueForm, responses=VariableForm(many=True))
    def put(self, request: Request, id: int, key: str) -> Response:
        found = company.find(self.actor, id)
        given = self.given(ValueForm)
        company_env.set_value(self.actor, found, key, given["value"], secret=given.get("secret"))
        return self._all(found)

    def remove(self, request: Request, id: int, key: str) -> Response:
        company_env.unset(self.actor, company.find(self.actor, id), key)
        return Response(status=204)

    def _all(self, found: Company) -> Response:
        return Response([_variable(entry) for entry in company_env.query(found)])


class Members(Resource):
    """Members of a company."""

    noun = "Member"
    paged = ("read",)
    serializer_class = MemberRecord
    searched = ("user__login",)
    orderings: ClassVar = {"id": "pk", "login": "user__login", "role": "role"}
    filters: ClassVar = {"role": by.choice("role", CompanyRole.values), "user": by.number("user_id")}

    def rows(self) -> QuerySet[CompanyUser]:
        if getattr(self, "swagger_fake_view", False):
            return CompanyUser.objects.none()
        return member.query(self.actor, company=company.find(self.actor, self.kwargs["id"]))

    @extend_schema(operation_id="companies_members_list")
    def read(self, request: Request, id: int) -> Response:
        return self.list(request)

    @extend_schema(request=NewMemberForm, responses={201: MemberRecord})
    def add(self, request: Request, id: int) -> Response:
        given = self.given(NewMemberForm)
        found = company.find(self.actor, id)
        user = member.candidate(self.actor, found, given["user"])
        made = member.assign(self.actor, found, user, given["role"], expires_at=given.get("expires_at"))
        return Response(MemberRecord(made).data, status=201)

    @extend_schema(request=MemberForm, responses=MemberRecord)
    def set(self, request: Request, id: int, user_id: int) -> Response:
        given = self.given(MemberForm)
        found = company.find(self.actor, id)
        user = member.candidate(self.actor, found, user_id)
        return Response(
            MemberRecord(member.assign(self.actor, found, user, given["role"], expires_at=given.get("expires_at"))).data
        )

    def remove(self, request: Request, id: int, user_id: int) -> Response:
        found = company.find(self.actor, id)
        if not member.remove(self.actor, found, user_id):
            raise NotFound(f"User {user_id} is no member of company {found.name}.", "member_not_found")
        return Response(status=204)


class Apps(View):
    """Applications switched on for a company."""

    @extend_schema(operation_id="companies_apps_list", responses=CompanyAppForm(many=True))
    def read(self, request: Request, id: int) -> Response:
        found = company.find(self.actor, id)
        by_app: dict[int, tuple[CompanyApp, list[int]]] = {}
        pairs = company_app.query(self.actor, company=found).order_by("app__name", "pk", F("template__pk"))
        for pair, template_id in company_app.listed(pairs):
            _, ids = by_app.setdefault(pair.app_id, (pair, []))
            ids.extend([template_id] if template_id else [])
        rows = [{"app": pair.app, "runtemplates": ids} for pair, ids in by_app.values()]
        return Response(CompanyAppForm(rows, many=True).data)

    @extend_schema(request=None, responses={200: CompanyAppForm, 201: CompanyAppForm})
    def assign(self, request: Request, id: int, app_id: int) -> Response:
        found, app = company.find(self.actor, id), application.find(self.actor, app_id)
        done = company_app.assign(self.actor, found, app)
        row = {"app": app, "runtemplates": [done.runtemplate.pk] if done.runtemplate else []}
        return Response(CompanyAppForm(row).data, status=201 if done.created else 200)

    def unassign(self, request: Request, id: int, app_id: int) -> Response:
        found, app = company.find(self.actor, id), application.find(self.actor, app_id)
        if company_app.unassign(self.actor, found, app, purge=self.flag("purge")) is None:
            raise NotFound(f"Application {app.name} is not on for company {found.name}.", "not_assigned")
        return Response(status=204)


def _variable(entry: CompanyEnv) -> dict[str, Any]:
    value = shown(entry.value, secret=entry.secret, opened=lambda: company_env.plain(entry))
    return {"key": entry.keyword, "secret": entry.secret, "value": value}


def _nested(kind: type[Resource], name: str) -> type[Resource]:
    """The rows of a collection that belong to the company of the address."""

    class Nested(kind):  # type: ignore[misc,valid-type]
        def rows(self) -> QuerySet[Any]:
            if getattr(self, "swagger_fake_view", False):
                return super().rows().none()
            found = company.find(self.actor, self.kwargs["company_id"])
            return super().rows().filter(company=found)

    Nested.__name__ = f"Company{name}"
    return Nested


_ONE = "companies/<int:id>"
routes = (
    (f"{_ONE}/environment", Environment, {"get": "read", "patch": "write"}),
    (f"{_ONE}/environment/<str:key>", Environment, {"put": "put", "delete": "remove"}),
    (f"{_ONE}/members", Members, {"get": "read", "post": "add"}),
    (f"{_ONE}/members/<int:user_id>", Members, {"put": "set", "delete": "remove"}),
    (f"{_ONE}/apps", Apps, {"get": "read"}),
    (f"{_ONE}/apps/<int:app_id>", Apps, {"put": "assign", "delete": "unassign"}),
    *(
        (f"companies/<int:company_id>/{name.lower()}", _nested(kind, name), {"get": "list"})
        for name, kind in (("Credentials", Credentials), ("RunTemplates", RunTemplates), ("Jobs", Jobs))
    ),
)
