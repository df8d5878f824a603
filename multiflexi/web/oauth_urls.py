"""Addresses of OAuth2, under the names that its library looks for. What is not here does not exist."""

from django.urls import path
from oauth2_provider import views

from multiflexi.http.oauth.limits import limited
from multiflexi.http.oauth.views import Introspection, Tokens
from multiflexi.web.views.oauth import Consent

TOKEN = limited(Tokens.as_view())
REVOKE = limited(views.RevokeTokenView.as_view())
INTROSPECT = limited(Introspection.as_view())

app_name = "oauth2_provider"
urlpatterns = [
    path("oauth/authorize/", Consent.as_view(), name="authorize"),
    path("oauth/token/", TOKEN, name="token"),
    path("oauth/token", TOKEN),
    path("oauth/revoke/", REVOKE, name="revoke-token"),
    path("oauth/revoke", REVOKE),
    path("oauth/introspect/", INTROSPECT, name="introspect"),
    path("oauth/introspect", INTROSPECT),
    path(
        ".well-known/oauth-authorization-server",
        views.OAuthServerMetadataView.as_view(),
        name="oauth-server-metadata",
    ),
    path(
        ".well-known/oauth-authorization-server/<path:issuer_path>",
        views.OAuthServerMetadataView.as_view(),
        name="oauth-server-metadata-issuer",
    ),
]
