"""Failure patterns: what failed in the same way, and what its exit code means."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.listing import narrowed
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.views import View
from multiflexi.services import failures, job_query

PERIOD = timedelta(days=30)
FILTERS: dict[str, by.Filter] = {
    "company": by.number("company_id"),
    "app": by.number("app_id"),
    "runtemplate": by.number("runtemplate_id"),
    "exitcode": by.number("exitcode"),
    "failure_reason": by.text("failure_reason"),
    "end": by.moment("end"),
}


class PatternForm(Plain):
    """Jobs of one application that ended with one code for one reason."""

    app_id = serializers.IntegerField()
    app_name = serializers.CharField()
    exitcode = serializers.IntegerField(allow_null=True)
    failure_reason = serializers.CharField(allow_null=True)
    meaning = serializers.CharField(allow_null=True, help_text="What the application says of the code")
    severity = serializers.CharField(allow_null=True)
    jobs = serializers.IntegerField()
    runtemplates = serializers.IntegerField()
    companies = serializers.IntegerField()
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    last_job_id = serializers.IntegerField()


class Patterns(View):
    """Patterns of the last 30 days, or of the period of `end`, the most frequent first."""

    @extend_schema(
        operation_id="failure_patterns_list",
        parameters=[
            OpenApiParameter("company", int),
            OpenApiParameter("app", int),
            OpenApiParameter("runtemplate", int),
            OpenApiParameter("exitcode", int),
            OpenApiParameter("failure_reason", str),
            OpenApiParameter("end__gte", OpenApiTypes.DATETIME),
            OpenApiParameter("end__lt", OpenApiTypes.DATETIME),
        ],
        responses=PatternForm(many=True),
    )
    def read(self, request: Request) -> Response:
        rows = narrowed(job_query.query(self.actor), request, FILTERS, frozenset({"lang", "api_key"}))
        if not any(name.startswith("end__") for name in request.query_params):
            rows = rows.filter(end__gte=timezone.now() - PERIOD)
        return Response(failures.patterns(rows, self.language))


routes = (("failure-patterns", Patterns, {"get": "read"}),)
