"""API tokens as they are presented: looked up by keyed hash, judged anew at each request."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import Token, User
from multiflexi.models.compiled import Compiled, columns
from multiflexi.services.addresses import Ranges, parsed
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
    found = _stored(keyed.codes(PURPOSE, value))
    if found is None or not _usable(found, address):
        raise BadCredential(_("The token is unknown, expired or revoked; create a new one."), "bad_token")
    _note_use(found, address)
    return found


def _stored(hashes: list[str]) -> Token | None:
    rows = _with_user(hashes)
    if not rows:
        return None
    alias, mine = Token.objects.db, columns(Token)
    token = Token.from_db(alias, mine, rows[0][: len(mine)])
    token.user = User.from_db(alias, columns(User), rows[0][len(mine) :])
    return token


_with_user = Compiled(
    lambda hashes: Token.objects.filter(token_hash__in=hashes).values_list(*columns(Token), *columns(User, "user__"))
)


def counts(number: int, address: str) -> bool:
    """Whether the token with this id is valid now, for this client."""
    found = Token.objects.select_related("user").filter(pk=number).first()
    return found is not None and _usable(found, address)


def _usable(token: Token, address: str) -> bool:
    now = timezone.now()
    in_time = token.start <= now and (token.until is None or now < token.until)
    return in_time and token.revoked_at is None and token.user.is_active and _from_its_networks(token, address)


def _from_its_networks(token: Token, address: str) -> bool:
    if token.networks is None:
        return True
    return Ranges((one, None) for one in token.networks).has(parsed(address), timezone.now())


def _note_use(token: Token, address: str) -> None:
    """Rarely, and without waiting for others: a busy client would else write its row at each request."""
    now = timezone.now()
    before = now - USE_IS_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    Token.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_ip=address[:45] or None)
