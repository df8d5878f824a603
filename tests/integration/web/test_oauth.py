"""OAuth2: who gets which token, and what it is worth."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from multiflexi.http import authentication
from multiflexi.http.oauth import clients
from multiflexi.models import AuditEntry, User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services.errors import Invalid, NotPermitted
from tests.http import basic, password_of
from tests.integration.web.pages import sign_in, with_second_factor

pytestmark = pytest.mark.usefixtures("ring")
BACK = "https://client.example.org/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def _web(user: User) -> Actor:
    return Actor(user.pk, Origin.WEB)


@pytest.fixture
def public(root: User) -> Application:
    """A client on people's devices that may read and run jobs."""
    client, secret = clients.create(
        _web(root), name="Phone", grant=clients.CODE, scopes=["read", "jobs:run"], public=True, redirect_uris=[BACK]
    )
    assert secret == ""
    return client


def _ask(browser: Client, client: Application, **changed: str) -> Any:
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": BACK,
        "scope": "read",
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changed
    return browser.get(reverse("oauth2_provider:authorize"), query)


def _consent(browser: Client, client: Application, *, allow: bool = True, **changed: str) -> dict[str, list[str]]:
    page = _ask(browser, client, **changed)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()))
    answer = browser.post(reverse("oauth2_provider:authorize"), fields | ({"allow": "Authorize"} if allow else {}))
    return parse_qs(urlsplit(answer["Location"]).query)


def _token(**fields: str) -> Any:
    return Client().post(reverse("oauth2_provider:token"), fields)


def _code_token(browser: Client, client: Application, **changed: str) -> Any:
    code = _consent(browser, client)["code"][0]
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client.client_id,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    } | changed
    return _token(**given)


def _presented(token: str) -> tuple[Any, Any]:
    request = Request(APIRequestFactory().get("/", headers={"Authorization": f"Bearer {token}"}))
    return authentication.Bearer().authenticate(request)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    """Alice's, signed in."""
    sign_in(client, alice)
    return client


def test_a_person_allows_a_client_to_act_for_them(browser: Client, alice: User, public: Application):
    page = _ask(browser, public).content.decode()
    assert "Phone" in page
    answer = _code_token(browser, public).json()
    assert answer["scope"] == "read"
    user, presented = _presented(answer["access_token"])
    assert user == alice
    assert presented.scopes == {"read"}


def test_whoever_is_not_signed_in_signs_in_first(public: Application):
    answer = _ask(Client(), public)
    assert answer["Location"].startswith(reverse("sign_in"))


def test_the_page_may_lead_back_to_the_client_and_nowhere_else(browser: Client, public: Application):
    policy = _ask(browser, public)["Content-Security-Policy"]
    assert "form-action 'self' https://client.example.org;" in policy


def test_saying_no_gives_no_code(browser: Client, public: Application):
    answer = _consent(browser, public, allow=False)
    assert answer["error"] == ["access_denied"]
    assert "code" not in answer


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": ""},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"response_type": "token"},
        {"scope": "read admin"},
    ],
)
def test_a_request_that_is_not_allowed_gets_an_error(browser: Client, public: Application, changed: dict[str, str]):
    answer = _ask(browser, public, **changed)
    if answer.status_code == 302:
        assert "error=" in answer["Location"]
        assert "code=" not in answer["Location"]
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("changed", [{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"scope": "admin"}])
def test_a_changed_form_gets_no_code(browser: Client, public: Application, changed: dict[str, str]):
    page = _ask(browser, public).content.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    answer = browser.post(reverse("oauth2_provider:authorize"), fields | {"allow": "Authorize"} | changed)
    assert "code=" not in answer.get("Location", "")


def test_a_client_cannot_spare_people_the_question(browser: Client, public: Application):
    assert _code_token(browser, public).status_code == 200
    answer = _ask(browser, public, approval_prompt="auto")
    assert answer.status_code == 200
    assert "Phone" in answer.content.decode()


