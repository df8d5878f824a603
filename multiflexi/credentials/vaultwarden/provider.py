"""VaultWarden and Bitwarden: values are read at the start of a job and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.vaultwarden.cipher import Undecipherable
from multiflexi.credentials.vaultwarden.safe import EMAIL, FOLDER, PASSWORD, URL, Item, Safe, sign_in
from multiflexi.credentials.verdicts import available, misconfigured, require
from multiflexi.jobs.names import changes_loading, is_reserved

_OTHERS = re.compile(r"[^A-Z0-9]")


class VaultWarden(ShippedProvider):
    """`<ITEM>_USERNAME` and `<ITEM>_PASSWORD` of each login in the folder."""

    code = "VaultWarden"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        sources: dict[str, str] = {}
        for item in _items(given, network):
            prefix = _OTHERS.sub("_", item.name.upper())
            if sources.setdefault(prefix, item.name) != item.name or f"{prefix}_PASSWORD" in found:
                raise misconfigured(
                    _("Two items of the folder give the same names: %(one)s and %(other)s; rename one.")
                    % {"one": sources[prefix], "other": item.name}
                )
            for part, text in (("USERNAME", item.user), ("PASSWORD", item.password)):
                name = f"{prefix}_{part}"
                if not is_reserved(name) and not changes_loading(name):
                    found[name] = Value(text, True)
        return found

    def probe(self, given: Given, network: Network) -> Result:
        safe, _folder = _open(given, network)
        return available(
            _("The sign-in is accepted, and the folder is there."),
            details={"folders": len(safe.content.get("folders") or [])},
        )


def _open(given: Given, network: Network) -> tuple[Safe, str]:
    name = require(given, URL, EMAIL, PASSWORD, FOLDER)[-1]
    safe = sign_in(given, network)
    try:
        folder = safe.folder(name)
    except Undecipherable:
        folder = None
    if folder is None:
        raise misconfigured(_("The account has no folder of the name in %(name)s.") % {"name": FOLDER})
    return safe, folder


def _items(given: Given, network: Network) -> list[Item]:
    safe, folder = _open(given, network)
    try:
        return list(safe.items(folder))
    except Undecipherable:
        items = None
    if items is None:
        raise misconfigured(_("An item of the folder cannot be opened with the keys of this account."))
    return items
