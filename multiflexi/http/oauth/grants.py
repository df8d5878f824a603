"""What people allowed OAuth2 clients to do for them."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from multiflexi.models import User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup, revocation

NOUN = "OAuth application"


def given_by(user: User) -> list[Application]:
    """The clients that hold tokens of this account, by name."""
    live = AccessToken.objects.filter(user=user, expires__gt=timezone.now()).values("application_id")
    renewable = RefreshToken.objects.filter(user=user, revoked=None).values("application_id")
    return list(Application.objects.filter(Q(pk__in=live) | Q(pk__in=renewable)).order_by("name", "pk"))


def take_back(actor: Actor, user: User, client_id: str) -> None:
    """End all that the account allowed this client; its tokens count no longer at once. Raises NotFound."""
    client = lookup.by_key(Application.objects.all(), NOUN, client_id=client_id)
    with transaction.atomic():
        for tokens in (RefreshToken, AccessToken, Grant):
            tokens.objects.filter(user=user, application=client).delete()
        audit.write(actor, "delete", ("OAuthGrant", client.pk), severity="medium", data={"name": client.name})
        revocation.of_client(actor, client_id, user)
