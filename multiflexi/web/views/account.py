"""One's own account: what it is, how it is protected, where it is signed in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from multiflexi.http import sessions
from multiflexi.http.oauth import grants
from multiflexi.http.requests import actor_of
from multiflexi.models import CompanyUser, User
from multiflexi.record.actor import Origin
from multiflexi.services import passkey, recovery_codes, second_factor, web_sessions
from multiflexi.services.errors import ServiceError
from multiflexi.web import browsers
from multiflexi.web.guards import confirmed, signed_in


@signed_in
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here and what I may do."""
    user: User = request.user  # type: ignore[assignment]
    roles = user.role_assignments.in_force().select_related("role").order_by("role__name")
    members = CompanyUser.objects.in_force().filter(user=user).select_related("company").order_by("company__name")
    return render(request, "account.html", {"roles": roles, "members": members})


@signed_in
def security(request: HttpRequest) -> HttpResponse:
    """Password, second factor, sessions and applications."""
    user: User = request.user  # type: ignore[assignment]
    listed = [{"row": one, "browser": browsers.called(one.user_agent)} for one in web_sessions.of_account(user)]
    context = {
        "on": second_factor.is_on(user),
        "app": second_factor.has_app(user),
        "passkeys": passkey.of_account(user),
        "codes_left": recovery_codes.left(user),
        "required_from": second_factor.required_from(user),
        "sessions": listed,
        "clients": grants.given_by(user),
        "this_session": request.session.get(sessions.NUMBER),
    }
    return render(request, "security.html", context)


@signed_in
@require_POST
def end_session(request: HttpRequest, number: str) -> HttpResponse:
    """End one of my sessions."""
    user: User = request.user  # type: ignore[assignment]
    if number == request.session.get(sessions.NUMBER):
        sessions.sign_out(request)
        return HttpResponseRedirect(reverse("sign_in"))
    try:
        web_sessions.end(actor_of(request, Origin.WEB), user, number)
        messages.success(request, _("The session is ended."))
    except ServiceError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("security"))


@signed_in
@require_POST
def take_back(request: HttpRequest, client_id: str) -> HttpResponse:
    """End what I allowed an application."""
    user: User = request.user  # type: ignore[assignment]
    try:
        grants.take_back(actor_of(request, Origin.WEB), user, client_id)
        messages.success(request, _("The application may not act for you any more."))
    except ServiceError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("security"))


@confirmed
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all of my sessions but this one."""
    user: User = request.user  # type: ignore[assignment]
    count = web_sessions.end_all(user, but=request.session.get(sessions.NUMBER))
    messages.success(request, _("Sessions ended: %(count)s.") % {"count": count})
    return HttpResponseRedirect(reverse("security"))
