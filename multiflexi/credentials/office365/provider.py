"""Office 365: SharePoint, mail and calendar through an application, or through a user."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, microsoft, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.office365 import user_sign_in
from multiflexi.credentials.verdicts import aliases, available, misconfigured, require
from multiflexi.models import Availability

TENANT, CLIENT, SITE = "OFFICE365_TENANT", "OFFICE365_CLIENTID", "OFFICE365_SITE"
SECRET, SECRET_ALIAS = "OFFICE365_CLSECRET", "OFFICE365_SECRET"
USER, PASSWORD = "OFFICE365_USERNAME", "OFFICE365_PASSWORD"


class Office365(ShippedProvider):
    """Signs in; with a site in the credential it also looks whether that can be reached."""

    code = "Office365"
    supplies = True
    login = "https://login.microsoftonline.com"
    graph = "https://graph.microsoft.com"

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return aliases(given, SECRET, SECRET_ALIAS, secret=True)

    def probe(self, given: Given, network: Network) -> Result:
        require(given, TENANT)
        tenant = microsoft.tenant(given, TENANT)
        secret_name = SECRET if given.text(SECRET) else SECRET_ALIAS
        if given.text(CLIENT) and given.text(secret_name):
            microsoft.reject_secret_id(given, secret_name)
            return self._as_application(given, network, tenant, given.text(secret_name))
        if given.text(USER) and given.values.get(PASSWORD):
            return self._as_user(given, network, tenant)
        raise misconfigured(
            _("Needed are %(client)s and %(secret)s, or %(user)s and %(password)s.")
            % {"client": CLIENT, "secret": SECRET, "user": USER, "password": PASSWORD}
        )

    def _as_application(self, given: Given, network: Network, tenant: str, secret: str) -> Result:
        token = microsoft.token(
            network,
            given,
            self.login,
            tenant,
            {
                "grant_type": "client_credentials",
                "client_id": given.text(CLIENT),
                "client_secret": secret,
                "scope": "https://graph.microsoft.com/.default",
            },
        )
        details = {"flow": "client", "token_expires": token.expires, "roles": token.roles}
        if not given.text(SITE):
            return available(_("Microsoft accepts the application."), details=details)
        host = f"{tenant.removesuffix('.onmicrosoft.com')}.sharepoint.com"
        place = f"/v1.0/sites/{quote(host, safe='.')}:/sites/{quote(given.text(SITE), safe='')}"
        address = web.url(given, SITE, self.graph).at(place)
        answer = web.ask(network, given, "GET", address, headers={"Authorization": f"Bearer {token.text}"})
        found = classify.answer(answer)
        if found.state is Availability.AVAILABLE:
            return available(_("Microsoft accepts the application, and it can read the site."), details=details)
        if found.state is Availability.MISCONFIGURED:
            raise misconfigured(
                _("Microsoft accepts the application, but it cannot read the site in %(name)s (status %(status)d).")
                % {"name": SITE, "status": answer.status},
                details,
            )
        return found

    def _as_user(self, given: Given, network: Network, tenant: str) -> Result:
        user, password = given.text(USER), given.values[PASSWORD]
        details: dict[str, object] = {"flow": "user", "discouraged": True}
        if given.text(CLIENT):
            fields = {
                "grant_type": "password",
                "client_id": given.text(CLIENT),
                "username": user,
                "password": password,
                "scope": "https://graph.microsoft.com/.default",
            }
            details["token_expires"] = microsoft.token(network, given, self.login, tenant, fields).expires
        else:
            user_sign_in.attempt(network, given, login=self.login, tenant=tenant, user=user, password=password)
        return available(
            _("Microsoft accepts the user. A sign-in by password has no second factor; better use an application."),
            details=details,
        )
