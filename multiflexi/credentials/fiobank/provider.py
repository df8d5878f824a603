"""Fio Bank: the token is never used by a check, because each call moves a cursor and counts against a limit."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from multiflexi.credentials import web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, misconfigured, require

TOKEN = "FIO_TOKEN"  # noqa: S105 - the name of a field
_FORM = re.compile(r"[A-Za-z0-9]{64}")


class FioBank(ShippedProvider):
    """Looks at the form of the token, and whether the bank's server answers at all."""

    code = "FioBank"
    server = "https://fioapi.fio.cz/"

    def probe(self, given: Given, network: Network) -> Result:
        (token,) = require(given, TOKEN)
        if not _FORM.fullmatch(token):
            raise misconfigured(
                _("%(name)s must have 64 letters and digits; copy it anew from the bank.") % {"name": TOKEN}
            )
        address = web.url(given, TOKEN, self.server)
        answer = web.ask(network, given, "HEAD", address, follow=False)
        text = _("The bank's server answers; the token itself is not tried, because that would use it up.")
        return available(text, details={"status": answer.status})
