"""Signing in, the second step of it, and signing out."""

from __future__ import annotations

from dataclasses import asdict, replace

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from multiflexi.http import sessions
from multiflexi.http.proxies import client_address
from multiflexi.http.requests import actor_of
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import first_administrator, passkey
from multiflexi.services import second_factor as factor
from multiflexi.services import sign_in as proof
from multiflexi.services.errors import BadCredential, Refused, ServiceError, TooMany
from multiflexi.web import ceremonies, devices, steps
from multiflexi.web.forms.sign_in import Code, Confirmation, SignIn
from multiflexi.web.guards import signed_in

MOST_WRONG_CODES = 5
FORM_METHODS = ["GET", "HEAD", "POST"]
SECOND, CONFIRM = "second", "confirm"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page."""
    target = request.POST.get("next", request.GET.get("next", ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(steps.local(request, target) or reverse("account"))
    if request.method != "POST" and first_administrator.is_wanted():
        return HttpResponseRedirect(reverse("setup"))
    form = SignIn(request.POST or None)
    if form.is_valid():
        try:
            user = _proven(request, proof.login_of(form.cleaned_data["login"]), form.cleaned_data["password"])
        except TooMany as error:
            form.add_error(None, error.message)
            page = _page(request, form, target, 429)
            page["Retry-After"] = str(error.retry_after)
            return page
        except BadCredential as error:
            form.add_error(None, error.message)
        else:
            return steps.begin(request, user, remember=form.cleaned_data["remember"], next=target)
    return _page(request, form, target, _status(form))


@never_cache
@require_http_methods(FORM_METHODS)
def second_factor(request: HttpRequest) -> HttpResponse:
    """The second step of signing in."""
    found = steps.current(request)
    if found is None:
        return _again(request, _("That took too long; sign in again."))
    user, half = found
    form = Code(request.POST or None, optional=bool(request.POST.get(ceremonies.FIELD)))
    if form.is_valid():
        try:
            _check(request, user, form, SECOND)
        except BadCredential as error:
            half = replace(half, failures=half.failures + 1)
            request.session[steps.KEY] = asdict(half)
            if half.failures >= MOST_WRONG_CODES:
                return _again(request, error.message)
            form.add_error("code", error.message)
        except Refused as error:
            form.add_error(None, error.message)
        else:
            return steps.finish(request, user, half)
    context = {"form": form, "app": factor.has_app(user), "passkey": _offer(request, user, SECOND)}
    return render(request, "second_factor.html", context, status=_status(form))


@signed_in
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
def confirm(request: HttpRequest) -> HttpResponse:
    """The password once more, before what somebody passing by must not do."""
    user: User = request.user  # type: ignore[assignment]
    target = request.POST.get("next", request.GET.get("next", ""))
    with_code = factor.is_on(user)
    form = Confirmation(request.POST or None, with_code=with_code, optional=bool(request.POST.get(ceremonies.FIELD)))
    if form.is_valid():
        try:
            _proven(request, user.login, form.cleaned_data["password"])
            if with_code:
                _check(request, user, form, CONFIRM)
        except ServiceError as error:
            form.add_error(None, error.message)
        else:
            sessions.prove(request)
            return HttpResponseRedirect(steps.local(request, target) or reverse("security"))
    context = {"form": form, "next": target, "passkey": _offer(request, user, CONFIRM) if with_code else None}
    return render(request, "confirm.html", context, status=_status(form))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """The end of the session."""
    sessions.sign_out(request)
    messages.success(request, _("You are signed out."))
    return HttpResponseRedirect(reverse("sign_in"))


def _page(request: HttpRequest, form: SignIn, target: str, status: int) -> HttpResponse:
    ended = request.session.pop("ended", False)
    context = {"form": form, "next": target, "ended": ended, "passkeys": ceremonies.site_of(request) is not None}
    return render(request, "sign_in.html", context, status=status)


def _check(request: HttpRequest, user: User, form: forms.Form, purpose: str) -> None:
    """A passkey where the browser gave one, else the code. Raises BadCredential and Refused."""
    if request.POST.get(ceremonies.FIELD):
        passkey.check(_actor(request, user), user, *ceremonies.answered(request, purpose))
    else:
        factor.check(_actor(request, user), user, form.cleaned_data["code"])


def _offer(request: HttpRequest, user: User, purpose: str) -> dict[str, str] | None:
    """What asks the browser for a passkey of the account; None where it has none for this address."""
    site = ceremonies.site_of(request)
    asked = site and passkey.ask(user, site)
    return ceremonies.offer(request, purpose, site, asked) if site and asked else None


def _proven(request: HttpRequest, login: str, password: str) -> User:
    agent = request.headers.get("User-Agent", "")
    known = devices.knows(request, login)
    return proof.by_password(login, password, address=client_address(request), agent=agent, known_device=known)


def _again(request: HttpRequest, why: str) -> HttpResponse:
    steps.forget(request)
    messages.error(request, why)
    return HttpResponseRedirect(reverse("sign_in"))


def _actor(request: HttpRequest, user: User) -> Actor:
    """Whoever knows the account's password, signed in or not yet."""
    seen = actor_of(request, Origin.WEB)
    return Actor(user.pk, Origin.WEB, request_id=seen.request_id, ip=seen.ip, agent=seen.agent)


def _status(form: forms.Form) -> int:
    return 422 if form.errors else 200
