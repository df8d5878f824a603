"""Event sources: where events come from; they concern the whole installation."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from multiflexi.credentials import registry
from multiflexi.credentials.contract import Given, Result
from multiflexi.models import Availability, Company, EventSource
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, destinations, lookup
from multiflexi.services.errors import Invalid, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError
from multiflexi.vault.keyring import CREDENTIALS
from multiflexi.vault.secrecy import MASK, NOT_SET

NOUN = "Event source"
SECRET = ("db_password",)
NULLABLE = ("db_database", "db_username")
ADDRESS = ("db_connection", "db_host", "db_port")
# Clients made from the former API's description send these along with every change; this host is hardly a stranger's.
DEFAULTS = {name: getattr(EventSource(), name) for name in ADDRESS}
POINTER = "last_processed_id"
REACHED = (Availability.AVAILABLE, Availability.DEGRADED)


def query(actor: Actor, *, enabled: bool | None = None, search: str | None = None) -> QuerySet[EventSource]:
    """Sources of all companies and those of the companies the actor sees. Raises NotPermitted."""
    own = visible(EventSource, actor).values("pk")
    rows = EventSource.objects.filter(Q(pk__in=own) | Q(company=None))
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return containing(rows, search, "name", "adapter_type")


def find(actor: Actor, reference: Any) -> EventSource:
    """By id, else by name. Raises NotFound."""
    return lookup.by_id_or(query(actor), NOUN, reference, "name")


def create(actor: Actor, *, name: str, db_password: str | None = None, **values: Any) -> EventSource:
    """Make a source; the password is sealed. Raises Invalid and Conflict, and a VaultError without master key."""
    need(actor, "system.config")
    given = _usable(actor, {**values, "name": name})
    with transaction.atomic():
        _refuse_duplicate(actor, given["name"])
        source = EventSource(**given)
        changes.check(source)
        source.save(force_insert=True)
        if db_password and db_password not in (MASK, NOT_SET):
            source.db_password = _sealed(source, db_password)
            source.save(update_fields=["db_password"])
            given["db_password"] = db_password
        audit.write(actor, "create", source, severity="medium", changes=changes.created(given, secret=SECRET))
    return source


def update(actor: Actor, source: EventSource, *, db_password: str | None = None, **values: Any) -> bool:
    """Change a source and say whether anything changed; an empty password or a mask keeps the stored one.

    Who lets it connect elsewhere gives the password again. Where it has got to is moved by `rewind` alone.
    Raises Invalid and Conflict.
    """
    need(actor, "system.config")
    given = _usable(actor, values)
    given.pop(POINTER, None)
    with transaction.atomic():
        source.refresh_from_db(from_queryset=EventSource.objects.select_for_update())
        if given.get("name", source.name) != source.name:
            _refuse_duplicate(actor, given["name"])
        changed = changes.assign(source, given)
        changes.check(source)
        given_anew = db_password if db_password not in ("", MASK, NOT_SET) else None
        moved = [name for name in ADDRESS if name in changed and changed[name][1] != DEFAULTS[name]]
        if moved and given_anew is None and source.db_password and not destinations.is_free(actor):
            raise invalid_field(
                "db_password", f"a new {' and '.join(moved)} would send the stored password elsewhere; give it again."
            )
        if given_anew is not None and given_anew != _opened(source):
            changed |= {"db_password": (source.db_password, given_anew)}
            source.db_password = _sealed(source, given_anew)
        if not changed:
            return False
        changes.save(source, changed)
        audit.write(actor, "update", source, severity="medium", changes=changes.for_audit(changed, secret=SECRET))
    return True


def rewind(actor: Actor, source: EventSource, pointer: int) -> bool:
    """Set the last processed record, so that later ones come again, and say whether it was another one."""
    need(actor, "system.config")
    if pointer < 0:
        raise invalid_field(POINTER, "it counts records; the least value is 0.")
    with transaction.atomic():
        source.refresh_from_db(from_queryset=EventSource.objects.select_for_update())
        changed = changes.assign(source, {POINTER: pointer})
        if changed:
            changes.check(source)
            changes.save(source, changed)
            audit.write(actor, "rewind", source, severity="high", changes=changes.for_audit(changed))
    return bool(changed)


def remove(actor: Actor, source: EventSource) -> None:
    """Delete a source with its rules."""
    need(actor, "system.config")
    with transaction.atomic():
        audit.write(
            actor,
            "delete",
            source,
            severity="medium",
            changes=changes.for_audit({"name": (source.name, None)}),
            data={"rules": list(source.rules.order_by("pk").values_list("pk", flat=True))},
        )
        source.delete()


def test(actor: Actor, source: EventSource) -> Result:
    """Whether the database answers and takes the login, by the network rules of credential checks.

    Never call it in a transaction: it waits for the other side. Raises NotPermitted.
    """
    need(actor, "system.config")
    audit.write(actor, "test", source, data={"host": source.db_host, "port": source.db_port})
    try:
        password = plain(source) or ""
    except VaultError as error:
        return Result(Availability.MISCONFIGURED, str(error))
    given = Given(
        {
            "DB_CONNECTION": source.db_connection,
            "DB_HOST": source.db_host,
            "DB_PORT": source.db_port,
            "DB_DATABASE": source.db_database or "",
            "DB_USERNAME": source.db_username or "",
            "DB_PASSWORD": password,
        },
        company_id=source.company_id,
    )
    result: Result = registry.get("DatabaseConnection").check(given)
    return result


def is_reached(result: Result) -> bool:
    """Whether what `test` found can be polled."""
    return result.state in REACHED


def _usable(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    given = changes.empty_to_none({name: one for name, one in values.items() if one is not None}, *NULLABLE)
    if "name" in given:
        given["name"] = str(given["name"]).strip()
        if not given["name"]:
            raise invalid_field("name", "an event source needs a name; give one.")
    owner = given.get("company_id")
    if owner is not None and not visible(Company, actor).filter(pk=owner).exists():
        raise invalid_field("company_id", "there is no company of this number.")
    port = given.get("db_port")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise invalid_field("db_port", "write a number from 1 to 65535.")
    if given.get("poll_interval") == "":
        del given["poll_interval"]
    if given.get("poll_interval", 1) < 1:
        raise Invalid(
            "poll_interval: the least value is 1 second.", "invalid_value", details={"field": "poll_interval"}
        )
    return given


def _refuse_duplicate(actor: Actor, name: str) -> None:
    found = EventSource.objects.filter(name=name).first()
    if found:
        seen = query(actor).filter(pk=found.pk).exists()
        raise lookup.taken(f"An event source {name}", found, seen=seen, code="event_source_exists", field="name")


def _sealed(source: EventSource, text: str) -> str:
    return envelope.seal(
        text,
        key=CREDENTIALS,
        table="event_source",
        field="db_password",
        record=source.pk,
        company_id=source.company_id,
    )


def plain(source: EventSource) -> str | None:
    """The password in clear. Raises a VaultError."""
    if not source.db_password:
        return None
    return envelope.open_sealed(source.db_password, table="event_source", field="db_password", record=source.pk)


def _opened(source: EventSource) -> str | None:
    """The stored password; an unreadable one counts as none, so that it can be replaced."""
    try:
        return plain(source)
    except VaultError:
        return None
