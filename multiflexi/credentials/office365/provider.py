"""Office 365: SharePoint, mail and calendar through an application, or through a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, microsoft
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import CannotResolve, Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.office365 import user_sign_in
from multiflexi.credentials.office365.graph import Graph
from multiflexi.credentials.verdicts import aliases, available, degraded, misconfigured, require
from multiflexi.models import Availability

TENANT, CLIENT, SITE = "OFFICE365_TENANT", "OFFICE365_CLIENTID", "OFFICE365_SITE"
SECRET, SECRET_ALIAS = "OFFICE365_CLSECRET", "OFFICE365_SECRET"
USER, PASSWORD, USER_ID = "OFFICE365_USERNAME", "OFFICE365_PASSWORD", "OFFICE365_USER_ID"
WARN_BEFORE = timedelta(days=14)


class Office365(ShippedProvider):
    """Signs in, and looks whether it reaches what the credential names: a site, mail and calendar of a user."""

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
            return self._as_application(given, network, tenant, secret_name)
        if given.text(USER) and given.values.get(PASSWORD):
            return self._as_user(given, network, tenant)
        raise misconfigured(
            _("Needed are %(client)s and %(secret)s, or %(user)s and %(password)s.")
            % {"client": CLIENT, "secret": SECRET, "user": USER, "password": PASSWORD}
        )

    def _as_application(self, given: Given, network: Network, tenant: str, secret_name: str) -> Result:
        secret = given.text(secret_name)
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
        graph = Graph(self.graph, network, given, token)
        details: dict[str, object] = {"flow": "client", "token_expires": token.expires, "roles": token.roles}
        details |= self._looked_at(graph, given, tenant)
        return _judged(graph.secret_expires(given.text(CLIENT), secret), secret_name, details)

    def _looked_at(self, graph: Graph, given: Given, tenant: str) -> dict[str, object]:
        """What could be seen of site, mail and calendar. Raises CannotResolve, and Trouble."""
        seen: dict[str, object] = {}
        if given.text(SITE):
            _read_site(graph, given, tenant)
            seen["site"] = "readable"
        name = USER_ID if given.text(USER_ID) else USER
        if given.text(name):
            seen |= dict.fromkeys(graph.look(given.text(name), name), "readable")
        return seen

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
            token = microsoft.token(network, given, self.login, tenant, fields)
            details |= {"token_expires": token.expires, "roles": token.roles}
            graph = Graph(self.graph, network, given, token)
            details |= dict.fromkeys(graph.look(user, USER), "readable")
        else:
            user_sign_in.attempt(network, given, login=self.login, tenant=tenant, user=user, password=password)
        return available(
            _("Microsoft accepts the user. A sign-in by password has no second factor; better use an application."),
            details=details,
        )


def _read_site(graph: Graph, given: Given, tenant: str) -> None:
    """Raises CannotResolve when the site cannot be read, and Trouble."""
    host = f"{tenant.removesuffix('.onmicrosoft.com')}.sharepoint.com"
    answer = graph.get(f"/v1.0/sites/{quote(host, safe='.')}:/sites/{quote(given.text(SITE), safe='')}")
    found = classify.answer(answer)
    if found.state is Availability.MISCONFIGURED:
        raise misconfigured(
            _("Microsoft accepts the application, but it cannot read the site in %(name)s (status %(status)d).")
            % {"name": SITE, "status": answer.status},
            {"flow": "client", "status": answer.status},
        )
    if found.state is not Availability.AVAILABLE:
        raise CannotResolve(found)


def _judged(end: datetime | None, secret_name: str, details: dict[str, object]) -> Result:
    if end is None:
        return available(_("Microsoft accepts the application."), details=details)
    details["secret_expires"] = end.isoformat()
    day = {"day": end.date().isoformat()}
    if end - datetime.now(UTC) < WARN_BEFORE:
        result = degraded(
            _("Microsoft accepts the application, but its secret expires on %(day)s; create a new one.") % day,
            details=details,
        )
    else:
        result = available(
            _("Microsoft accepts the application; its secret is valid until %(day)s.") % day, details=details
        )
    return replace(result, expires={secret_name: end})
