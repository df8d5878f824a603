"""Topics."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import REQUIRED_TEXT, TEXT, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import Topic
from multiflexi.services import topic

FIELDS = {"topic": Field(REQUIRED_TEXT), "name": Field(REQUIRED_TEXT, "topic"), "color": Field(TEXT)}


def _row(one: Topic) -> Row:
    return {"id": one.pk, "name": one.topic, "topic": one.topic, "color": one.color}


def _create(call: Call) -> Topic:
    return topic.create(call.actor, **{"topic": "", **call.given(FIELDS)})


def _update(call: Call, found: Topic) -> None:
    topic.update(call.actor, found, **call.given(FIELDS))


Noun(
    one="topic",
    many="topics",
    key="topicId",
    name=topic.NOUN,
    schema="Topic",
    item="topic",
    query=topic.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable={"id": "pk", "name": "topic", "topic": "topic", "color": "color"},
    find=topic.find,
    detail=lambda call, found: _row(found),
    filters={"search": Filter(TEXT)},
    limit=100,
    fields=FIELDS,
    required=("name",),
    create=_create,
    update=_update,
    remove=lambda call, found: topic.remove(call.actor, found),
    ids={"list": "getAllTopics", "get": "getTopic", "update": "updateTopic"},
).declare()
