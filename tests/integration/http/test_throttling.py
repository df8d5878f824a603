"""What clients are told about rate limits."""

from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from multiflexi.http.oauth import clients
from multiflexi.http.throttling import RateLimitedView, former_headers
from multiflexi.models import ApiRateLimit, User
from multiflexi.record.actor import Actor, Origin
from tests.http import basic, bearer


class Modern(RateLimitedView, APIView):
    def get(self, request: Request) -> Response:
        return Response({})


class Former(RateLimitedView, APIView):
    authentication_classes: Any = ()
    permission_classes = (AllowAny,)
    rate_headers = staticmethod(former_headers)

    def rate_scope(self, request: Request) -> str | None:
        return "login" if request.method == "POST" else None

    def get(self, request: Request) -> Response:
        return Response({})

    post = get


urlpatterns = [path("modern", Modern.as_view()), path("former", Former.as_view())]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), pytest.mark.usefixtures("ring")]


def test_headers_of_the_modern_surface(client: Client, alice: User, settings: Any) -> None:
    settings.API_RATE_LIMIT_REQUESTS = 2
    answers = [client.get("/modern", headers=basic(alice)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"user";q=2;w=3600'
    assert answers[0].headers["RateLimit"].startswith('"user";r=1;t=')
    assert answers[2].headers["RateLimit"].startswith('"user";r=0;t=')
    assert int(answers[2].headers["Retry-After"]) > 0


def test_headers_of_the_former_surface(client: Client, db: None) -> None:
    answers = [client.post("/former") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[0].headers["X-RateLimit-Limit"] == "10"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [*map(str, range(9, -1, -1)), "0"]
    assert answers[10].headers["X-RateLimit-Retry-After"] == answers[10].headers["Retry-After"]
    assert client.get("/former").headers["X-RateLimit-Limit"] == "120"


def test_who_is_counted(client: Client, alice: User, robot: User, robot_token: str) -> None:
    client.get("/modern", headers=basic(alice))
    client.get("/modern", headers=bearer(robot_token))
    client.get("/former", REMOTE_ADDR="192.0.2.1")

    counted = set(ApiRateLimit.objects.values_list("identifier", "endpoint", "requests"))
    token = robot.tokens.get().pk
    assert counted == {(f"user:{alice.pk}", "user", 1), (f"token:{token}", "user", 1), ("address:192.0.2.1", "anon", 1)}


def _oauth_token(root: User, name: str) -> tuple[str, str]:
    """Id and access token of a client that acts as robot."""
    made, secret = clients.create(
        Actor(root.pk, Origin.WEB), name=name, grant=clients.CREDENTIALS, scopes=["read"], account="robot"
    )
    fields = {"grant_type": "client_credentials", "client_id": made.client_id, "client_secret": secret}
    with override_settings(ROOT_URLCONF="multiflexi.serving.urls"):
        return made.client_id, Client().post("/oauth/token", fields).json()["access_token"]


def test_an_application_may_have_a_limit_of_its_own(client: Client, root: User, robot: User, settings: Any) -> None:
    one, its = _oauth_token(root, "One")
    _other, theirs = _oauth_token(root, "Other")
    settings.API_RATE_LIMIT_REQUESTS = 3
    settings.API_RATE_LIMIT_CLIENTS = {one: 2}
    answers = [client.get("/modern", headers=bearer(its)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"user";q=2;w=3600'
    # Others of the same account are counted with it.
    assert [client.get("/modern", headers=bearer(theirs)).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert ApiRateLimit.objects.filter(identifier=f"client:{one}", endpoint="user").exists()
