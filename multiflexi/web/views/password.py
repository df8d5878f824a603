"""Changing a password, and getting in again without it."""

from __future__ import annotations

from urllib.parse import urljoin

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from multiflexi.http import sessions
from multiflexi.http.proxies import client_address
from multiflexi.http.requests import actor_of
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import own_password, rate_limit
from multiflexi.services.errors import BadCredential, Invalid, Refused, TooMany
from multiflexi.services.rate_limit import Scope, Unavailable
from multiflexi.web import mailing, notices
from multiflexi.web.forms.password import ChangedPassword, ForgottenPassword, NewPassword
from multiflexi.web.guards import signed_in

FORM_METHODS = ["GET", "HEAD", "POST"]
LINK = "reset_link"


@signed_in
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
def change(request: HttpRequest) -> HttpResponse:
    """A new password instead of the present one."""
    user: User = request.user  # type: ignore[assignment]
    form = ChangedPassword(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        number = request.session.get(sessions.NUMBER)
        try:
            own_password.change(
                actor_of(request, Origin.WEB), user, present=given["present"], new=given["new"], session=number
            )
        except Invalid as error:
            form.add_error("new", error.details["rule"])
        except (BadCredential, TooMany) as error:
            form.add_error("present", error.message)
        else:
            update_session_auth_hash(request, user)
            notices.password_changed(request, user)
            messages.success(request, _("The password is changed; your other sessions are ended."))
            return HttpResponseRedirect(reverse("security"))
    return render(request, "change_password.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(FORM_METHODS)
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link; the answer is the same for accounts that exist and for others."""
    if not settings.MULTIFLEXI_MAIL_URL:
        return render(request, "no_mail.html")
    form = ForgottenPassword(request.POST or None)
    if form.is_valid():
        if not _allowed(Scope.RECOVERY, rate_limit.client(address=client_address(request))):
            form.add_error(None, _("Too many links were asked for from here; try again in an hour."))
            return render(request, "forgotten_password.html", {"form": form}, status=429)
        user = own_password.named(form.cleaned_data["account"])
        # Beyond the limit the answer is the same, or it would tell that the account exists.
        if user and _allowed(Scope.LINK, rate_limit.client(user_id=user.pk)):
            _send_link(request, user)
        return render(request, "link_sent.html")
    return render(request, "forgotten_password.html", {"form": form})


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
def reset(request: HttpRequest, uidb36: str, token: str) -> HttpResponse:
    """The page behind such a link. The proof moves from the address into the session, since addresses get around."""
    if token != LINK:
        request.session[LINK] = token
        return HttpResponseRedirect(reverse("reset_password", args=(uidb36, LINK)))
    try:
        user = own_password.of_link(base36_to_int(uidb36), request.session.get(LINK, ""))
    except (Refused, ValueError, OverflowError):
        messages.error(request, _("This link was used already or is too old; ask for a new one."))
        return HttpResponseRedirect(reverse("forgotten_password"))
    form = NewPassword(request.POST or None)
    if form.is_valid():
        seen = actor_of(request, Origin.WEB)
        actor = Actor(user.pk, Origin.WEB, request_id=seen.request_id, ip=seen.ip, agent=seen.agent)
        try:
            own_password.reset(actor, user, form.cleaned_data["new"])
        except Invalid as error:
            form.add_error("new", error.details["rule"])
        else:
            del request.session[LINK]
            notices.password_changed(request, user)
            messages.success(request, _("The password is set; sign in with it."))
            return HttpResponseRedirect(reverse("sign_in"))
    return render(request, "reset_password.html", {"form": form}, status=422 if form.errors else 200)


def _allowed(scope: Scope, who: str) -> bool:
    try:
        decision = rate_limit.take(scope, who)
    except Unavailable:
        return False
    return decision is None or decision.allowed


def _send_link(request: HttpRequest, user: User) -> None:
    path = reverse("reset_password", args=(int_to_base36(user.pk), own_password.link_token(user)))
    base = settings.MULTIFLEXI_PUBLIC_URL
    address = urljoin(base, path) if base else request.build_absolute_uri(path)
    text = render_to_string("mail/reset_password.txt", {"login": user.login, "address": address})
    mailing.send(_("New password for MultiFlexi"), text, str(user.email))
