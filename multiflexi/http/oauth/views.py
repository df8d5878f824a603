"""What programs ask of OAuth2, where the library's own answer is not the one we want."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import IntrospectTokenView, TokenView
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.common import Request

from multiflexi.http.oauth import bearer
from multiflexi.http.oauth.limits import refused


class Tokens(TokenView):
    """Hands out tokens for the grants that the metadata name; the library knows more, and stumbles over some."""

    def post(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        grant = request.POST.get("grant_type", "")
        if not grant:
            return refused(400, "invalid_request", _("Name a grant_type."))
        if grant not in oauth2_settings.OAUTH2_GRANT_TYPES_SUPPORTED:
            known = ", ".join(oauth2_settings.OAUTH2_GRANT_TYPES_SUPPORTED)
            return refused(400, "unsupported_grant_type", _("Use one of the grants %(known)s.") % {"known": known})
        answer: HttpResponse = super().post(request, *arguments, **named)
        return answer


@method_decorator(csrf_exempt, name="dispatch")
class Introspection(OAuthLibMixin, View):
    """Tells a client about its own tokens; those of others are to it like tokens that do not exist (RFC 7662)."""

    http_method_names = ("post", "options")

    def post(self, request: HttpRequest) -> HttpResponse:
        client = self._client(request)
        if client is None:
            told = _("Give id and secret of an application that keeps a secret.")
            return refused(401, "invalid_client", told, {"WWW-Authenticate": 'Basic realm="MultiFlexi"'})
        token = request.POST.get("token", "")
        if not token:
            return refused(400, "invalid_request", _("Give the token."))
        own = AccessToken.objects.filter(application=client, token_checksum=_checksum(token)).first()
        if own is None or not bearer.is_good(own):
            return JsonResponse({"active": False})
        return IntrospectTokenView.get_token_response(token)

    def _client(self, request: HttpRequest) -> Application | None:
        core = self.get_oauthlib_core()
        asked = Request(*core._extract_params(request))
        known = core.server.request_validator.authenticate_client(asked)
        # A public client has no secret, which an empty one would match.
        return asked.client if known and asked.client.client_type == Application.CLIENT_CONFIDENTIAL else None


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
