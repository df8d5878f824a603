"""Who is signed in to the pages, and for how long; a session can be ended from elsewhere and counts no longer then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout
from django.contrib.auth.backends import BaseBackend
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from multiflexi.http.requests import actor_of
from multiflexi.models import User
from multiflexi.record import audit
from multiflexi.record.actor import Origin
from multiflexi.services import sign_in as proof
from multiflexi.services import web_sessions

Handler = Callable[[HttpRequest], HttpResponse]
NUMBER, REMEMBER, RENEWED, PROVEN = "number", "remember", "renewed", "proven"
RENEW_SECONDS = 900
# Requests that are under way with the former identifier are still answered.
OVERLAP = timedelta(seconds=30)
PROVEN_SECONDS = 900


class Accounts(BaseBackend):
    """Finds the account of a session; who it is was proven by `multiflexi.services.sign_in`."""

    def get_user(self, user_id: int) -> User | None:
        """The account, as long as it is enabled."""
        user = User.objects.filter(pk=user_id, is_system=False).first()
        return user if user and user.is_active else None


def sign_in(request: HttpRequest, user: User, *, remember: bool) -> None:
    """Sign in whoever proved to be this account; the identifier of the session changes."""
    request.session.flush()
    with transaction.atomic():
        login(request, user, backend=f"{__name__}.{Accounts.__name__}")
        _register(request, user, remember=remember)
        proof.note(actor_of(request, Origin.WEB), user)
    prove(request)
    request.session.set_expiry(settings.SESSION_COOKIE_AGE if remember else 0)


def sign_out(request: HttpRequest) -> None:
    """End the session at hand."""
    if isinstance(request.user, User):
        web_sessions.note_end(request.session.get(NUMBER, ""))
        with transaction.atomic():
            audit.write(actor_of(request, Origin.WEB), "sign_out", request.user, event_type="logout")
    logout(request)


def prove(request: HttpRequest) -> None:
    """Note that the person at the keyboard just proved again who they are."""
    request.session[PROVEN] = int(time.time())


def proven_lately(request: HttpRequest) -> bool:
    """Whether that was short enough ago for changes that somebody passing by must not make."""
    return bool(request.session.get(PROVEN, 0) + PROVEN_SECONDS > time.time())


def watch(answer: Handler) -> Handler:
    """Middleware: end sessions whose time is over, and give the others a new identifier now and then."""

    def handle(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or SESSION_KEY not in request.session:
            return answer(request)
        if not _counts(request):
            logout(request)
            # For the sign-in page, which says why it is there.
            request.session["ended"] = True
        elif request.session.get(RENEWED, 0) + RENEW_SECONDS < time.time():
            _renew(request)
        return answer(request)

    return handle


def _counts(request: HttpRequest) -> bool:
    if not isinstance(request.user, User):
        return False
    if NUMBER not in request.session:
        _register(request, request.user, remember=False)
    return web_sessions.alive(
        request.session[NUMBER],
        request.user.pk,
        request.headers.get("User-Agent"),
        remember=request.session.get(REMEMBER, False),
    )


def _register(request: HttpRequest, user: User, *, remember: bool) -> None:
    row = web_sessions.begin(actor_of(request, Origin.WEB), user, remember=remember)
    request.session[NUMBER] = row.pk
    request.session[REMEMBER] = remember
    request.session[RENEWED] = int(time.time())


def _renew(request: HttpRequest) -> None:
    former = request.session.session_key
    content = dict(request.session.items())
    request.session.create()
    request.session.update(content)
    request.session[RENEWED] = int(time.time())
    Session.objects.filter(session_key=former).update(expire_date=timezone.now() + OVERLAP)
