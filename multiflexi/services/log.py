"""Reading the system log."""

from __future__ import annotations

from django.db.models import QuerySet

from multiflexi.models import LogEntry
from multiflexi.record.actor import Actor
from multiflexi.services.rights import may
from multiflexi.services.scope import visible

NOUN = "Log entry"


def query(actor: Actor) -> QuerySet[LogEntry]:
    """Entries of the companies the actor sees; all of them for who may read the whole log. Raises NotPermitted."""
    return LogEntry.objects.all() if may(actor, "system.logs", None) else visible(LogEntry, actor)
