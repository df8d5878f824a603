"""Tags of applications, which are words and no records of their own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import transaction

from multiflexi.models import Application
from multiflexi.record.actor import Actor
from multiflexi.services import application, lookup
from multiflexi.services.errors import invalid_field
from multiflexi.services.rights import need

NOUN = "Tag"


def counted(actor: Actor) -> list[dict[str, Any]]:
    """Every tag with the number of applications that carry it, by name."""
    rows = application.query(actor).prefetch_related(None).values_list("tags", flat=True)
    numbers = Counter(name for tags in rows for name in set(tags or ()))
    return [{"name": name, "apps": number} for name, number in sorted(numbers.items())]


def rename(actor: Actor, name: str, new: str) -> None:
    """Give a tag another name, in every application. Raises NotFound and Invalid."""
    if not new.strip() or "," in new or any(char.isspace() for char in new.strip()):
        raise invalid_field("name", "a tag is one word without commas.")
    _replace(actor, name, new.strip())


def remove(actor: Actor, name: str) -> None:
    """Take a tag away from every application. Raises NotFound."""
    _replace(actor, name, None)


def _replace(actor: Actor, name: str, new: str | None) -> None:
    need(actor, "applications.update")
    with transaction.atomic():
        carrying = [app for app in Application.objects.order_by("pk") if name in (app.tags or ())]
        if not carrying:
            raise lookup.not_found(NOUN, f"name {name}")
        for app in carrying:
            kept = dict.fromkeys(new if tag == name else tag for tag in app.tags or ())
            application.update(actor, app, tags=",".join(tag for tag in kept if tag))
