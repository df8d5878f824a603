"""How sections of an export are read: the newest rows up to a limit that is told, of companies one belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, Q, QuerySet

Row = dict[str, Any]


def written(moment: datetime | None) -> str | None:
    """An instant in UTC, ISO 8601."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Reader:
    """`companies` are those whose rows may be told (None: all but the `closed` ones). Notes by section whether the
    limit left rows out, and how many belong to other companies."""

    companies: Collection[int] | None
    closed: Collection[int] = ()
    truncated: dict[str, bool] = field(default_factory=dict)
    withheld: dict[str, int] = field(default_factory=dict)

    def newest(self, name: str, rows: QuerySet[Any], most: int, present: Callable[[Any], Row]) -> list[Row]:
        """The last `most` rows, newest first."""
        found: list[Model] = list(rows.order_by("-pk")[: most + 1])
        self.truncated[name] = len(found) > most
        return [present(one) for one in found[:most]]

    def newest_of_companies(
        self, name: str, rows: QuerySet[Any], most: int, present: Callable[[Any], Row]
    ) -> list[Row]:
        """As `newest`, without what belongs to a company the person is no member of (any more), or that is closed."""
        self.withheld[name] = 0
        if self.companies is not None or self.closed:
            told = ~Q(company_id__in=self.closed) if self.companies is None else Q(company_id__in=self.companies)
            known = Q(company_id=None) | told
            self.withheld[name] = rows.exclude(known).count()
            rows = rows.filter(known)
        return self.newest(name, rows, most, present)
