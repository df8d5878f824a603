"""Addresses of OAuth2, under the names that its library looks for. What is not here does not exist."""

from django.urls import path
from oauth2_provider import views

from multiflexi.web.views.oauth import Consent

app_name = "oauth2_provider"
urlpatterns = [
    path("oauth/authorize/", Consent.as_view(), name="authorize"),
    path("oauth/token/", views.TokenView.as_view(), name="token"),
    path("oauth/token", views.TokenView.as_view()),
    path("oauth/revoke/", views.RevokeTokenView.as_view(), name="revoke-token"),
    path("oauth/revoke", views.RevokeTokenView.as_view()),
    path("oauth/introspect/", views.IntrospectTokenView.as_view(), name="introspect"),
    path("oauth/introspect", views.IntrospectTokenView.as_view()),
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
