"""Topics: coloured labels on companies and run templates."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.models import Topic
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup
from multiflexi.services.errors import Conflict, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Topic"
COLOR = re.compile("#[0-9A-Fa-f]{6}")


def query(actor: Actor, *, search: str | None = None) -> QuerySet[Topic]:
    return containing(visible(Topic, actor), search, "topic")


def find(actor: Actor, reference: Any) -> Topic:
    """By id, else by name. Raises NotFound."""
    return lookup.by_id_or(query(actor), NOUN, reference, "topic")


def create(actor: Actor, *, topic: str, **values: Any) -> Topic:
    """Make a topic. Raises Invalid and Conflict."""
    need(actor, "applications.update")
    given = _usable({**values, "topic": topic})
    with transaction.atomic():
        _refuse_duplicate(given["topic"])
        made = Topic(**given)
        changes.check(made)
        made.save(force_insert=True)
        audit.write(actor, "create", made, changes=changes.created(given))
    return made


def update(actor: Actor, topic: Topic, /, **values: Any) -> bool:
    """Change name or colour and say whether anything changed. Raises Invalid and Conflict."""
    need(actor, "applications.update")
    given = _usable(values)
    with transaction.atomic():
        topic.refresh_from_db(from_queryset=Topic.objects.select_for_update())
        if given.get("topic", topic.topic) != topic.topic:
            _refuse_duplicate(given["topic"])
        changed = changes.assign(topic, given)
        if not changed:
            return False
        changes.check(topic)
        changes.save(topic, changed)
        audit.write(actor, "update", topic, changes=changes.for_audit(changed))
    return True


def remove(actor: Actor, topic: Topic) -> None:
    """Delete a topic; companies and run templates lose the label."""
    need(actor, "applications.update")
    with transaction.atomic():
        audit.write(actor, "delete", topic, changes=changes.for_audit({"topic": (topic.topic, None)}))
        topic.delete()


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = {name: one for name, one in values.items() if one is not None}
    if "topic" in given:
        given["topic"] = str(given["topic"]).strip()
        if not given["topic"]:
            raise invalid_field("name", "a topic needs a name; give one.")
    if "color" in given and not COLOR.fullmatch(given["color"]):
        raise invalid_field("color", "write # and six hexadecimal digits, e.g. #C0C0C0.")
    return given


def _refuse_duplicate(name: str) -> None:
    found = Topic.objects.filter(topic=name).first()
    if found:
        raise Conflict(
            f"A topic {name} already exists (id {found.pk}); choose another name.",
            "topic_exists",
            details={"id": found.pk, "field": "name"},
        )
