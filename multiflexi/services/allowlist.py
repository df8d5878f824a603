"""The lists of addresses that may connect: one of the installation, and one of each company that wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.jobs.queue import backend
from multiflexi.models import AllowedNetwork, Company
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import address_list, addresses, changes, lookup
from multiflexi.services.errors import Conflict, Refused, invalid_field
from multiflexi.services.rights import OF_THE_INSTALLATION, need

NOUN = "Allowed network"
RIGHT = "security.whitelist"


def query(actor: Actor, *, company: Company | None = None) -> QuerySet[AllowedNetwork]:
    """All entries, or those of a company. Raises NotPermitted."""
    need(actor, RIGHT)
    rows = AllowedNetwork.objects.filter(user=None)
    return rows.filter(company=company) if company else rows


def find(actor: Actor, reference: Any, *, company: Company | None = None) -> AllowedNetwork:
    """By id of any list, or by range of the installation's or a company's list. Raises NotFound."""
    if lookup.is_id(reference):
        return lookup.by_id(query(actor), NOUN, reference)
    return lookup.by_key(query(actor).filter(company=company), NOUN, network=_network(str(reference)))


def enabled() -> bool:
    """Whether any list restricts anybody."""
    return AllowedNetwork.objects.filter(user=None, active=True).exists()


def add(
    actor: Actor,
    network: str,
    *,
    company: Company | None = None,
    note: str = "",
    expires_at: datetime | None = None,
) -> AllowedNetwork:
    """Admit a range to the installation, or to the rows of a company; the first entry puts a list in force.

    Raises NotPermitted, Invalid, Conflict, and Refused where the caller would be locked out.
    """
    need(actor, RIGHT)
    entry = AllowedNetwork(
        network=_network(network),
        company=company,
        description=note or None,
        expires_at=_future(expires_at),
        created_by_id=actor.user_id,
    )
    changes.check(entry)
    with _changing(actor) as known:
        for one in known:
            if (one.network, one.company_id) == (entry.network, entry.company_id):
                raise Conflict(
                    _("Network %(network)s already exists in this list (id %(id)d); change or remove it.")
                    % {"network": entry.network, "id": one.pk},
                    "network_exists",
                    details={"id": one.pk, "field": "network"},
                )
        entry.save(force_insert=True)
        values = {"network": entry.network, "note": note, "expires_at": expires_at}
        _write(actor, "create", entry, "ip_whitelist_added", changes=changes.created(values))
    return entry


def update(actor: Actor, entry: AllowedNetwork, **values: Any) -> bool:
    """Change note, end or whether the entry counts, and say whether anything changed. Raises as `add`."""
    need(actor, RIGHT)
    if "expires_at" in values and values["expires_at"] != entry.expires_at:
        _future(values["expires_at"])
    values = changes.empty_to_none(values, "description")
    with _changing(actor):
        entry.refresh_from_db()
        changed = changes.assign(entry, values)
        if not changed:
            return False
        changes.check(entry)
        changes.save(entry, changed)
        _write(actor, "update", entry, "ip_whitelist_change", changes=changes.for_audit(changed))
    return True


def remove(actor: Actor, entry: AllowedNetwork) -> None:
    """Take an entry off its list; a list without entries restricts nobody. Raises NotPermitted and Refused."""
    need(actor, RIGHT)
    with _changing(actor):
        gone = changes.for_audit({"network": (entry.network, None)})
        _write(actor, "delete", entry, "ip_whitelist_removed", changes=gone)
        entry.delete()


def switch(actor: Actor, *, on: bool) -> int:
    """Put all entries of all lists in force or out of it; how many that changed. Raises as `update`."""
    need(actor, RIGHT)
    with _changing(actor):
        number = AllowedNetwork.objects.filter(user=None).exclude(active=on).update(active=on)
        if number:
            _write(actor, "enable" if on else "disable", "AllowedNetwork", "ip_whitelist_change", data={"rows": number})
    return number


@contextmanager
def _changing(actor: Actor) -> Iterator[list[AllowedNetwork]]:
    """Change the lists, one change after the other, but not so that the caller cannot change them back."""
    with transaction.atomic():
        yield list(backend().lock_waiting(AllowedNetwork.objects.filter(user=None).order_by("pk")))
        _keep_in(actor)
        address_list.note_change()


def _keep_in(actor: Actor) -> None:
    """The command line has no address, and is the way back in."""
    if actor.origin in OF_THE_INSTALLATION:
        return
    rows = AllowedNetwork.objects.filter(user=None, company=None, active=True)
    entries = list(rows.values_list("network", "expires_at"))
    if not entries:
        return
    if not addresses.Ranges(entries).has(addresses.parsed(actor.ip), timezone.now()):
        raise Refused(
            _("Your own address %(address)s would not be allowed any more; add a range that contains it first.")
            % {"address": actor.ip or _("(unknown)")},
            "would_lock_out",
            details={"address": actor.ip},
        )
    if all(until is not None for _range, until in entries):
        raise Refused(
            _("When the last entry ends, nobody would be allowed any more; add a range without an end first."),
            "would_lock_out",
        )


def _network(text: str) -> str:
    try:
        return str(addresses.network(text))
    except ValueError as error:
        told = _("%(reason)s; write an address or a range such as 192.0.2.0/24.") % {"reason": error}
        raise invalid_field("network", told) from None


def _future(moment: datetime | None) -> datetime | None:
    if moment is not None and moment <= timezone.now():
        told = _("the entry would have ended already; give a time to come or leave it empty.")
        raise invalid_field("expires_at", told)
    return moment


def _write(actor: Actor, action: str, entity: Any, event_type: str, **told: Any) -> None:
    audit.write(actor, action, entity, event_type=event_type, severity="high", **told)
