"""Mails that tell the owner of an account what became different about signing in to it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.http.proxies import client_address
from multiflexi.models import User
from multiflexi.web import browsers, mailing


def password_changed(request: HttpRequest, user: User) -> None:
    """Somebody set a new password."""
    _tell(request, user, _("The password was changed"))


def factor_changed(request: HttpRequest, user: User) -> None:
    """A second factor was added, replaced or taken away, or there are new recovery codes."""
    _tell(request, user, _("The second factor was changed"))


def new_device(request: HttpRequest, user: User) -> None:
    """Somebody signed in with a browser that was not seen with this account before."""
    _tell(request, user, _("Sign-in with a new device"))


def _tell(request: HttpRequest, user: User, event: str) -> None:
    """Without a mail server, or an address to send to, the audit trail is all that knows."""
    if not settings.MULTIFLEXI_MAIL_URL or not user.email:
        return
    context = {
        "event": event,
        "login": user.login,
        "time": timezone.now(),
        "address": client_address(request),
        "browser": browsers.called(request.headers.get("User-Agent")),
    }
    mailing.send(f"MultiFlexi: {event}", render_to_string("mail/notice.txt", context), str(user.email))
