"""Passkeys of one's own account, and signing in with nothing but one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from multiflexi.http.requests import actor_of
from multiflexi.models import Passkey, User
from multiflexi.record.actor import Origin
from multiflexi.services import passkey as passkeys
from multiflexi.services.errors import BadCredential, Invalid, NotFound, ServiceError, TooMany
from multiflexi.web import browsers, ceremonies, notices, steps
from multiflexi.web.forms.passkey import Named, Stay
from multiflexi.web.guards import confirmed
from multiflexi.web.views.second_factor import shown_codes

FORM_METHODS = ["GET", "HEAD", "POST"]
ADD, ENTER = "add", "enter"


@confirmed
@require_http_methods(FORM_METHODS)
def add(request: HttpRequest) -> HttpResponse:
    """Make another passkey for one's own account."""
    user: User = request.user  # type: ignore[assignment]
    form = Named(request.POST or None, initial={"name": browsers.called(request.headers.get("User-Agent"))})
    if form.is_valid():
        try:
            asked = ceremonies.answered(request, ADD)
            codes = passkeys.add(actor_of(request, Origin.WEB), user, *asked, name=form.cleaned_data["name"])
        except ServiceError as error:
            form.add_error(None, error.message)
        else:
            notices.factor_changed(request, user)
            messages.success(request, _("The passkey is added."))
            return shown_codes(request, codes, reverse("security")) if codes else _back()
    return _page(request, user, form)


@confirmed
@require_http_methods(FORM_METHODS)
def rename(request: HttpRequest, number: str) -> HttpResponse:
    """Give a passkey another name."""
    passkey = _own(request, number)
    form = Named(request.POST or None, initial={"name": passkey.name})
    if form.is_valid():
        try:
            passkeys.rename(actor_of(request, Origin.WEB), passkey, form.cleaned_data["name"])
        except Invalid as error:
            form.add_error("name", error.details["rule"])
        else:
            return _back()
    return render(request, "rename_passkey.html", {"form": form}, status=422 if form.errors else 200)


@confirmed
@require_POST
def remove(request: HttpRequest, number: str) -> HttpResponse:
    """Take a passkey away."""
    passkey = _own(request, number)
    try:
        passkeys.remove(actor_of(request, Origin.WEB), passkey)
    except ServiceError as error:
        messages.error(request, error.message)
    else:
        notices.factor_changed(request, passkey.user)
        messages.success(request, _("The passkey is removed."))
    return _back()


@never_cache
@require_http_methods(FORM_METHODS)
def sign_in(request: HttpRequest) -> HttpResponse:
    """The only step of signing in, for devices that make sure who holds them."""
    target = request.POST.get("next", request.GET.get("next", ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(steps.local(request, target) or reverse("account"))
    form, status = Stay(request.POST or None), 200
    if form.is_valid():
        try:
            user = passkeys.recognise(actor_of(request, Origin.WEB), *ceremonies.answered(request, ENTER))
        except (ServiceError, BadCredential) as error:
            form.add_error(None, error.message)
            status = 429 if isinstance(error, TooMany) else 422
        else:
            return steps.enter(request, user, remember=form.cleaned_data["remember"], next=target)
    site = ceremonies.site_of(request)
    offered = site and ceremonies.offer(request, ENTER, site, passkeys.ask_anybody(site))
    return render(request, "passkey_sign_in.html", {"form": form, "next": target, "passkey": offered}, status=status)


def _page(request: HttpRequest, user: User, form: Named) -> HttpResponse:
    site = ceremonies.site_of(request)
    context: dict[str, Any] = {"form": form, "domain": site and site.domain}
    try:
        context["passkey"] = site and ceremonies.offer(request, ADD, site, passkeys.ask_for_new(user, site))
    except ServiceError as error:
        messages.error(request, error.message)
        return _back()
    return render(request, "add_passkey.html", context, status=422 if form.errors else 200)


def _own(request: HttpRequest, number: str) -> Passkey:
    user: User = request.user  # type: ignore[assignment]
    try:
        return passkeys.find(user, number)
    except NotFound as error:
        raise Http404(error.message) from None


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("security"))
