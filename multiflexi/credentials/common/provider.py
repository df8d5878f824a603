"""Serves every prototype that has no provider of its own: its stored values, and the check that its type describes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.network import Network, place
from multiflexi.credentials.verdicts import available, misconfigured, require
from multiflexi.vault.secrecy import named_like_a_secret

OPTION = "check"
_METHODS = ("HEAD", "GET")
_PLACEHOLDER = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")


class Common(ShippedProvider):
    """The generic provider.

    The option `check` of a type is `{"tcp": {"host": …, "port": …}}` or `{"http": {"url": …, "method": "HEAD",
    "status": [200]}}`; `{NAME}` in host, port and url stands for the field of that name, never a secret one.
    """

    code = "Common"

    def probe(self, given: Given, network: Network) -> Result:
        described = given.options.get(OPTION)
        if not described:
            return super().probe(given, network)
        for kind, check in (("tcp", _tcp), ("http", _http)):
            if isinstance(described, dict) and isinstance(described.get(kind), dict):
                return check(described[kind], given, network)
        raise misconfigured(_("The option check of the credential type must describe a check of kind tcp or http."))


def _tcp(described: Mapping[str, Any], given: Given, network: Network) -> Result:
    host, port = (_filled(described.get(part), given) for part in ("host", "port"))
    if not host or not port.isdecimal() or not 0 < int(port[:9]) < 65536:
        raise misconfigured(_("The check of the credential type needs a host, and a port between 1 and 65535."))
    network.reach(host, int(port))
    return available(_("%(place)s answers.") % {"place": place(host, int(port))})


def _http(described: Mapping[str, Any], given: Given, network: Network) -> Result:
    method = str(described.get("method", _METHODS[0])).upper()
    expected = described.get("status") or []
    statuses = expected if isinstance(expected, list) else [expected]
    if method not in _METHODS or not all(isinstance(status, int) for status in statuses):
        raise misconfigured(_("The check of the credential type must use HEAD or GET and expect statuses as numbers."))
    address = web.url(given, OPTION, _filled(described.get("url"), given, quote))
    answer = web.ask(network, given, method, address, follow=not statuses)
    if not statuses:
        return classify.answer(answer)
    if answer.status in statuses:
        return classify.answer(answer, fine=frozenset(statuses))
    # A status that is a success elsewhere is none where others are expected.
    unexpected = replace(answer, status=answer.status if answer.status >= 400 else 404)
    return replace(classify.answer(unexpected), details={"status": answer.status})


def _filled(template: Any, given: Given, escape: Callable[[str], str] = str) -> str:
    """The template with its placeholders replaced; values within an address are escaped, one at its start is not."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if named_like_a_secret(name):
            raise misconfigured(
                _("The check of the credential type must not use the secret %(name)s.") % {"name": name}
            )
        (text,) = require(given, name)
        return text if match.start() == 0 else escape(text)

    return _PLACEHOLDER.sub(value, str(template if template is not None else "")).strip()
