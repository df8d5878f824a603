"""One sentence of an explanation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """`kind` is a word for programs; `jobs` are those that stand in the way, as far as the caller may see them."""

    kind: str
    detail: str
    since: datetime | None = None
    next_try: datetime | None = None
    jobs: tuple[int, ...] = ()


def rows(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [asdict(reason) for reason in reasons]
