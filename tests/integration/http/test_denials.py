"""Refusals are audited, once, also when the view's transaction is rolled back."""

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from multiflexi.http import denials
from multiflexi.http.requests import actor_of
from multiflexi.models import AuditEntry, Company, User
from multiflexi.record.actor import Origin
from multiflexi.services.errors import NotPermitted
from multiflexi.services.rights import need
from tests.http import a_token, basic, bearer


class Api(APIView):
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            need(actor_of(request, Origin.API), "companies.update", Company.objects.get().pk)
        return Response({})

    def handle_exception(self, exc: Exception) -> Response:
        denials.note(self.request, exc)
        return Response(status=403) if isinstance(exc, NotPermitted) else super().handle_exception(exc)


def page(request: HttpRequest) -> HttpResponse:
    need(actor_of(request, Origin.WEB), "system.config")
    return HttpResponse()


urlpatterns: Any = [path("api", Api.as_view()), path("page", page)]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), pytest.mark.usefixtures("ring")]


def test_a_refusal_of_the_api(client: Client, bob: User, alice: User, acme: Company) -> None:
    assert client.post("/api", headers=basic(bob) | {"X-Request-ID": "r1"}, REMOTE_ADDR="192.0.2.4").status_code == 403
    assert client.post("/api", headers=basic(alice)).status_code == 200

    entry = AuditEntry.objects.get(event_type="access_denied")
    assert (entry.user_id, entry.company_id, entry.origin, entry.outcome) == (bob.pk, acme.pk, "api", "denied")
    assert (entry.request_id, entry.ip_address) == ("r1", "192.0.2.4")
    assert entry.additional_data == {
        "method": "POST",
        "path": "/api",
        "code": "not_permitted",
        "permission": ["companies.update"],
    }


def test_a_refusal_by_the_scope_of_a_token(client: Client, alice: User, acme: Company) -> None:
    assert client.post("/api", headers=bearer(a_token(alice, scopes=["read"]))).status_code == 403

    entry = AuditEntry.objects.get(event_type="access_denied")
    assert (entry.user_id, entry.token_id) == (alice.pk, alice.tokens.get().pk)


def test_a_refusal_of_a_page(client: Client, bob: User) -> None:
    client.force_login(bob)
    client.raise_request_exception = False
    client.get("/page")

    entry = AuditEntry.objects.get(event_type="access_denied")
    assert (entry.user_id, entry.origin) == (bob.pk, "web")