def test_an_unknown_address_to_call_back_is_never_called(browser: Client, public: Application):
    answer = _ask(browser, public, redirect_uri="https://evil.example/back")
    assert answer.status_code == 400
    assert "Location" not in answer


@pytest.mark.parametrize("changed", [{"code_verifier": "w" * 64}, {"code_verifier": ""}])
def test_a_code_is_worth_nothing_without_its_verifier(browser: Client, public: Application, changed: dict[str, str]):
    assert _code_token(browser, public, **changed).status_code == 400
    assert not AccessToken.objects.exists()


def test_no_token_is_kept_in_clear(browser: Client, public: Application):
    answer = _code_token(browser, public).json()
    stored = repr(list(AccessToken.objects.values()) + list(RefreshToken.objects.values()))
    assert answer["access_token"] not in stored
    assert answer["refresh_token"] not in stored


def test_a_refresh_token_is_used_once_and_a_second_use_ends_its_family(browser: Client, public: Application):
    first = _code_token(browser, public).json()

    def refresh(token: str) -> Any:
        return _token(grant_type="refresh_token", refresh_token=token, client_id=public.client_id)

    second = refresh(first["refresh_token"]).json()
    with pytest.raises(AuthenticationFailed):
        _presented(first["access_token"])
    _presented(second["access_token"])
    assert refresh(first["refresh_token"]).status_code == 400
    assert refresh(second["refresh_token"]).status_code == 400
    with pytest.raises(AuthenticationFailed):
        _presented(second["access_token"])


def test_a_disabled_account_takes_its_tokens_along(browser: Client, alice: User, public: Application):
    answer = _code_token(browser, public).json()
    User.objects.filter(pk=alice.pk).update(enabled=False)
    with pytest.raises(AuthenticationFailed):
        _presented(answer["access_token"])
    refreshed = _token(grant_type="refresh_token", refresh_token=answer["refresh_token"], client_id=public.client_id)
    assert refreshed.status_code == 400


def test_tokens_end_by_time_and_by_request(browser: Client, public: Application):
    token = _code_token(browser, public).json()["access_token"]
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)), pytest.raises(AuthenticationFailed):
        _presented(token)
    Client().post(reverse("oauth2_provider:revoke-token"), {"token": token, "client_id": public.client_id})
    with pytest.raises(AuthenticationFailed):
        _presented(token)


def test_a_client_of_no_possible_name_asks_nobody(browser: Client, public: Application):
    assert _ask(browser, public, client_id="\x00").status_code == 400


def test_what_was_allowed_is_taken_back(browser: Client, public: Application, bob: User):
    token = _code_token(browser, public).json()["access_token"]
    stranger = Client()
    sign_in(stranger, bob)
    assert "Phone" not in stranger.get(reverse("security")).content.decode()
    stranger.post(reverse("take_back", args=(public.client_id,)))
    _presented(token)
    assert "Phone" in browser.get(reverse("security")).content.decode()
    browser.post(reverse("take_back", args=(public.client_id,)))
    with pytest.raises(AuthenticationFailed):
        _presented(token)


def test_a_client_acts_for_itself_as_its_service_account(root: User, robot: User):
    client, secret = clients.create(
        _web(root), name="Nightly", grant=clients.CREDENTIALS, scopes=["read", "jobs:run"], account="robot"
    )
    pair = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    answer = Client().post(
        reverse("oauth2_provider:token"),
        {"grant_type": "client_credentials", "scope": "jobs:run"},
        headers={"Authorization": f"Basic {pair}"},
    )
    user, presented = _presented(answer.json()["access_token"])
    assert user == robot
    assert presented.scopes == {"jobs:run"}
    assert "refresh_token" not in answer.json()
    told = (
        Client()
        .post(
            reverse("oauth2_provider:introspect"),
            {"token": answer.json()["access_token"]},
            headers={"Authorization": f"Basic {pair}"},
        )
        .json()
    )
    assert told["active"]
    assert told["scope"] == "jobs:run"
    assert secret not in repr(list(Application.objects.values()))
    wrong = _token(grant_type="client_credentials", client_id=client.client_id, client_secret=secrets.token_hex())
    assert wrong.status_code == 401


