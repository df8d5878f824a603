"""What happens to missed runs and to runs that meet a previous one."""

from collections.abc import Sequence
from datetime import datetime


def choose_slots(due: Sequence[datetime], now: datetime, catch_up: str, *, limit: int, grace: float) -> list[datetime]:
    """The due slots (ascending) that get a job.

    `latest`: the newest; `none`: the newest if it is late by at most `grace` seconds; `all`: the newest `limit`, in
    order. Raises ValueError for another policy.
    """
    match catch_up:
        case "latest":
            return list(due[-1:])
        case "none":
            return [slot for slot in due[-1:] if (now - slot).total_seconds() <= grace]
        case "all":
            return list(due[-limit:]) if limit > 0 else []
    raise ValueError(f"Missed-run policy {catch_up!r} is not known. Use latest, none or all.")


def overlap_allows(overlap: str, *, pending_regular: int, active: int) -> bool:
    """Whether the slots of this pass get jobs, given the run template's jobs before the pass.

    `pending_regular`: jobs with a slot, or retries of one, that wait; `active`: jobs queued, running or finishing.
    How many may run at once is the business of the claim (`most_at_once`). Raises ValueError for another policy.
    """
    match overlap:
        case "queue-one":
            return not pending_regular
        case "skip":
            return not pending_regular and not active
        case "allow":
            return True
    raise _unknown_overlap(overlap)


def most_at_once(overlap: str, max_parallel: int | None) -> int | None:
    """How many jobs of a run template may run at once: one, unless overlap is allowed; None means no limit.

    Raises ValueError for another policy.
    """
    match overlap:
        case "queue-one" | "skip":
            return 1
        case "allow":
            return max_parallel
    raise _unknown_overlap(overlap)


def _unknown_overlap(overlap: str) -> ValueError:
    return ValueError(f"Overlap policy {overlap!r} is not known. Use queue-one, skip or allow.")
