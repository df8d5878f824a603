"""AbraFlexi: signs in and looks whether the company exists."""

from __future__ import annotations

from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import misconfigured, require
from multiflexi.models import Availability

URL, COMPANY = "ABRAFLEXI_URL", "ABRAFLEXI_COMPANY"


class AbraFlexi(ShippedProvider):
    """Reads two small documents of the server; both exist in every installation."""

    code = "AbraFlexi"

    def probe(self, given: Given, network: Network) -> Result:
        _url, login, password, company = require(given, URL, "ABRAFLEXI_LOGIN", "ABRAFLEXI_PASSWORD", COMPANY)
        server, headers = web.url(given, URL), web.basic(login, password)
        found = classify.answer(web.ask(network, given, "HEAD", server.below("c/"), headers=headers))
        if found.state is not Availability.AVAILABLE:
            return found
        answer = web.ask(network, given, "GET", server.below(f"c/{quote(company, safe='')}.json"), headers=headers)
        if answer.status == 404:
            raise misconfigured(
                _("The server answers, but it has no company of the code in %(name)s.") % {"name": COMPANY},
                {"status": 404},
            )
        return classify.answer(answer)