def test_passwords_are_no_way_to_a_token(public: Application, alice: User):
    answer = _token(grant_type="password", username="alice", password="alice's pass:word ž", client_id=public.client_id)
    assert answer.status_code in (400, 401)


def _introspect(token: str, client_id: str = "", secret: str = "", **more: Any) -> Any:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"} if client_id else {}
    return Client().post(reverse("oauth2_provider:introspect"), {"token": token} if token else {}, headers=headers)


def _own_token(root: User, name: str) -> tuple[str, str, str]:
    """Id and secret of a client that acts for itself, and a token of it."""
    client, secret = clients.create(_web(root), name=name, grant=clients.CREDENTIALS, scopes=["read"], account="robot")
    answer = _token(grant_type="client_credentials", client_id=client.client_id, client_secret=secret)
    return client.client_id, secret, answer.json()["access_token"]


def test_introspection_takes_a_client(browser: Client, public: Application):
    token = _code_token(browser, public).json()["access_token"]
    answer = _introspect(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic")
    # Anybody can name a client without a secret.
    assert _introspect(token, public.client_id).status_code == 401


def test_introspection_tells_a_client_of_its_own_tokens_only(root: User, robot: User):
    one, one_secret, token = _own_token(root, "Nightly")
    other, other_secret, _theirs = _own_token(root, "Daily")
    assert _introspect(token, one, one_secret).json()["active"]
    assert _introspect(token, other, other_secret).json() == {"active": False}
    assert _introspect("", one, one_secret).status_code == 400
    User.objects.filter(pk=robot.pk).update(enabled=False)
    assert _introspect(token, one, one_secret).json() == {"active": False}


def test_introspection_takes_no_token_in_an_address(root: User, robot: User):
    one, secret, token = _own_token(root, "Nightly")
    pair = base64.b64encode(f"{one}:{secret}".encode()).decode()
    answer = Client().get(
        reverse("oauth2_provider:introspect"), {"token": token}, headers={"Authorization": f"Basic {pair}"}
    )
    assert answer.status_code == 405


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": DEVICE}, "unsupported_grant_type"),
        ({"grant_type": DEVICE, "device_code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "\x00"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "\x00"}, "invalid_grant"),
    ],
)
def test_what_no_token_can_be_given_for_is_refused_cleanly(public: Application, fields: dict[str, str], error: str):
    answer = _token(**fields, client_id=public.client_id)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("grant", ["client_credentials", "authorization_code", "refresh_token"])
@pytest.mark.parametrize("name", ["\x00", "ž\x00", "x" * 5000])
def test_a_client_of_no_possible_name_is_unknown(grant: str, name: str):
    answer = _token(grant_type=grant, client_id=name, client_secret=name, code=name, refresh_token=name)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert _introspect("x", name, name).status_code == 401
    revoked = Client().post(reverse("oauth2_provider:revoke-token"), {"token": name, "client_id": name})
    assert revoked.status_code in (400, 401)


def test_the_metadata_names_what_there_is(client: Client):
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert told["token_endpoint"] == "http://testserver/oauth/token/"
    assert set(told["grant_types_supported"]) == {"authorization_code", "client_credentials", "refresh_token"}
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]
    assert "credentials:read" in told["scopes_supported"]
    behind = client.get("/multiflexi/.well-known/oauth-authorization-server").json()
    assert behind["token_endpoint"] == "http://testserver/multiflexi/oauth/token/"


