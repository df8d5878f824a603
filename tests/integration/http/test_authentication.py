"""Who asks: precedence, refusals and challenges of all ways to prove it, through the middleware of real requests."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from multiflexi.http.authentication import AUTHENTICATION, TokenParameter
from multiflexi.http.requests import actor_of
from multiflexi.models import Company, CompanyUser, Token, User
from multiflexi.record.actor import Origin
from multiflexi.services import token_check
from tests.http import a_token, basic, bearer


class Who(APIView):
    """Tells who asks."""

    def get(self, request: Request) -> Response:
        actor = actor_of(request, Origin.API)
        again = actor_of(request, Origin.API)
        assert again.grants is actor.grants
        return Response(
            {
                "login": request.user.login,
                "kind": request.auth.kind,
                "label": actor.label,
                "runs": actor.grants.permits("jobs.create"),
                "companies": sorted(actor.grants.companies),
            }
        )

    post = get


class WithParameter(Who):
    authentication_classes = (*AUTHENTICATION, TokenParameter)


urlpatterns = [path("who", Who.as_view()), path("credential", WithParameter.as_view())]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), pytest.mark.usefixtures("ring")]


def test_password_in_basic(client: Client, alice: User, acme: Company) -> None:
    answer = client.get("/who", headers=basic(alice))

    assert answer.status_code == 200
    assert answer.json() == {
        "login": "alice",
        "kind": "basic",
        "label": f"user:{alice.pk}",
        "runs": True,
        "companies": [acme.pk],
    }


def test_login_is_split_at_the_first_colon_and_latin_1_is_read(client: Client, alice: User) -> None:
    alice.password = make_password("a:b:é")
    alice.save()

    import base64

    pair = base64.b64encode("alice:a:b:é".encode("latin-1")).decode()
    assert client.get("/who", headers={"Authorization": f"basic {pair}"}).status_code == 200


@pytest.mark.parametrize("password", ["wrong", "", "alice's pass:word"])
def test_wrong_password(client: Client, alice: User, password: str) -> None:
    answer = client.get("/who", headers=basic(alice, password))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="MultiFlexi", Bearer realm="MultiFlexi"'


def test_unknown_account_disabled_one_and_wrong_password_get_the_same_answer(
    client: Client, alice: User, bob: User
) -> None:
    bob.enabled = False
    bob.save()

    answers = [client.get("/who", headers=one) for one in (basic("nobody"), basic(bob), basic(alice, "wrong"))]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_nobody_signs_in_as_the_technical_account_or_without_a_password(client: Client, robot: User) -> None:
    technical = User.objects.technical()
    technical.password, technical.enabled = make_password("x"), True
    technical.save()
    empty = User.objects.create(login="empty", password="")

    assert client.get("/who", headers=basic(technical, "x")).status_code == 401
    assert client.get("/who", headers=basic(robot, robot.password)).status_code == 401
    assert client.get("/who", headers=basic(empty, "")).status_code == 401


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic YQ==", "Digest x", "Bearer", "Bearer x y", "mfx_1"])
def test_unusable_header_is_refused(client: Client, ring: None, header: str) -> None:
    assert client.get("/who", headers={"Authorization": header}).status_code == 401


def test_no_credential(client: Client, db: None) -> None:
    answer = client.get("/who")

    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]
    own_page = client.get("/who", headers={"X-Requested-With": "XMLHttpRequest"})
    assert own_page.headers["WWW-Authenticate"] == 'Bearer realm="MultiFlexi"'


def test_token_in_each_header(client: Client, robot: User, robot_token: str) -> None:
    number = Token.objects.get(user=robot).pk
    for header in (bearer(robot_token), {"X-API-Key": robot_token}):
        answer = client.get("/who", headers=header).json()
        assert (answer["login"], answer["kind"], answer["label"]) == ("robot", "token", f"token:{number}")


def test_limits_of_a_token(client: Client, robot: User) -> None:
    answer = client.get("/who", headers=bearer(a_token(robot, scopes=["read"])))

    assert answer.json()["runs"] is False


@pytest.mark.parametrize(
    "column",
    [
        {"until": timezone.now() - timedelta(seconds=1)},
        {"start": timezone.now() + timedelta(hours=1)},
        {"revoked_at": timezone.now()},
        {"networks": ["10.0.0.0/8"]},
        {"networks": []},
    ],
    ids=lambda column: next(iter(column)),
)
def test_token_that_does_not_count(client: Client, robot: User, column: dict[str, object]) -> None:
    assert client.get("/who", headers=bearer(a_token(robot, **column))).status_code == 401


def test_token_of_a_network(client: Client, robot: User) -> None:
    header = bearer(a_token(robot, networks=["127.0.0.0/8", "10.1.0.0/16"]))

    assert client.get("/who", headers=header).status_code == 200
    assert client.get("/who", headers=header, REMOTE_ADDR="::ffff:10.1.2.3").status_code == 200
    assert client.get("/who", headers=header, REMOTE_ADDR="10.2.0.1").status_code == 401


def test_token_of_a_disabled_account(client: Client, robot: User, robot_token: str) -> None:
    robot.enabled = False
    robot.save()

    assert client.get("/who", headers=bearer(robot_token)).status_code == 401


def test_only_the_keyed_hash_of_a_token_is_stored(robot: User, robot_token: str) -> None:
    assert robot_token not in str(Token.objects.filter(user=robot).values().get())


def test_last_use_is_written_once_a_minute(
    client: Client, robot: User, robot_token: str, queries: Callable[..., object]
) -> None:
    client.get("/who", headers=bearer(robot_token), REMOTE_ADDR="10.9.8.7")
    first = Token.objects.get(user=robot)
    assert first.last_used_at is not None
    assert first.last_used_ip == "10.9.8.7"

    client.get("/who", headers=bearer(robot_token))
    assert Token.objects.get(user=robot).last_used_at == first.last_used_at

    Token.objects.filter(user=robot).update(last_used_at=timezone.now() - timedelta(minutes=2))
    client.get("/who", headers=bearer(robot_token))
    assert Token.objects.get(user=robot).last_used_at >= first.last_used_at


def test_activity_is_written_once_an_hour(client: Client, alice: User) -> None:
    client.get("/who", headers=basic(alice))
    first = User.objects.get(pk=alice.pk).last_activity_at
    assert first is not None
    client.get("/who", headers=basic(alice))
    assert User.objects.get(pk=alice.pk).last_activity_at == first

    User.objects.filter(pk=alice.pk).update(last_activity_at=first - timedelta(hours=2), inactive_since=first)
    client.get("/who", headers=basic(alice))
    alice.refresh_from_db()
    assert alice.last_activity_at is not None and alice.last_activity_at >= first
    assert alice.inactive_since is None


def test_two_queries_tell_who_asks_and_what_they_may(
    client: Client, alice: User, robot_token: str, queries: Callable[..., object]
) -> None:
    token_check.hashed("the keys are read once in a process")
    for header in (bearer(robot_token), basic(alice)):
        client.get("/who", headers=header)
    for header in (bearer(robot_token), basic(alice)):
        with queries(2):
            assert client.get("/who", headers=header).status_code == 200


def test_header_comes_before_the_key_and_the_session(client: Client, alice: User, bob: User, robot_token: str) -> None:
    client.force_login(bob)

    def login(**headers: str) -> object:
        answer = client.get("/who", headers=headers)
        return answer.json()["login"] if answer.status_code == 200 else answer.status_code

    assert login() == "bob"
    assert login(**{"X-API-Key": robot_token}) == "robot"
    assert login(**basic(alice), **{"X-API-Key": robot_token}) == "alice"
    assert login(**basic(alice, "wrong"), **{"X-API-Key": robot_token}) == 401
    assert login(**bearer("mfx_wrong"), **{"X-API-Key": robot_token}) == 401
    assert login(**{"Authorization": "Digest x", "X-API-Key": robot_token}) == 401
    assert login(**{"X-API-Key": "wrong"}) == 401


def test_session_writes_only_with_the_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.get("/who").json()["kind"] == "session"
    assert client.post("/who").status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    assert client.post("/who", headers={"X-CSRFToken": "a" * 32}).status_code == 200
    assert Client(enforce_csrf_checks=True).post("/who", headers=basic(alice)).status_code == 200


def test_session_of_a_disabled_account(client: Client, alice: User) -> None:
    client.force_login(alice)
    alice.enabled = False
    alice.save()

    assert client.get("/who").status_code == 401


def test_token_parameter_where_it_is_declared_and_nothing_else_is_there(
    client: Client, alice: User, robot_token: str
) -> None:
    assert client.get(f"/who?token={robot_token}").status_code == 401
    assert client.get(f"/credential?token={robot_token}").json()["login"] == "robot"
    assert client.get("/credential?token=wrong").status_code == 401
    assert client.get("/credential?token=", headers=basic(alice)).json()["login"] == "alice"
    assert client.get("/credential?token=wrong", headers=basic(alice)).json()["login"] == "alice"


def test_key_parameter_only_where_the_installation_allows_it(client: Client, robot_token: str) -> None:
    assert client.get(f"/who?api_key={robot_token}").status_code == 401
    with override_settings(API_TOKEN_IN_QUERY=True):
        assert client.get(f"/who?api_key={robot_token}").json()["login"] == "robot"


def test_revocation_counts_at_the_next_request(client: Client, alice: User, robot: User, robot_token: str) -> None:
    assert client.get("/who", headers=basic(alice)).json()["companies"]
    CompanyUser.objects.filter(user=alice).delete()
    assert client.get("/who", headers=basic(alice)).json()["companies"] == []
    alice.enabled = False
    alice.save()
    assert client.get("/who", headers=basic(alice)).status_code == 401


def test_a_changed_password_is_not_remembered(client: Client, alice: User) -> None:
    assert client.get("/who", headers=basic(alice)).status_code == 200
    alice.password = make_password("another one")
    alice.save()

    assert client.get("/who", headers=basic(alice)).status_code == 401
    assert client.get("/who", headers=basic(alice, "another one")).status_code == 200


def test_guessing_is_answered_with_the_time_to_wait(client: Client, alice: User) -> None:
    for _ in range(5):
        assert client.get("/who", headers=basic(alice, "wrong")).status_code == 401

    answer = client.get("/who", headers=basic(alice, "wrong"))

    assert answer.status_code == 429
    assert 890 <= int(answer.headers["Retry-After"]) <= 900
