"""Signing in for a token, and out."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import logout as end_session
from django.utils import timezone

from multiflexi.api.legacy.answers import Answer, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import operation, suffixed
from multiflexi.api.legacy.fields import TEXT, Field
from multiflexi.http.proxies import client_address
from multiflexi.http.requests import actor_of
from multiflexi.models import Token, User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import second_factor, sign_in, token, token_check
from multiflexi.services.errors import BadCredential, Invalid, invalid_field

VALID = timedelta(days=30)
LABEL = "login"
ERROR = {"status": "error"}
FIELDS = {"username": Field(TEXT), "login": Field(TEXT, "username"), "password": Field(TEXT)}
LOGOUT_FIELDS = {"token": Field(TEXT)}


@suffixed(
    "POST", "login", id="login", schema="LoggedIn", public=True, blind=True, rate="login", body=FIELDS, tag="login"
)
def login(call: Call) -> Answer:
    """Give a token to who knows login and password"""
    return _given_token(call, _by_password(call))


@suffixed("GET", "login", id="loginByHeader", schema="LoggedIn", public=True, rate="login", tag="login")
def login_by_header(call: Call) -> Answer:
    """Give a token to who is known by HTTP Basic"""
    presented = getattr(call.request, "auth", None)
    # A session must not do: whatever page leads its browser here would have a token made.
    by_header = presented is not None and presented.kind == "basic"
    return _given_token(call, call.request.user if by_header else _by_password(call))


def _by_password(call: Call) -> User:
    if "password" in call.query and not settings.API_TOKEN_IN_QUERY:
        raise invalid_field("password", "a secret in an address ends up in logs; send it in the body or as HTTP Basic.")
    given = call.given(FIELDS)
    if not given.get("username") or not given.get("password"):
        raise Invalid("username and password are required", "missing_value", members=ERROR)
    try:
        request = call.request._request
        agent = request.headers.get("User-Agent", "")
        user = sign_in.by_password(given["username"], given["password"], address=client_address(request), agent=agent)
        second_factor.refuse_password_alone(user)
    except BadCredential as error:
        raise BadCredential(error.message, error.code, members=ERROR) from None
    return user


def _given_token(call: Call, user: User) -> Answer:
    actor = _self(call, user)
    sign_in.note(actor, user)
    made = token.create(actor, user, label=LABEL, until=timezone.now() + VALID)
    return record(
        {
            "token": made.value,
            "user": {"id": user.pk, "login": user.login, "email": user.email},
            "expires_at": made.token.until,
            "message": "Signed in",
            "status": "success",
        }
    )


def _self(call: Call, user: User) -> Actor:
    """The account that has just proven who it is."""
    request = call.request._request
    request.user = user
    return actor_of(request, Origin.API)


@operation("POST", "logout", id="logout", schema="LoggedOut", public=True, body=LOGOUT_FIELDS, slash=False, tag="login")
def logout(call: Call) -> Answer:
    """Withdraw a token, or end the session"""
    value = call.given(LOGOUT_FIELDS).get("token")
    presented = getattr(call.request, "auth", None)
    if value:
        try:
            found = token_check.by_value(value, client_address(call.request._request))
        except BadCredential as error:
            raise BadCredential(error.message, error.code, members=ERROR) from None
        token.revoke(Actor(user_id=found.user_id, origin=Origin.API, token_id=found.pk), found)
    elif presented is not None and presented.token_id:
        token.revoke(call.actor, Token.objects.get(pk=presented.token_id))
    elif presented is not None and presented.kind == "session":
        end_session(call.request._request)
    else:
        raise Invalid("Missing token", "missing_value", details={"field": "token"}, members=ERROR)
    return record({"message": "Signed out", "status": "success"})


@suffixed("POST", "logout", id="logoutInFormat", schema="LoggedOut", public=True, body=LOGOUT_FIELDS, tag="login")
def logout_in_format(call: Call) -> Answer:
    """Withdraw a token, or end the session"""
    return logout(call)
