"""Between the right password and being signed in: who that is, for a few minutes, without any right."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from multiflexi.http import sessions
from multiflexi.models import User
from multiflexi.services import second_factor
from multiflexi.web import devices

KEY = "half_signed_in"
SECONDS = 600


@dataclass(frozen=True)
class Half:
    """Somebody whose password was right; `proof` changes with the password."""

    user_id: int
    proof: str
    remember: bool
    next: str
    at: float
    failures: int = 0


def local(request: HttpRequest, address: str) -> str:
    """The address when it leads to a page of ours, else nothing."""
    fits = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if fits else ""


def begin(request: HttpRequest, user: User, *, remember: bool, next: str) -> HttpResponse:
    """Go on after the right password: to the second factor, to setting one up, or into the pages."""
    half = Half(user.pk, user.get_session_auth_hash(), remember, local(request, next), time.time())
    if second_factor.is_on(user):
        step = "second_factor"
    elif second_factor.is_overdue(user):
        step = "second_factor_required"
    else:
        return finish(request, user, half)
    request.session.flush()
    request.session[KEY] = asdict(half)
    return HttpResponseRedirect(reverse(step))


def enter(request: HttpRequest, user: User, *, remember: bool, next: str) -> HttpResponse:
    """Into the pages at once, after a proof that leaves no step to take."""
    return finish(request, user, Half(user.pk, "", remember, local(request, next), time.time()))


def current(request: HttpRequest) -> tuple[User, Half] | None:
    """Who is half signed in; None when nobody is, or no more."""
    kept = request.session.get(KEY)
    if not kept:
        return None
    half = Half(**kept)
    user = User.objects.filter(pk=half.user_id).first()
    in_time = half.at + SECONDS > time.time()
    if user is None or not in_time or not user.is_active:
        return None
    return (user, half) if constant_time_compare(half.proof, user.get_session_auth_hash()) else None


def finish(request: HttpRequest, user: User, half: Half) -> HttpResponse:
    """Sign in and go where the person wanted to go."""
    response = HttpResponseRedirect(half.next or reverse("account"))
    devices.note(request, response, user)
    sessions.sign_in(request, user, remember=half.remember)
    return response


def forget(request: HttpRequest) -> None:
    """Back to the beginning."""
    request.session.pop(KEY, None)
