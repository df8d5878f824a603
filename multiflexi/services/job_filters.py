"""The filter words of job states, the same in pages, both APIs and the command line."""

from __future__ import annotations

from collections.abc import Iterable

from multiflexi.models import FINAL_STATES, UNSUCCESSFUL_STATES, JobStatus
from multiflexi.services.errors import BadQuery

FILTER_WORDS: dict[str, tuple[JobStatus, ...]] = {
    "failed": UNSUCCESSFUL_STATES,
    "success": (JobStatus.SUCCESS,),
    "successful": (JobStatus.SUCCESS,),
    "running": (JobStatus.RUNNING, JobStatus.FINISHING),
    "pending": (JobStatus.PENDING, JobStatus.QUEUED),
    "scheduled": (JobStatus.PENDING, JobStatus.QUEUED),
    "completed": tuple(state for state in FINAL_STATES if state not in (JobStatus.BLOCKED, JobStatus.CANCELLED)),
    **{
        state.value: (state,)
        for state in (
            JobStatus.QUEUED,
            JobStatus.FINISHING,
            JobStatus.TIMEOUT,
            JobStatus.TERMINATED,
            JobStatus.LOST,
            JobStatus.BLOCKED,
            JobStatus.CANCELLED,
        )
    },
}


def states(words: Iterable[str]) -> set[JobStatus]:
    """The stored states that the words select together. Raises BadQuery for an unknown word."""
    found: set[JobStatus] = set()
    for word in words:
        selected = FILTER_WORDS.get(word.strip().lower())
        if selected is None:
            raise BadQuery(
                f'"{word}" is no job status; use {", ".join(FILTER_WORDS)}.',
                "unknown_status",
                details={"words": list(FILTER_WORDS)},
            )
        found.update(selected)
    return found
