"""API tokens as they are presented: looked up by keyed hash, judged anew at each request."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import Token
from multiflexi.services.errors import BadCredential
from multiflexi.vault import keyed

PURPOSE = "api token"
USE_IS_NOTED_EVERY = timedelta(minutes=1)


def hashed(value: str) -> str:
    """The keyed hash to store of a token."""
    return keyed.code(keyed.current_key(), PURPOSE, value)


def by_value(value: str, address: str) -> Token:
    """The valid token, with its enabled account; one query. Raises BadCredential, the same for all reasons.

    `address` is the client's; a token bound to networks is refused where it is unknown.
    """
    found = Token.objects.select_related("user").filter(token_hash__in=keyed.codes(PURPOSE, value)).first()
    if found is None or not _usable(found, address):
        raise BadCredential(_("The token is unknown, expired or revoked; create a new one."), "bad_token")
    _note_use(found, address)
    return found


def _usable(token: Token, address: str) -> bool:
    now = timezone.now()
    in_time = token.start <= now and (token.until is None or now < token.until)
    return in_time and token.revoked_at is None and token.user.is_active and _from_its_networks(token, address)


def _from_its_networks(token: Token, address: str) -> bool:
    if token.networks is None:
        return True
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(client, "ipv4_mapped", None)
    return any((mapped or client) in ipaddress.ip_network(one, strict=False) for one in token.networks)


def _note_use(token: Token, address: str) -> None:
    """Rarely, and without waiting for others: a busy client would else write its row at each request."""
    now = timezone.now()
    before = now - USE_IS_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    Token.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_ip=address[:45] or None)
