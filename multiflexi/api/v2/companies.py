"""Companies."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import Company
from multiflexi.services import company, company_stats


class CompanyRecord(Record):
    """A company, the tenant everything else belongs to."""

    settings = serializers.DictField(required=False, allow_null=True)
    customer_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)

    class Meta:
        model = Company
        fields: ClassVar = (
            "id",
            "name",
            "slug",
            "enabled",
            "ic",
            "dic",
            "email",
            "phone",
            "customer_id",
            "zabbix_host",
            "timezone",
            "language",
            "color",
            "max_running",
            "logo",
            "settings",
            "archived_at",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("archived_at", "created_at", "updated_at")


class StatsForm(Plain):
    """Counters of a company."""

    runtemplates = serializers.IntegerField()
    active_runtemplates = serializers.IntegerField()
    apps = serializers.IntegerField()
    credentials = serializers.IntegerField()
    members = serializers.IntegerField()
    queued = serializers.IntegerField()
    jobs = serializers.DictField(child=serializers.IntegerField(), help_text="Jobs by stored state")
    failed = serializers.IntegerField(help_text="Jobs of the filter word failed")
    success_rate = serializers.FloatField(allow_null=True)
    last_30_days = serializers.DictField(child=serializers.IntegerField(), help_text="Ended jobs by outcome")
    tasks = serializers.DictField(child=serializers.IntegerField(), help_text="Tasks by state")


class Companies(Resource):
    """Companies the caller is a member of."""

    noun = company.NOUN
    serializer_class = CompanyRecord
    searched = ("name", "slug", "ic")
    orderings: ClassVar = {"id": "pk", "name": "name", "slug": "slug", "created_at": "created_at"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "enabled": by.flag("enabled"),
        "slug": by.text("slug"),
        "name": by.text("name", part=True),
        "ic": by.text("ic"),
        "created_at": by.moment("created_at"),
    }

    def rows(self) -> QuerySet[Company]:
        return company.query(self.actor)

    def make(self, values: dict[str, Any]) -> Company:
        return company.create(self.actor, **_columns(values))

    def change(self, record: Company, values: dict[str, Any]) -> None:
        company.update(self.actor, record, **_columns(values))

    def take_away(self, record: Company) -> None:
        company.remove(self.actor, record, cascade=self.flag("cascade"))

    @extend_schema(responses=StatsForm)
    def stats(self, request: Request, id: int) -> Response:
        return Response(company_stats.of(self.actor, self.one(id)))


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the service calls them."""
    given = dict(values)
    if "customer_id" in given:
        given["customer"] = given.pop("customer_id")
    return given


routes = (
    ("companies", Companies, {"get": "list", "post": "create"}),
    (
        "companies/<int:id>",
        Companies,
        {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
    ),
    ("companies/<int:id>/stats", Companies, {"get": "stats"}),
)
