"""Addresses of this surface."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.views.i18n import set_language

from multiflexi.web.views import account, oauth, passkey, password, second_factor, setup, sign_in


def entrance(request: HttpRequest) -> HttpResponse:
    """The root leads to the account, and whoever is not signed in from there to the sign-in page."""
    return HttpResponseRedirect(reverse("account"))


urlpatterns: list[URLPattern | URLResolver] = [
    path("", entrance, name="entrance"),
    path("language/", set_language, name="set_language"),
    path("setup/", setup.setup, name="setup"),
    path("login/", sign_in.sign_in, name="sign_in"),
    path("login/2fa/", sign_in.second_factor, name="second_factor"),
    path("login/passkey/", passkey.sign_in, name="passkey_sign_in"),
    path("login/set-up/", second_factor.required, name="second_factor_required"),
    path("logout/", sign_in.sign_out, name="sign_out"),
    path("password/change/", password.change, name="change_password"),
    path("password/reset/", password.forgotten, name="forgotten_password"),
    path("password/reset/<str:uidb36>/<str:token>/", password.reset, name="reset_password"),
    # Some mail programs lose the slash at the end, and an address that is not known is logged as it is.
    path("password/reset/<str:uidb36>/<str:token>", password.reset),
    path("", include("multiflexi.web.oauth_urls")),
    path("oauth/applications/", oauth.applications, name="oauth_applications"),
    path("oauth/applications/<str:client_id>/delete/", oauth.delete, name="delete_oauth_application"),
    path("me/", account.account, name="account"),
    path("me/confirm/", sign_in.confirm, name="confirm"),
    path("me/security/", account.security, name="security"),
    path("me/security/second-factor/", second_factor.set_up, name="set_up_second_factor"),
    path("me/security/second-factor/off/", second_factor.switch_off, name="switch_off_second_factor"),
    path("me/security/second-factor/replace/", second_factor.replace, name="replace_second_factor"),
    path("me/security/passkeys/add/", passkey.add, name="add_passkey"),
    path("me/security/passkeys/<str:number>/", passkey.rename, name="rename_passkey"),
    path("me/security/passkeys/<str:number>/remove/", passkey.remove, name="remove_passkey"),
    path("me/security/codes/", second_factor.new_codes, name="new_codes"),
    path("me/security/applications/<str:client_id>/end/", account.take_back, name="take_back"),
    path("me/security/sessions/end-others/", account.end_others, name="end_others"),
    path("me/security/sessions/<str:number>/end/", account.end_session, name="end_session"),
]
