"""Times of this surface: the installation's wall clock, without zone."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache

from django.conf import settings
from django.utils import timezone

from multiflexi.scheduling import zones


def zone() -> tzinfo:
    """The zone of the installation."""
    configured = settings.MULTIFLEXI_TIMEZONE
    return _zone(str(configured) if configured else None)


@lru_cache(maxsize=4)
def _zone(configured: str | None) -> tzinfo:
    return zones.installation_zone(configured)


def written(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`."""
    return f"{moment.astimezone(zone()):%Y-%m-%d %H:%M:%S}"


def now() -> str:
    """This moment in ISO 8601 with offset."""
    return timezone.now().astimezone(zone()).isoformat(timespec="seconds")
