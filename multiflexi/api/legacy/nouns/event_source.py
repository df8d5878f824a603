"""Event sources."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Answer, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import suffixed
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, REQUIRED_TEXT, TEXT, TRUTH, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import EventSource
from multiflexi.services import event_source
from multiflexi.services.presenters.event_source import SORTABLE, row

FIELDS = {
    "name": Field(REQUIRED_TEXT),
    **{name: Field(TEXT) for name in ("adapter_type", "db_connection", "db_host", "db_port", "db_database",
                                      "db_username")},
    "db_password": Field(TEXT, secret=True),
    "poll_interval": Field(NUMBER),
    "enabled": Field(TRUTH),
    "company_id": Field(NULLABLE_NUMBER),
}  # fmt: skip


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
    rows=lambda call, found: [row(one) for one in found],
    sortable=SORTABLE,
    find=event_source.find,
    detail=lambda call, found: row(found),
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
    reached = event_source.is_reached(result)
    told = {"reachable": reached, "message": result.message}
    return record(told if reached else told | {"error": result.message})
