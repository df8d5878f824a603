"""Event rules."""

from __future__ import annotations

from typing import Any

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, OBJECT, REQUIRED_TEXT, TEXT, TRUTH, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import EventRule
from multiflexi.services import event_rule
from multiflexi.services.presenters.event_rule import SORTABLE, row

FIELDS = {
    "event_source_id": Field(NULLABLE_NUMBER),
    "runtemplate_source_id": Field(NULLABLE_NUMBER),
    "source_runtemplate_id": Field(NULLABLE_NUMBER, "runtemplate_source_id"),
    "runtemplate_id": Field(NUMBER),
    "target_runtemplate_id": Field(NUMBER, "runtemplate_id"),
    "evidence": Field(TEXT),
    "operation": Field(REQUIRED_TEXT),
    "priority": Field(NUMBER),
    "enabled": Field(TRUTH),
    "env_mapping": Field(OBJECT),
    "name": Field(TEXT),
}


def _row(one: EventRule) -> Row:
    return row(one) | {
        "source_runtemplate_id": one.runtemplate_source_id,
        "target_runtemplate_id": one.runtemplate_id,
        "mapping": one.env_mapping or {},
    }


def _given(call: Call) -> dict[str, Any]:
    """Null means "any" and "none" for some members, and nothing for the others."""
    given = call.given(FIELDS)
    return {name: value for name, value in given.items() if value is not None or name not in ("enabled", "operation")}


NOUN = Noun(
    one="eventrule",
    many="eventrules",
    key="eventRuleId",
    name=event_rule.NOUN,
    schema="EventRule",
    item="event_rule",
    query=event_rule.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable=SORTABLE,
    find=event_rule.find,
    detail=lambda call, found: _row(found),
    filters={
        "company_id": Filter(NUMBER),
        "enabled": Filter(TRUTH),
        "active": Filter(TRUTH, "enabled"),
        "runtemplate_id": Filter(NUMBER, "runtemplate__exact"),
        "event_source_id": Filter(NUMBER, "event_source__exact"),
    },
    fields=FIELDS,
    create=lambda call: event_rule.create(call.actor, **_given(call)),
    update=lambda call, found: (event_rule.update(call.actor, found, **_given(call)), None)[1],
    remove=lambda call, found: event_rule.remove(call.actor, found),
    ids={
        "list": "listEventRules",
        "get": "getEventRuleById",
        "set": "setEventRuleById",
        "delete": "deleteEventRuleById",
    },
    successor="event-rules",
)
NOUN.declare()
