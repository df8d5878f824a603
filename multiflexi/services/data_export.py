"""Exports of one's own data: asked for, listed, and downloaded once by a link that lasts an hour.

The content is made at the download and kept nowhere. Only the owner of the account deals with them, as a person.
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.compliance import personal_data
from multiflexi.compliance.renderings import RENDERINGS
from multiflexi.models import DataExport, DataExportFormat, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup, rate_limit
from multiflexi.services.errors import Invalid, NotPermitted
from multiflexi.services.rate_limit import Exceeded, Scope
from multiflexi.services.rights import grants_of
from multiflexi.services.standing import need_own
from multiflexi.vault import keyed

NOUN = "Data export"
PURPOSE = "data export"
EVENT = "data_export"
VALID = timedelta(hours=1)
RANDOM_BYTES = 32
# Asked from more places within the hour, an account is probably not in one pair of hands.
MOST_ADDRESSES = 3
SHOWN = 10
_TOKEN = re.compile(r"[0-9a-f]{64}")


class Made(NamedTuple):
    """An export and the token of its link, which is told this once."""

    export: DataExport
    token: str


class File(NamedTuple):
    """An export as it is downloaded."""

    name: str
    media_type: str
    content: bytes


def query(actor: Actor) -> QuerySet[DataExport]:
    """The actor's own exports. Raises NotPermitted for tokens."""
    return DataExport.objects.filter(user=_owner(actor))


def find(actor: Actor, reference: Any) -> DataExport:
    """Raises NotFound."""
    return lookup.by_id(query(actor), NOUN, reference)


def recent(actor: Actor) -> list[DataExport]:
    """The last ten, newest first."""
    return list(query(actor).order_by("-pk")[:SHOWN])


def ask(actor: Actor, *, format: str) -> Made:
    """Prepare a link for an export of the actor's own data; it works once, for this account, within the hour.

    Raises NotPermitted for tokens and for the fourth address within an hour, Invalid for an unknown format, Exceeded
    after five exports in an hour for the account or from the address, and Unavailable when they cannot be counted.
    """
    user = _owner(actor)
    if format not in DataExportFormat.values:
        words = ", ".join(DataExportFormat.values)
        raise Invalid(
            # Clients search these words.
            f"Invalid format; use one of {words}.",
            "invalid_format",
            members={"available_formats": list(DataExportFormat.values)},
        )
    _count(actor, user)
    token, now = secrets.token_hex(RANDOM_BYTES), timezone.now()
    with transaction.atomic():
        # Of two calls at once, the second one must see the address of the first.
        User.objects.select_for_update().get(pk=user.pk)
        _refuse_many_addresses(actor, user)
        made = DataExport.objects.create(
            user=user,
            token_hash=keyed.code(keyed.current_key(), PURPOSE, token),
            format=format,
            ip_address=(actor.ip or "")[:45] or None,
            user_agent=actor.agent,
            created_at=now,
            expires_at=now + VALID,
        )
        audit.write(actor, "export", made, event_type=EVENT, severity="medium", data={"format": format})
    return Made(made, token)


def check(actor: Actor, token: str, *, export: DataExport | None = None) -> DataExport:
    """The export that the token opens for this actor, without using it up.

    Raises NotPermitted with one answer for tokens that are unknown, used, too old or somebody else's, and Invalid for
    what is no token.
    """
    user = _owner(actor)
    if not _TOKEN.fullmatch(token):
        raise Invalid(_("Invalid or missing token; take the address of the download as it was given."), "invalid_token")
    rows = DataExport.objects.select_related("user").filter(user=user, used_at=None, expires_at__gt=timezone.now())
    found = rows.filter(token_hash__in=keyed.codes(PURPOSE, token)).first()
    if found is None or (export is not None and export.pk != found.pk):
        raise _unusable()
    return found


def download(actor: Actor, token: str, *, export: DataExport | None = None) -> File:
    """Make the file and use the token up; when the file cannot be made, the token stays. Raises as `check` does."""
    found, now = check(actor, token, export=export), timezone.now()
    rendering = RENDERINGS[found.format]
    # Made first: an embedded database is locked for others during a transaction.
    content = rendering.write(
        personal_data.collect(found.user, now=now, address=actor.ip, agent=actor.agent, closed=grants_of(actor).closed)
    )
    with transaction.atomic():
        if not DataExport.objects.filter(pk=found.pk, used_at=None).update(used_at=timezone.now()):
            raise _unusable()
        audit.write(
            actor,
            "download",
            found,
            event_type=EVENT,
            severity="high",
            data={"format": found.format, "bytes": len(content)},
        )
    login = re.sub(r"[^\w.@-]", "_", found.user.login)
    name = f"multiflexi_data_export_{login}_{now:%Y-%m-%d_%H-%M-%S}.{rendering.extension}"
    return File(name, rendering.media_type, content)


def _owner(actor: Actor) -> User:
    """The account that acts for itself. Raises NotPermitted for tokens and for the command line."""
    user = User.objects.filter(pk=actor.user_id or 0).first()
    need_own(actor, user or User())
    return user  # type: ignore[return-value]


def _count(actor: Actor, user: User) -> None:
    clients = [rate_limit.client(user_id=user.pk)]
    if actor.ip:
        clients.append(rate_limit.client(address=actor.ip))
    for who in clients:
        decision = rate_limit.take(Scope.EXPORT, who)
        if decision and not decision.allowed:
            audit.write(
                actor,
                "export",
                "DataExport",
                event_type="api_rate_limit_exceeded",
                severity="medium",
                outcome="denied",
                data={"client": who.partition(":")[0]},
            )
            raise Exceeded(
                _("At most %(number)d exports of personal data in an hour, for an account and from an address.")
                % {"number": decision.limit.requests},
                decision,
            )


def _refuse_many_addresses(actor: Actor, user: User) -> None:
    recent = DataExport.objects.filter(user=user, created_at__gt=timezone.now() - VALID)
    known = {rate_limit.client(address=one or "") for one in recent.values_list("ip_address", flat=True)}
    if len(known | {rate_limit.client(address=actor.ip or "")}) > MOST_ADDRESSES:
        raise NotPermitted(
            _(
                "Suspicious activity: exports were asked for from more than %(number)d addresses within an hour. "
                "Change your password if that was not you, and try again in an hour."
            )
            % {"number": MOST_ADDRESSES},
            "suspicious_activity",
        )


def _unusable() -> NotPermitted:
    return NotPermitted(
        _("The link of this export was used, is too old, or is not yours; ask for a new export."), "link_unusable"
    )