def test_only_who_configures_the_installation_registers_clients(alice: User, root: User, robot: User):
    with pytest.raises(NotPermitted):
        clients.create(_web(alice), name="x", grant=clients.CODE, scopes=["read"], redirect_uris=[BACK])
    for wrong in (
        {"redirect_uris": []},
        {"redirect_uris": ["http://client.example.org/"]},
        {"redirect_uris": ["https://client.example.org/*"]},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"grant": clients.CREDENTIALS, "account": "alice"},
        {"grant": clients.CREDENTIALS, "account": "nobody"},
        {"grant": clients.CREDENTIALS, "account": "robot", "public": True},
    ):
        given = {"name": "x", "grant": clients.CODE, "scopes": ["read"], "redirect_uris": [BACK]} | wrong
        with pytest.raises(Invalid):
            clients.create(_web(root), **given)
    assert not Application.objects.exists()


def test_the_page_registers_and_removes_clients(client: Client, root: User, alice: User):
    sign_in(client, root)
    form = {"name": "Phone", "grant": clients.CODE, "redirect_uris": BACK, "scopes": ["read"]}
    page = client.post(reverse("oauth_applications"), form).content.decode()
    made = Application.objects.get()
    assert made.client_id in page
    assert "shown only now" in page
    assert AuditEntry.objects.filter(user_id=root.pk, entity_type="OAuthClient", action="create").exists()
    other = Client()
    sign_in(other, alice)
    assert other.get(reverse("oauth_applications")).status_code == 403
    other.post(reverse("delete_oauth_application", args=(made.client_id,)))
    assert Application.objects.exists()
    client.post(reverse("delete_oauth_application", args=(made.client_id,)))
    assert not Application.objects.exists()


def test_basic_does_not_get_around_the_second_factor(alice: User):
    request = APIRequestFactory().get("/", headers=basic(alice))
    assert authentication.Basic().authenticate(Request(request))[0] == alice
    with_second_factor(alice)
    with pytest.raises(AuthenticationFailed, match="second factor"):
        authentication.Basic().authenticate(Request(request))


def test_basic_does_not_get_around_the_duty_to_set_up_a_second_factor(root: User, settings: Any):
    request = APIRequestFactory().get("/", headers=basic(root))
    assert authentication.Basic().authenticate(Request(request))[0] == root
    settings.MULTIFLEXI_SECOND_FACTOR_GRACE = 0
    with pytest.raises(AuthenticationFailed, match="sign in to the pages to set one up") as refused:
        authentication.Basic().authenticate(Request(request))
    assert refused.value.get_codes() == "second_factor_overdue"
    with_second_factor(root)
    with pytest.raises(AuthenticationFailed, match="use an API token instead"):
        authentication.Basic().authenticate(Request(request))


def test_whoever_need_not_have_a_second_factor_goes_on_with_basic(alice: User, settings: Any):
    settings.MULTIFLEXI_SECOND_FACTOR_GRACE = 0
    request = APIRequestFactory().get("/", headers=basic(alice))
    assert authentication.Basic().authenticate(Request(request))[0] == alice


def test_the_duty_holds_for_tokens_given_for_a_password(root: User, settings: Any):
    settings.MULTIFLEXI_SECOND_FACTOR_GRACE = 0
    base = "/api/VitexSoftware/MultiFlexi/1.0.0/login.json"
    given = {"username": root.login, "password": password_of(root.login)}
    for answer in (Client().post(base, given), Client().get(base, headers=basic(root))):
        assert answer.status_code == 401
        assert "second factor" in answer.json()["message"]
        assert "token" not in answer.json()


def test_a_login_that_nobody_can_have_is_refused_like_a_wrong_one(alice: User):
    request = APIRequestFactory().get("/", headers=basic("a\0b", "x"))
    with pytest.raises(AuthenticationFailed) as refused:
        authentication.Basic().authenticate(Request(request))
    assert refused.value.get_codes() == "bad_password"
    given = {"username": "a\0b", "password": "x"}
    answer = Client().post("/api/VitexSoftware/MultiFlexi/1.0.0/login.json", given, content_type="application/json")
    assert answer.status_code in (400, 401)
