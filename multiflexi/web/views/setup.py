"""The first page of a new installation: its first administrator."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from multiflexi.http.requests import actor_of
from multiflexi.record.actor import Origin
from multiflexi.services import first_administrator
from multiflexi.services.errors import BadCredential, Conflict, Invalid, Refused, TooMany
from multiflexi.vault.errors import VaultError
from multiflexi.web import steps
from multiflexi.web.forms.setup import FirstAdministrator

FIELDS = {"plaintext": "password"}


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Make the account and sign in with it; there is no such page once there is one."""
    if not first_administrator.is_wanted():
        raise Http404("setup")
    initial = {
        "code": request.GET.get("code", ""),
        "language": get_language(),
        "timezone": settings.MULTIFLEXI_TIMEZONE or "UTC",
    }
    form = FirstAdministrator(request.POST or None, initial=initial)
    return (_made(request, form) if form.is_valid() else None) or _page(request, form)


def _made(request: HttpRequest, form: FirstAdministrator) -> HttpResponse | None:
    """Into the pages; None when the form says what is wrong."""
    given = dict(form.cleaned_data)
    code, plaintext = given.pop("code"), given.pop("password")
    try:
        user = first_administrator.create(actor_of(request, Origin.WEB), code, plaintext=plaintext, **given)
    except Invalid as error:
        field = FIELDS.get(error.details.get("field", ""), error.details.get("field"))
        form.add_error(field if field in form.fields else None, error.details.get("rule", error.message))
    except Conflict as error:
        form.add_error("login", error.message)
    except Refused as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("sign_in"))
    except BadCredential as error:
        form.add_error("code", error.message)
    except TooMany as error:
        form.add_error("code", error.message)
        page = _page(request, form, 429)
        page["Retry-After"] = str(error.retry_after)
        return page
    except VaultError as error:
        form.add_error(None, str(error))
    else:
        response = steps.enter(request, user, remember=False, next="")
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, given["language"])
        return response
    return None


def _page(request: HttpRequest, form: FirstAdministrator, status: int = 0) -> HttpResponse:
    return render(request, "setup.html", {"form": form}, status=status or (422 if form.errors else 200))
