"""Browsers that an account was signed in with before, known by a signed cookie that tells nobody which account."""

from __future__ import annotations

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from multiflexi.models import User
from multiflexi.web import notices

COOKIE = "known_device"
SALT = "known device"
DAYS = 400
# People who share a browser.
MOST = 8


def knows(request: HttpRequest, login: str) -> bool:
    """Whether this browser was signed in to the account before."""
    return _mark(login) in _marks(request)


def note(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember that it is now, and tell the owner when it was not; the first sign-in of all is no news."""
    if not knows(request, user.login) and user.last_login:
        notices.new_device(request, user)
    marks = [one for one in _marks(request) if one != _mark(user.login)][: MOST - 1]
    response.set_cookie(
        COOKIE,
        signing.dumps([_mark(user.login), *marks], salt=SALT),
        max_age=DAYS * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )


def _marks(request: HttpRequest) -> list[str]:
    try:
        marks: list[str] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=DAYS * 24 * 3600)
    except signing.BadSignature:
        return []
    return marks


def _mark(login: str) -> str:
    return salted_hmac(SALT, login).hexdigest()[:24]
