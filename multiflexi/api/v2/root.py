"""The way in: discovery, own profile, status, probes, and what is not there."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi import __version__
from multiflexi.access.authority import Authority
from multiflexi.access.matrix import RULES
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.views import View
from multiflexi.http import health
from multiflexi.services import profile, status
from multiflexi.services.rights import grants_of


class Unready(APIException):
    """The installation cannot serve at the moment."""

    status_code = 503
    default_code = "unready"


class Discovery(Plain):
    """Where to go from here."""

    version = serializers.CharField()
    api_version = serializers.CharField()
    resources = serializers.DictField(child=serializers.CharField())
    schema = serializers.CharField()
    docs = serializers.CharField()


class Membership(Plain):
    """A company and the role in it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField(allow_blank=True)
    role = serializers.CharField()


class Me(Plain):
    """Who asks, and what they may do by the credential they used."""

    id = serializers.IntegerField()
    login = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    firstname = serializers.CharField(allow_null=True)
    lastname = serializers.CharField(allow_null=True)
    last_login_at = serializers.DateTimeField(allow_null=True)
    roles = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField(), help_text="Actions of the permission matrix")
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)
    super_admin = serializers.BooleanField()
    companies = Membership(many=True)


class Root(View):
    """What everybody may ask."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=Discovery)
    def index(self, request: Request) -> Response:
        from multiflexi.api.v2.urls import collections

        here = request.path[: request.path.index("/api/v2") + len("/api/v2")]
        return Response(
            {
                "version": __version__,
                "api_version": "2",
                "resources": {name: f"{here}/{name}" for name in collections()},
                "schema": f"{here}/schema/",
                "docs": f"{here}/docs/",
            }
        )

    @extend_schema(responses=OpenApiTypes.OBJECT, description="Details for those who may configure the installation.")
    def status(self, request: Request) -> Response:
        return Response(_status(self.actor))


class Health(View):
    """Probes, which tell nothing of the inside."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.OBJECT)})
    def live(self, request: Request) -> Response:
        return Response({"status": "ok"})

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.OBJECT)})
    def ready(self, request: Request) -> Response:
        if reason := health.unready():
            raise Unready(reason)
        return Response({"status": "ok"})


class Profile(View):
    """The account of the caller."""

    @extend_schema(responses=Me)
    def me(self, request: Request) -> Response:
        grants = grants_of(self.actor)
        user = request.user
        return Response(
            {
                "id": user.pk,
                "login": user.login,
                "email": user.email,
                "firstname": user.firstname,
                "lastname": user.lastname,
                "last_login_at": user.last_login,
                "roles": profile.roles(user),
                "actions": sorted(name for name in RULES if grants.permits(name)),
                "scopes": _scopes(grants),
                "super_admin": bool(getattr(grants, "super_admin", False)),
                "companies": profile.companies(user, grants.only_companies, grants.closed),
            }
        )


class Unknown(View):
    """Every address that there is not."""

    schema: Any = None
    authentication_classes = ()
    permission_classes = ()

    def nothing(self, request: Request) -> Response:
        raise Http404


def _status(actor: Any) -> dict[str, Any]:
    try:
        return status.for_caller(actor)
    except (DatabaseError, InterfaceError):
        raise Unready("database") from None


def _scopes(grants: Any) -> list[str] | None:
    scopes = grants.scopes if isinstance(grants, Authority) else None
    return None if scopes is None else sorted(scopes)


routes = (
    ("", Root, {"get": "index"}),
    ("me", Profile, {"get": "me"}),
    ("status", Root, {"get": "status"}),
    ("health/live", Health, {"get": "live"}),
    ("health/ready", Health, {"get": "ready"}),
)
