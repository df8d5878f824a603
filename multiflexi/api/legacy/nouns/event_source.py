"""Event sources."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Answer, Row, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import suffixed
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, REQUIRED_TEXT, TEXT, TRUTH, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import Availability, EventSource
from multiflexi.services import event_source
from multiflexi.services.lists import same
from multiflexi.vault.secrecy import display

REACHED = (Availability.AVAILABLE, Availability.DEGRADED)
FIELDS = {
    "name": Field(REQUIRED_TEXT),
    **{name: Field(TEXT) for name in ("adapter_type", "db_connection", "db_host", "db_port", "db_database",
                                      "db_username")},
    "db_password": Field(TEXT, secret=True),
    "poll_interval": Field(NUMBER),
    "enabled": Field(TRUTH),
    "company_id": Field(NULLABLE_NUMBER),
}  # fmt: skip


def _row(one: EventSource) -> Row:
    plain = ("name", "adapter_type", "db_connection", "db_host", "db_port", "db_database", "db_username")
    return {
        "id": one.pk,
        **{name: getattr(one, name) for name in plain},
        "db_password": display(one.db_password),
        "poll_interval": one.poll_interval,
        "enabled": one.enabled,
        "last_processed_id": one.last_processed_id,
        "created": one.created_at,
        "modified": one.updated_at,
        "company_id": one.company_id,
        "state": one.state,
        "last_error": one.last_error,
    }


def _create(call: Call) -> EventSource:
    return event_source.create(call.actor, **{"name": "", **call.given(FIELDS)})


def _update(call: Call, found: EventSource) -> None:
    event_source.update(call.actor, found, **call.given(FIELDS))


NOUN = Noun(
    one="eventsource",
    many="eventsources",
    key="eventSourceId",
    name=event_source.NOUN,
    schema="EventSource",
    item="event_source",
    query=event_source.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable=same(
        "id", "name", "adapter_type", "enabled", "poll_interval", created="created_at", modified="updated_at"
    ),
    find=event_source.find,
    detail=lambda call, found: _row(found),
    filters={
        "enabled": Filter(TRUTH),
        "active": Filter(TRUTH, "enabled"),
        "search": Filter(TEXT),
        "company_id": Filter(NUMBER, "company__exact"),
    },
    fields=FIELDS,
    required=("name",),
    create=_create,
    update=_update,
    remove=lambda call, found: event_source.remove(call.actor, found),
    ids={
        "list": "listEventSources",
        "get": "getEventSourceById",
        "set": "setEventSourceById",
        "delete": "deleteEventSourceById",
    },
    successor="event-sources",
)
NOUN.declare()


@suffixed(
    "POST", "eventsource/{eventSourceId}/test", id="testEventSourceConnection", schema="Reached", tag="eventsource"
)
def test(call: Call) -> Answer:
    """Try to reach an event source"""
    result = event_source.test(call.actor, NOUN.select(call))
    reached = result.state in REACHED
    told = {"reachable": reached, "message": result.message}
    return record(told if reached else told | {"error": result.message})
