"""Azure: a service principal and the resource group that its container instances run in."""

from __future__ import annotations

from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, microsoft, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, misconfigured, require
from multiflexi.models import Availability

TENANT, SECRET, SUBSCRIPTION, GROUP = (
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_RESOURCE_GROUP",
)
_VERSION = "2021-04-01"


class Azure(ShippedProvider):
    """Signs in and reads the resource group."""

    code = "Azure"
    login = "https://login.microsoftonline.com"
    management = "https://management.azure.com"

    def probe(self, given: Given, network: Network) -> Result:
        _tenant, client, secret, subscription = require(given, TENANT, "AZURE_CLIENT_ID", SECRET, SUBSCRIPTION)
        microsoft.reject_secret_id(given, SECRET)
        token = microsoft.token(
            network,
            given,
            self.login,
            microsoft.tenant(given, TENANT),
            {
                "grant_type": "client_credentials",
                "client_id": client,
                "client_secret": secret,
                "scope": "https://management.azure.com/.default",
            },
        )
        place = f"/subscriptions/{quote(subscription, safe='')}"
        if given.text(GROUP):
            place += f"/resourceGroups/{quote(given.text(GROUP), safe='')}"
        address = web.url(given, SUBSCRIPTION, self.management).at(f"{place}?api-version={_VERSION}")
        answer = web.ask(network, given, "GET", address, headers={"Authorization": f"Bearer {token.text}"})
        found = classify.answer(answer)
        if found.state is Availability.MISCONFIGURED:
            raise misconfigured(
                _("Azure accepts the sign-in, but not the subscription or resource group (status %(status)d).")
                % {"status": answer.status}
            )
        if found.state is Availability.AVAILABLE:
            return available(_("Azure accepts the sign-in."), details={"token_expires": token.expires})
        return found
