"""The registered OAuth2 clients; managed by whoever configures the installation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application

from multiflexi.access.matrix import Scope
from multiflexi.models import OAuthClient, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup, revocation
from multiflexi.services.errors import invalid_field
from multiflexi.services.rights import need
from multiflexi.services.standing import need_in_place_of

RIGHT = "system.config"
NOUN = "OAuth application"
CODE, CREDENTIALS = Application.GRANT_AUTHORIZATION_CODE, Application.GRANT_CLIENT_CREDENTIALS
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def listed(actor: Actor) -> list[tuple[Application, OAuthClient]]:
    """All clients with their limits, by name. Raises NotPermitted."""
    need(actor, RIGHT)
    limits = {one.client_id: one for one in OAuthClient.objects.select_related("account")}
    rows = Application.objects.filter(client_id__in=limits).order_by("name", "pk")
    return [(one, limits[one.client_id]) for one in rows]


def create(
    actor: Actor,
    *,
    name: str,
    grant: str,
    scopes: Iterable[str],
    public: bool = False,
    redirect_uris: Sequence[str] = (),
    account: str = "",
) -> tuple[Application, str]:
    """Register a client; it and its secret, which is shown this once and empty for a public client.

    `account` is the login of the account that a client of client credentials acts as. Raises NotPermitted, Invalid.
    """
    need(actor, RIGHT)
    wanted = _usable_scopes(scopes)
    owner = _service_account(actor, account) if grant == CREDENTIALS else None
    if grant == CREDENTIALS and public:
        raise invalid_field("public", _("a client that acts for itself must keep a secret; make it confidential."))
    if grant == CODE:
        _check_addresses(redirect_uris)
    secret = "" if public else generate_client_secret()
    with transaction.atomic():
        client = Application.objects.create(
            name=name,
            client_type=Application.CLIENT_PUBLIC if public else Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=grant,
            client_secret=secret,
            redirect_uris=" ".join(redirect_uris) if grant == CODE else "",
        )
        OAuthClient.objects.create(client_id=client.client_id, scopes=wanted, account=owner)
        data = {"name": name, "grant": grant, "scopes": wanted, "account": owner and owner.login}
        audit.write(actor, "create", ("OAuthClient", client.pk), severity="high", data=data)
    return client, secret


def delete(actor: Actor, client_id: str) -> None:
    """Remove a client with all of its tokens, which count no longer at once. Raises NotPermitted and NotFound."""
    need(actor, RIGHT)
    client = lookup.by_key(Application.objects.all(), NOUN, client_id=client_id)
    with transaction.atomic():
        audit.write(actor, "delete", ("OAuthClient", client.pk), severity="high", data={"name": client.name})
        OAuthClient.objects.filter(client_id=client_id).delete()
        client.delete()
        revocation.of_client(actor, client_id)


def _usable_scopes(scopes: Iterable[str]) -> list[str]:
    given = set(scopes)
    unknown = given - {scope.value for scope in Scope}
    if unknown or not given:
        known = ", ".join(scope.value for scope in Scope)
        raise invalid_field("scopes", _("choose at least one of %(known)s.") % {"known": known})
    return [scope.value for scope in Scope if scope.value in given]


def _check_addresses(addresses: Sequence[str]) -> None:
    if not addresses:
        raise invalid_field("redirect_uris", _("give the address that the client is called back at."))
    for one in addresses:
        parts = urlsplit(one)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not safe or not parts.hostname or parts.fragment or "*" in one:
            raise invalid_field(
                "redirect_uris",
                _("%(address)s is not usable: give complete https:// addresses, or http:// ones of this machine.")
                % {"address": one},
            )


def _service_account(actor: Actor, login: str) -> User:
    """An account that is nobody's: without a password, and with no right that the actor lacks."""
    found = User.objects.filter(login=login, is_system=False).first()
    if found is None or not found.is_active or found.has_usable_password():
        raise invalid_field(
            "account",
            _("name an enabled account without a password, made for this client; its roles and companies are its own."),
        )
    need_in_place_of(actor, "users.update", found)
    return found
