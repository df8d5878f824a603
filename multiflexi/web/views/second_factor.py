"""Setting up a second factor, from the account's page or because signing in takes one."""

from __future__ import annotations

import base64
from io import BytesIO

import qrcode
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from qrcode.image.svg import SvgPathImage

from multiflexi.http.requests import actor_of
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import second_factor, totp
from multiflexi.services.errors import Invalid, ServiceError
from multiflexi.web import notices, steps
from multiflexi.web.forms.sign_in import Code, Saved
from multiflexi.web.guards import confirmed

FORM_METHODS = ["GET", "HEAD", "POST"]
SHOWN = "shown_codes"


@confirmed
@require_http_methods(FORM_METHODS)
def set_up(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app to one's own account."""
    user: User = request.user  # type: ignore[assignment]
    return _set_up(request, user, actor_of(request, Origin.WEB), "set_up_second_factor", required=False)


@never_cache
@require_http_methods(FORM_METHODS)
def required(request: HttpRequest) -> HttpResponse:
    """The same, for somebody who may not go on without."""
    found = steps.current(request)
    if found is None:
        return HttpResponseRedirect(reverse("sign_in"))
    user, half = found
    if "saved" in request.POST and request.session.get(SHOWN) == user.pk and second_factor.is_on(user):
        return steps.finish(request, user, half)
    seen = actor_of(request, Origin.WEB)
    actor = Actor(user.pk, Origin.WEB, request_id=seen.request_id, ip=seen.ip, agent=seen.agent)
    return _set_up(request, user, actor, "second_factor_required", required=True)


@confirmed
@require_POST
def new_codes(request: HttpRequest) -> HttpResponse:
    """Replace one's recovery codes."""
    user: User = request.user  # type: ignore[assignment]
    try:
        codes = second_factor.new_codes(actor_of(request, Origin.WEB), user)
    except ServiceError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("security"))
    notices.factor_changed(request, user)
    return shown_codes(request, codes, reverse("security"))


@confirmed
@require_POST
def replace(request: HttpRequest) -> HttpResponse:
    """Go on with another app, for who may not be without one: whoever stops half-way must set one up at sign-in."""
    user: User = request.user  # type: ignore[assignment]
    second_factor.drop_app(actor_of(request, Origin.WEB), user)
    notices.factor_changed(request, user)
    return HttpResponseRedirect(reverse("set_up_second_factor"))


@confirmed
@require_POST
def switch_off(request: HttpRequest) -> HttpResponse:
    """Take one's second factor away."""
    user: User = request.user  # type: ignore[assignment]
    if second_factor.required_from(user):
        messages.error(request, _("Your role takes a second factor; it can only be replaced."))
    elif second_factor.switch_off(actor_of(request, Origin.WEB), user):
        notices.factor_changed(request, user)
        messages.success(request, _("The second factor is switched off."))
    return HttpResponseRedirect(reverse("security"))


def _set_up(request: HttpRequest, user: User, actor: Actor, here: str, *, required: bool) -> HttpResponse:
    try:
        secret = second_factor.begin(user)
    except ServiceError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("sign_in" if required else "security"))
    form = Code(request.POST or None)
    if form.is_valid():
        try:
            codes = second_factor.confirm(actor, user, form.cleaned_data["code"])
        except Invalid as error:
            form.add_error("code", error.details["rule"])
        else:
            if required:
                # Of this account alone: whoever begins anew as somebody else must not go on with it.
                request.session[SHOWN] = user.pk
            notices.factor_changed(request, user)
            return shown_codes(request, codes, reverse(here) if required else reverse("security"))
    shown = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    context = {
        "form": form,
        "secret": shown,
        "picture": _picture(totp.address(secret, user.login)),
        "required": required,
        "address": reverse(here),
    }
    return render(request, "set_up_second_factor.html", context, status=422 if form.errors else 200)


def shown_codes(request: HttpRequest, codes: list[str], address: str) -> HttpResponse:
    """The codes, in an answer that nobody keeps; they cannot be shown again."""
    halves = [f"{code[:4]}-{code[4:]}" for code in codes]
    return render(request, "recovery_codes.html", {"codes": halves, "form": Saved(), "address": address})


def _picture(text: str) -> str:
    """A QR code as an image that is part of the page; no other server learns the secret."""
    content = BytesIO()
    qrcode.make(text, image_factory=SvgPathImage).save(content)
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"
