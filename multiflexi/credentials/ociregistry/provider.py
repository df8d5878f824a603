"""A registry of container images."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import degraded, require
from multiflexi.models import Availability

NAME, USER, PASSWORD = "REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"
_DOCKER_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_PART = re.compile(r'(\w+)="([^"]*)"')


class OciRegistry(ShippedProvider):
    """Signs in as container engines do; the password goes to hosts of the registry's own domain only."""

    code = "Registry"

    def probe(self, given: Given, network: Network) -> Result:
        (text,) = require(given, NAME)
        host = text.removeprefix("https://").rstrip("/")
        address = web.url(given, NAME, f"https://{_DOCKER_HUB.get(host, host)}/v2/")
        headers: dict[str, str] = {}
        if given.text(USER):
            headers = web.basic(given.text(USER), require(given, PASSWORD)[0])
        plain = web.ask(network, given, "GET", address)
        challenge = plain.headers.get("www-authenticate", "")
        if plain.status != 401 or challenge.lower().startswith("basic"):
            return classify.answer(web.ask(network, given, "GET", address, headers=headers))
        parts = dict(_PART.findall(challenge))
        realm = web.url(given, NAME, parts.get("realm", "")) if parts.get("realm") else None
        if realm is None or _domain(realm.host) != _domain(address.host):
            return degraded(_("The registry answers; the login was not tried, because another domain decides on it."))
        asked = realm.at(f"{realm.target.partition('?')[0]}?{urlencode({'service': parts.get('service', '')})}")
        found = classify.answer(web.ask(network, given, "GET", asked, headers=headers))
        return found if headers or found.state is not Availability.MISCONFIGURED else classify.answer(plain)


def _domain(host: str) -> str:
    """The last two labels of a name; an address stands for itself."""
    return host if re.fullmatch(r"[\d.]+|.*:.*", host) else ".".join(host.split(".")[-2:])
