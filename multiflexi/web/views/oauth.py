"""OAuth2 pages: consent of people, and the clients of the installation."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from oauth2_provider.views import AuthorizationView

from multiflexi.http.headers import content_policy
from multiflexi.http.oauth import clients
from multiflexi.http.requests import actor_of
from multiflexi.record.actor import Origin
from multiflexi.services.errors import Invalid, NotPermitted, ServiceError
from multiflexi.web.forms.oauth import NewClient
from multiflexi.web.guards import confirmed


class Consent(AuthorizationView):
    """Asks whether a client may act for the person who is signed in."""

    template_name = "consent.html"

    def get(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        """The question; a request without proof of its origin (PKCE, RFC 7636) is not put to anybody."""
        if request.GET.get("code_challenge_method") != "S256" or not request.GET.get("code_challenge"):
            problem = {"error": "invalid_request", "description": "code_challenge_method S256"}
            return render(request, self.template_name, {"error": problem}, status=400)
        # A person is asked each time: any program could pass itself off as a client that keeps no secret.
        asked: QueryDict = request.GET.copy()
        asked.pop("approval_prompt", None)
        request.GET = asked  # type: ignore[assignment]
        response: HttpResponse = super().get(request, *arguments, **named)
        return response

    def render_to_response(self, context: dict[str, Any], **named: Any) -> HttpResponse:
        """The page; browsers count the way back to the client as a target of its form."""
        response: HttpResponse = super().render_to_response(context, **named)
        parts = urlsplit(context.get("redirect_uri") or "")
        if parts.scheme and parts.netloc:
            back = f"{parts.scheme}://{parts.netloc}"
            response["Content-Security-Policy"] = content_policy(forms_to=back)
        return response


@confirmed
@require_http_methods(["GET", "HEAD", "POST"])
def applications(request: HttpRequest) -> HttpResponse:
    """The clients, and a form for another one."""
    actor = actor_of(request, Origin.WEB)
    form = NewClient(request.POST or None)
    try:
        if form.is_valid():
            given = form.cleaned_data | {"redirect_uris": form.cleaned_data["redirect_uris"].split()}
            client, secret = clients.create(actor, **given)
            return render(request, "oauth_client.html", {"client": client, "secret": secret})
    except Invalid as error:
        field = error.details["field"]
        form.add_error(field if field in form.fields else None, error.details["rule"])
    except NotPermitted as error:
        form.add_error(None, error.message)
    try:
        listed = clients.listed(actor)
    except NotPermitted as error:
        return render(request, "refused.html", {"reason": error.message}, status=403)
    status = 422 if form.errors else 200
    return render(request, "oauth_clients.html", {"clients": listed, "form": form}, status=status)


@confirmed
@require_POST
def delete(request: HttpRequest, client_id: str) -> HttpResponse:
    """Remove a client."""
    try:
        clients.delete(actor_of(request, Origin.WEB), client_id)
        messages.success(request, _("The application is removed; its tokens count no longer."))
    except ServiceError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("oauth_applications"))
