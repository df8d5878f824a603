"""WebAuthn between the pages and a browser: what it is asked stays in its session until it answers, once."""

from __future__ import annotations

import ipaddress
import json
import time
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.translation import gettext as _

from multiflexi.services.errors import Refused
from multiflexi.services.webauthn import Options, Site, State

KEY = "passkey_challenge"
SECONDS = 300
FIELD = "passkey"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def site_of(request: HttpRequest) -> Site | None:
    """How the browser sees us, by a host that the settings allow; None where browsers know no passkeys.

    They want an encrypted connection, or the machine itself, and a name instead of an address.
    """
    host = request.get_host().lower().removesuffix(DEFAULT_PORTS[request.scheme or "http"])
    domain = split_domain_port(host)[0].rstrip(".")
    loopback = domain == "localhost" or domain.endswith(".localhost")
    if not domain or _is_address(domain) or not (request.is_secure() or loopback):
        return None
    return Site(domain, f"{request.scheme}://{host}")


def offer(request: HttpRequest, purpose: str, site: Site, asked: tuple[Options, State]) -> dict[str, str]:
    """Keep the challenge for `answered`; what the page hands to the browser."""
    options, state = asked
    request.session[KEY] = {"purpose": purpose, "domain": site.domain, "state": state, "at": time.time()}
    return {"kind": purpose, "options": json.dumps(options["publicKey"])}


def answered(request: HttpRequest, purpose: str) -> tuple[Site, State, Any]:
    """What `offer` kept for this purpose and the browser's answer. Raises Refused for what is too old or used."""
    kept = _taken(request)
    site = site_of(request)
    asked = kept and kept["purpose"] == purpose and kept["at"] + SECONDS > time.time()
    if not kept or not asked or site is None or site.domain != kept["domain"]:
        raise Refused(_("That took too long, or was answered already; try again."), "challenge_unknown")
    try:
        return site, kept["state"], json.loads(request.POST.get(FIELD, ""))
    except (ValueError, RecursionError):
        raise Refused(_("The passkey was not accepted; try again."), "bad_passkey") from None


def _taken(request: HttpRequest) -> dict[str, Any] | None:
    """Of two answers at the same moment one gets the challenge, so it is taken from the stored session."""
    with transaction.atomic():
        row = Session.objects.select_for_update().filter(session_key=request.session.session_key).first()
        content = row.get_decoded() if row else {}
        kept: dict[str, Any] | None = content.pop(KEY, None)
        if row and kept:
            row.session_data = request.session.encode(content)
            row.save(update_fields=["session_data"])
    request.session.pop(KEY, None)
    return kept


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True
