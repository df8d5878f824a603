"""Zabbix: a server to send values to, and its API."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network, place
from multiflexi.credentials.verdicts import available, misconfigured, port, require
from multiflexi.models import Availability

SERVER, PORT, URL, TOKEN = "ZABBIX_SERVER", "ZABBIX_PORT", "ZABBIX_URL", "ZABBIX_API_TOKEN"
DEFAULT_PORT = 10051
_VERSION = re.compile(r"\d+(\.\d+){1,2}[a-z0-9]{0,8}")
_ENTRY = "api_jsonrpc.php"
_PSK = re.compile(r"(?:[0-9A-Fa-f]{2}){16,256}")


class Zabbix(ShippedProvider):
    """Asks the API for its version, and who the token is; else connects to the server."""

    code = "Zabbix"

    def probe(self, given: Given, network: Network) -> Result:
        if not given.text(URL):
            require(given, SERVER)
        psk = given.text("ZABBIX_PSK")
        if psk and not _PSK.fullmatch(psk):
            raise misconfigured(_("%(name)s must have at least 32 hexadecimal digits.") % {"name": "ZABBIX_PSK"})
        if psk:
            require(given, "ZABBIX_PSK_IDENTITY")
        found = self._api(given, network) if given.text(URL) else None
        if found is not None and (found.state is not Availability.AVAILABLE or not given.text(SERVER)):
            return found
        return found or self._server(given, network)

    def _server(self, given: Given, network: Network) -> Result:
        # A list is that of a cluster; the first of its groups is asked for.
        first = re.split(r"[,;]", given.text(SERVER))[0].strip()
        host, colon, own_port = first.rpartition(":") if first.count(":") == 1 else (first, "", "")
        if colon and not own_port.isdecimal():
            raise misconfigured(_("%(name)s must name servers as host or host:port.") % {"name": SERVER})
        number = int(own_port[:5]) if colon else port(given, PORT, DEFAULT_PORT)
        network.reach(host, number)
        return available(_("%(place)s takes connections.") % {"place": place(host, number)})

    def _api(self, given: Given, network: Network) -> Result:
        address = web.url(given, URL)
        entry = address if address.target.endswith(".php") else address.below(_ENTRY)
        answer, version = _call(network, given, entry, "apiinfo.version", [])
        if answer.state is not Availability.AVAILABLE:
            return answer
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise misconfigured(_("%(name)s is not the address of a Zabbix frontend.") % {"name": URL})
        details = {"version": version}
        token = given.text(TOKEN)
        if token:
            bearer = {"Authorization": f"Bearer {token}"}
            answer, users = _call(network, given, entry, "user.get", {"output": ["userid"], "limit": 1}, headers=bearer)
            if answer.state is not Availability.AVAILABLE:
                return answer
            if not isinstance(users, list):
                raise misconfigured(_("Zabbix refuses the token in %(name)s.") % {"name": TOKEN}, details)
        return available(_("The API of Zabbix answers."), details=details)


def _call(
    network: Network,
    given: Given,
    address: web.Url,
    method: str,
    parameters: Any,
    *,
    headers: dict[str, str] | None = None,
) -> tuple[Result, Any]:
    kind, body = web.as_json({"jsonrpc": "2.0", "method": method, "params": parameters, "id": 1})
    answer = web.ask(network, given, "POST", address, headers={**kind, **(headers or {})}, body=body)
    document = answer.json()
    return classify.answer(answer), document.get("result") if isinstance(document, dict) else None
