"""The only writer of job states.

Every change is a compare-and-set on (id, old state, claim). `claim` is the fencing token: it counts up whenever a job
changes its owner, so an owner that was replaced changes nothing any more. One `job_history` row tells of every change,
in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from multiflexi.jobs.queue import backend
from multiflexi.models import Job, JobHistory, JobStatus
from multiflexi.record import history
from multiflexi.record.actor import Actor

P, Q, R, F = JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FINISHING

TRANSITIONS = frozenset(
    {
        (P, Q),  # claimed by an executor
        (Q, P),  # released or deferred: nothing was started
        (Q, JobStatus.BLOCKED),  # a credential is misconfigured
        (Q, JobStatus.FAILED),  # preflight, or limits of waiting reached
        (Q, JobStatus.CANCELLED),
        (Q, R),  # committed before anything is started
        (R, P),  # start undone: proven never started
        (R, R),  # adopted
        (R, F),  # the process has ended, the outcome is proven
        (R, JobStatus.LOST),
        (F, F),  # adopted
        (F, JobStatus.SUCCESS),
        (F, JobStatus.FAILED),
        (F, JobStatus.TIMEOUT),
        (F, JobStatus.TERMINATED),
        (P, JobStatus.CANCELLED),
        (P, JobStatus.FAILED),  # limits of waiting passed
    }
)


class ForbiddenTransition(ValueError):
    """A change of state that the transition table does not have."""


class StaleJobs(Exception):
    """At least one job of a batch is not in the state, or not owned by the claim, that the caller believed."""


@dataclass(slots=True)
class Move:
    """One job's change of state; `values` are further columns, `claim` the token the caller holds.

    `via` is a state that the job passes in the same transaction: history tells of it, no other session ever sees it.
    """

    job_id: int
    claim: int
    source: JobStatus
    target: JobStatus
    values: Mapping[str, Any] = field(default_factory=dict)
    takes_over: bool = False
    via: JobStatus | None = None
    reason: str | None = None
    detail: str | None = None

    @property
    def new_claim(self) -> int:
        return self.claim + 1 if self.takes_over else self.claim

    @property
    def steps(self) -> list[tuple[JobStatus, JobStatus]]:
        """The single transitions, in order."""
        if self.via is None:
            return [(self.source, self.target)]
        return [(self.source, self.via), (self.via, self.target)]


def move(moves: Sequence[Move], *, actor: Actor, at: datetime | None = None) -> None:
    """Change the state of jobs, all or none, with one history row each.

    Raises ForbiddenTransition for a change outside of the table and StaleJobs when a comparison failed; the caller's
    transaction is then rolled back to where this call began.
    """
    with transaction.atomic():
        move_within(moves, actor=actor, at=at)


def move_within(moves: Sequence[Move], *, actor: Actor, at: datetime | None = None) -> None:
    """As `move`, inside a transaction of the caller, who gives it up when this raises."""
    groups: defaultdict[tuple[str, ...], list[Move]] = defaultdict(list)
    for one in moves:
        for source, target in one.steps:
            if (source, target) not in TRANSITIONS:
                raise ForbiddenTransition(f"Job {one.job_id}: {source} does not lead to {target}.")
        groups[tuple(one.values)].append(one)
    for group in groups.values():
        _compare_and_set(group)
    backend().insert(_history(moves, actor, at))


def _compare_and_set(group: Sequence[Move]) -> None:
    changed = backend().update_rows(
        Job,
        [
            (
                {"status": one.target.value, "claim": one.new_claim, **one.values},
                {"id": one.job_id, "status": one.source.value, "claim": one.claim},
            )
            for one in sorted(group, key=lambda one: one.job_id)
        ],
    )
    if changed != len(group):
        raise StaleJobs(f"{[one.job_id for one in group]}: at least one of these jobs has changed meanwhile.")


def _history(moves: Iterable[Move], actor: Actor, at: datetime | None) -> list[JobHistory]:
    return [
        history.row(
            one.job_id,
            source,
            target,
            actor=actor,
            claim=one.new_claim,
            at=at,
            reason=one.reason if target == one.target else None,
            detail=one.detail if target == one.target else None,
        )
        for one in moves
        for source, target in one.steps
    ]
