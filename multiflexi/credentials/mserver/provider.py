"""Stormware Pohoda mServer: reads its status document."""

from __future__ import annotations

from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.translation import gettext as _

from multiflexi.credentials import web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network, place
from multiflexi.credentials.verdicts import available, degraded, misconfigured, require, unavailable

URL = "POHODA_URL"
TTL = 120.0
_DETAILS = {"name": "company", "status": "status", "processing": "processing", "server": "server", "message": "message"}


class MServer(ShippedProvider):
    """Any answer but the status document and 401 is a passing trouble: the server freezes under load."""

    code = "MServer"

    def probe(self, given: Given, network: Network) -> Result:
        _url, user, password = require(given, URL, "POHODA_USERNAME", "POHODA_PASSWORD")
        token = web.basic(user, password)["Authorization"]
        address = web.url(given, URL, plain=True)
        answer = web.ask(
            network, given, "GET", address.below("status"), headers={"STW-Authorization": token}, follow=False
        )
        where = {"place": place(address.host, address.port), "status": answer.status}
        if answer.status == 401:
            raise misconfigured(
                _("mServer at %(place)s denies access; correct POHODA_USERNAME and POHODA_PASSWORD.") % where
            )
        if answer.status != 200:
            raise unavailable(_("mServer at %(place)s answers with status %(status)d.") % where)
        details = _status(answer.body)
        if not details:
            raise unavailable(_("mServer at %(place)s answers without its status.") % where)
        if details.get("processing", "0") not in ("", "0") or details.get("status", "").lower() == "busy":
            return degraded(_("mServer at %(place)s is busy.") % where, TTL, details)
        return available(_("mServer at %(place)s is ready.") % where, TTL, details)


def _status(body: bytes) -> dict[str, str]:
    """The known parts of the status document; empty for any other text."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return {}
    if root.tag != "mServer":
        return {}
    found = {part: (root.findtext(element) or "").strip() for element, part in _DETAILS.items()}
    return {part: text for part, text in found.items() if text} or {"status": ""}
