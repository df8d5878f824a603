"""Events as they happen, and short-lived addresses for browsers, whose event sources send no headers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core import signing
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2 import streaming
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.views import View
from multiflexi.api.v2.job_output import Output
from multiflexi.http.authentication import AUTHENTICATION, Presented, counts_still
from multiflexi.http.proxies import client_address
from multiflexi.models import User
from multiflexi.record.actor import Client
from multiflexi.services import lookup

SALT = "multiflexi stream"
SECONDS = 60


class TicketForm(Plain):
    """An address that opens a stream within a minute, with the rights of who asked for it."""

    url = serializers.CharField()
    expires_in = serializers.IntegerField()


class Ticket(BaseAuthentication):
    """`?ticket=` of a stream's own address."""

    def authenticate(self, request: Request) -> tuple[User, Presented] | None:
        told = request.query_params.get("ticket")
        if not told:
            return None
        try:
            path, user_id, limits = signing.loads(told, salt=SALT, max_age=SECONDS)
        except (signing.BadSignature, ValueError):
            raise AuthenticationFailed(_("The ticket is over or damaged; ask for a new one."), "bad_ticket") from None
        user = User.objects.filter(pk=user_id).first()
        if user is None or not user.is_active or path != request.path_info.rstrip("/"):
            raise AuthenticationFailed(_("The ticket is for another address or account."), "bad_ticket")
        presented = _presented(limits)
        if not counts_still(presented, user.pk, client_address(request)):
            raise AuthenticationFailed(_("What the ticket was asked for with counts no longer; sign in."), "bad_ticket")
        return user, presented


class TicketScheme(OpenApiAuthenticationExtension):
    target_class = Ticket
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "query", "name": "ticket"}


class JobStream(Output):
    """The output of one job, also by ticket."""

    authentication_classes = (*AUTHENTICATION, Ticket)
    rate_scopes: ClassVar = {"stream": "stream"}


class Events(View):
    """Changes of the states of jobs in the caller's companies."""

    authentication_classes = (*AUTHENTICATION, Ticket)
    rate_scopes: ClassVar = {"stream": "stream"}

    @extend_schema(
        parameters=[OpenApiParameter("Last-Event-ID", OpenApiTypes.INT64, OpenApiParameter.HEADER)],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def stream(self, request: Request) -> HttpResponseBase:
        told = request.headers.get("Last-Event-ID", "")
        after = int(told) if lookup.is_id(told) else None
        streaming.need_jobs(self.actor)
        return streaming.opened(request, streaming.changes_of_jobs(streaming.Watch(request, self.actor), after))


class Tickets(View):
    """Addresses of streams for browsers."""

    @extend_schema(request=None, responses={201: TicketForm})
    def create(self, request: Request, **_address: Any) -> Response:
        path = request.path_info.rstrip("/").removesuffix("/ticket")
        presented: Any = request.auth
        ticket = signing.dumps([path, request.user.pk, _limits(presented)], salt=SALT)
        here = request.path.rstrip("/").removesuffix("/ticket")
        return Response({"url": f"{here}?ticket={ticket}", "expires_in": SECONDS}, status=201)


def _limits(presented: Presented) -> dict[str, Any]:
    """The credential that a ticket stands for, without its secret."""
    client = presented.client
    return {
        "token_id": presented.token_id,
        "access_id": presented.access_id,
        "session": presented.session,
        "scopes": None if presented.scopes is None else sorted(presented.scopes),
        "only_companies": None if presented.only_companies is None else sorted(presented.only_companies),
        "client": client and [client.id, client.name],
    }


def _presented(limits: dict[str, Any]) -> Presented:
    sets = {name: limits[name] for name in ("scopes", "only_companies")}
    return Presented(
        "ticket",
        token_id=limits["token_id"],
        access_id=limits["access_id"],
        session=limits["session"],
        client=Client(*limits["client"]) if limits["client"] else None,
        **{name: None if one is None else frozenset(one) for name, one in sets.items()},
    )


routes = (
    ("events/stream", Events, {"get": "stream"}),
    ("events/stream/ticket", Tickets, {"post": "create"}),
    ("jobs/<int:job_id>/output/stream", JobStream, {"get": "stream"}),
    ("jobs/<int:job_id>/output/stream/ticket", Tickets, {"post": "create"}),
)
