"""The gate before a job: its credentials decide whether it is prepared, waits, goes back, or ends.

Providers are asked in threads without database connection, so nothing else in the cycle waits for them. Meanwhile a job
stays claimed: it is renewed with all others of this instance, and goes back to the queue like them when the instance
stops or dies. There are never more of them than places, and they keep places free for a moment only. A job that finds
no room, or whose credential another process is checking, goes back for some seconds, or until an answer is here. Nobody
asks for deferred jobs again: the stored result decides about all of them until it counts no more.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from multiflexi.credentials import checking
from multiflexi.credentials.asking import Answer, Asked, Asker
from multiflexi.credentials.contract import Result
from multiflexi.credentials.judging import in_words, rank
from multiflexi.credentials.questions import answers_at_launch, questions
from multiflexi.jobs import credential_values, deferring, rows
from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.deferring import Deferral
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.models import Credential, FailureReason, Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner.isolation import together

log = logging.getLogger(__name__)

AGAIN_SECONDS = 3.0
PLATFORM_FAILED = -1
WAITS, BLOCKED = 1, 2

Values = Mapping[str, credential_values.Given]


@dataclass
class Admitted:
    """What became of a batch: jobs to be prepared with the providers' answers, ends, and how many went back."""

    credentials: rows.Assigned
    answers: Mapping[int, Values]
    jobs: list[Job] = field(default_factory=list)
    ends: list[Completion] = field(default_factory=list)
    went_back: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A claimed job whose credentials are being asked about."""

    job: Job
    needs: frozenset[int]
    since: float


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A question about a version of a credential, and the lease of its check if there is one."""

    asked: Asked
    version: int
    checks: checking.Checks | None


@dataclass(frozen=True, slots=True)
class _Told:
    """The values that a provider gave for a version of a credential."""

    version: int
    values: Values = field(repr=False)


class Gate:
    """Decides about claimed jobs; `room` is how many of them may wait here for answers."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._asker = Asker(self._ring)
        self._bell: int | None = None
        self._waiting: list[_Waiting] = []
        self._under_way: dict[int, _UnderWay] = {}
        self._answers: dict[int, _Told] = {}
        self._sent_back: set[int] = set()

    @property
    def jobs(self) -> list[Job]:
        """The jobs that wait for answers."""
        return [one.job for one in self._waiting]

    def waiting_since(self, moment: float) -> int:
        """How many wait since that moment of the monotonic clock or a later one."""
        return sum(one.since >= moment for one in self._waiting)

    def watched(self) -> list[int]:
        """A descriptor that becomes readable when a question was answered."""
        return [self._bell] if self._waiting and self._bell is not None else []

    def admit(self, jobs: Sequence[Job], actor: Actor, *, asked: bool = False) -> Admitted:
        """Decide about claimed jobs; those that wait are kept here, those that go back are no longer ours.

        `asked` says that their credentials have been asked about just now: whatever is still unknown does not wait
        again. One query where no job has credentials.
        """
        credentials = rows.assigned(jobs)
        admitted = Admitted(credentials, self._values_of(credentials))
        by_job = {job.pk: _own(job, admitted.credentials) for job in jobs}
        if not any(by_job.values()):
            admitted.jobs += jobs
            return admitted
        now = backend().now()
        stopped: list[tuple[Job, Credential]] = []
        unknown: list[tuple[Job, frozenset[int]]] = []
        for job in jobs:
            worst = max(by_job[job.pk], key=lambda one: _hold(one, now), default=None)
            if worst is not None and _hold(worst, now)[0] >= WAITS:
                stopped.append((job, worst))
            elif missing := frozenset(one.pk for one in by_job[job.pk] if self._is_missing(one, now)):
                unknown.append((job, missing))
            else:
                admitted.jobs.append(job)
        self._stop(stopped, admitted, now, actor)
        known = {one.pk: one for credentials in by_job.values() for one in credentials}
        back = [job for job, _missing in unknown] if asked else self._ask(unknown, known, now)
        admitted.went_back += self._give_back(back, now, actor)
        return admitted

    def answered(self) -> list[Job]:
        """The jobs about whose credentials nothing is under way any more, for `admit`; results are stored."""
        self._hear_bell()
        over = {pk: one for pk, one in self._under_way.items() if one.asked.is_over}
        if over:
            answers = {pk: one.asked.answer() for pk, one in over.items()}
            self._store(over, answers)
            if self._sent_back:
                deferring.hurry(self._sent_back, AGAIN_SECONDS)
            self._sent_back = set()
            for pk, answer in answers.items():
                del self._under_way[pk]
                if answer.values is not None:
                    given = {name: credential_values.Given(*value) for name, value in answer.values.items()}
                    self._answers[pk] = _Told(over[pk].version, given)
        ready = [one for one in self._waiting if not one.needs & self._under_way.keys()]
        self._waiting = [one for one in self._waiting if one.needs & self._under_way.keys()]
        return [one.job for one in ready]

    def drop_answers(self) -> None:
        """Keep no answer in memory that no waiting job needs."""
        needed = frozenset().union(*(one.needs for one in self._waiting))
        self._answers = {pk: told for pk, told in self._answers.items() if pk in needed}

    def withdraw(self) -> None:
        """Wait for nothing any more, and leave the checks to others."""
        for checks in {one.checks.token: one.checks for one in self._under_way.values() if one.checks}.values():
            checking.finish(checks, dict.fromkeys(checks.credentials))
        self.forget()

    def forget(self) -> None:
        """Keep nothing in mind; the leases of checks under way end by themselves."""
        self._waiting, self._under_way, self._answers, self._sent_back = [], {}, {}, set()

    def _is_missing(self, credential: Credential, now: datetime) -> bool:
        if not checking.is_fresh(credential, now):
            return True
        return not self._has_told(credential) and answers_at_launch(credential.credential_type)

    def _has_told(self, credential: Credential) -> bool:
        """Whether there is an answer, and the credential has not been changed since it was asked for."""
        told = self._answers.get(credential.pk)
        return told is not None and told.version == credential.version

    def _values_of(self, credentials: rows.Assigned) -> dict[int, Values]:
        found = {one.pk: one for assigned in credentials.values() for one in assigned}
        return {pk: told.values for pk, told in self._answers.items() if pk in found and self._has_told(found[pk])}

    def _ask(
        self, jobs: Sequence[tuple[Job, frozenset[int]]], known: Mapping[int, Credential], now: datetime
    ) -> list[Job]:
        """Ask what the jobs need to know, and keep those that there is room for; returns the others."""
        if self._bell is None and jobs:
            # Never closed, because a late thread would write to whatever gets its number.
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        room = max(0, self._room - len(self._waiting))
        staying, back = jobs[:room], [job for job, _missing in jobs[room:]]
        new = frozenset().union(*(missing for _job, missing in staying)) - self._under_way.keys()
        stale = [pk for pk in new if not checking.is_fresh(known[pk], now)]
        checks = checking.begin(stale) if stale else None
        leased = checks.credentials if checks else {}
        elsewhere = frozenset(stale) - leased.keys()
        wanted = [leased.get(pk, known[pk]) for pk in sorted(new - elsewhere)]
        for credential, question in zip(wanted, questions(wanted).values(), strict=True):
            asked = self._asker.ask(
                question, check=credential.pk in leased, resolve=answers_at_launch(credential.credential_type)
            )
            lease = checks if credential.pk in leased else None
            self._under_way[credential.pk] = _UnderWay(asked, credential.version, lease)
        for job, missing in staying:
            if missing & elsewhere:
                back.append(job)
            else:
                self._waiting.append(_Waiting(job, missing, time.monotonic()))
        return back

    def _store(self, over: Mapping[int, _UnderWay], answers: Mapping[int, Answer]) -> None:
        """Store what providers said; also that of one whose check counts still but who has no values for a job."""
        results: dict[str, dict[int, Result | None]] = {}
        leases: dict[str, checking.Checks] = {}
        refusals: dict[int, Result] = {}
        for pk, one in over.items():
            result = answers[pk].result
            if one.checks is not None:
                leases[one.checks.token] = one.checks
                results.setdefault(one.checks.token, {})[pk] = result
            elif result is not None:
                refusals[pk] = result
        if refusals:
            checks = checking.begin(refusals, even_if_fresh=True)
            leases[checks.token] = checks
            results[checks.token] = {
                pk: refusals[pk] if credential.version == over[pk].version else None
                for pk, credential in checks.credentials.items()
            }
        for token, found in results.items():
            checking.finish(leases[token], found)

    def _stop(self, stopped: Sequence[tuple[Job, Credential]], admitted: Admitted, now: datetime, actor: Actor) -> None:
        """Block jobs, defer them, or end those that have been deferred for long enough."""
        waiting = [job for job, credential in stopped if _hold(credential, now)[0] == WAITS]
        patience = deferring.patience_of(waiting, now) if waiting else {}
        deferrals = []
        for job, credential in stopped:
            reason, wait = in_words(credential), patience.get(job.pk)
            if _hold(credential, now)[0] == BLOCKED:
                admitted.ends.append(_end(job, JobStatus.BLOCKED, None, reason, now))
            elif wait is not None and not wait.is_over(now):
                until = credential.check_valid_until or now
                deferrals.append(Deferral(job, wait, wait.next_try(until, now), reason))
            else:
                admitted.ends.append(_end(job, JobStatus.FAILED, PLATFORM_FAILED, reason, now))
        together(deferrals, lambda batch: deferring.defer(batch, actor=actor), lambda one, e: _left(one.job, e))
        admitted.went_back += len(deferrals)
        if deferrals:
            _wake_recovered({credential.pk for _job, credential in stopped}, now)

    def _give_back(self, jobs: Sequence[Job], now: datetime, actor: Actor) -> int:
        """Let jobs go back for some seconds: what they wait for is found out by then."""
        detail, after = _("A credential of the job is being checked."), now + timedelta(seconds=AGAIN_SECONDS)

        def put_back(batch: Sequence[Job]) -> None:
            release([Release(job.pk, job.claim, detail=detail, after=after) for job in batch], actor=actor)

        together(jobs, put_back, _left)
        if self._under_way:
            self._sent_back.update(job.pk for job in jobs)
        return len(jobs)

    def _ring(self) -> None:
        if self._bell is not None:
            os.eventfd_write(self._bell, 1)

    def _hear_bell(self) -> None:
        """Make the descriptor wait for the next answer."""
        if self._bell is not None:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._bell)


def _own(job: Job, credentials: rows.Assigned) -> list[Credential]:
    """The credentials of the job's company; a foreign one is refused when the environment is made, and never asked."""
    return [
        credential
        for credential in credentials.get(job.runtemplate_id or 0, ())
        if not {credential.company_id, credential.credential_type.company_id} - {job.company_id, None}
    ]


def _hold(credential: Credential, now: datetime) -> tuple[int, datetime]:
    """What a result that counts keeps from jobs, and until when; of several, the largest decides."""
    if credential.check_valid_until is None or not checking.is_fresh(credential, now):
        return 0, now
    gate = credential.credential_type.gate_on_degraded
    return rank(credential.availability, gate_on_degraded=gate), credential.check_valid_until


def _wake_recovered(credential_ids: Collection[int], now: datetime) -> None:
    """Wake jobs that were deferred while their credential recovered: its wake-up came before there was a deferral."""
    recovered = [pk for pk, one in checking.stored(credential_ids).items() if _hold(one, now)[0] < WAITS]
    if recovered:
        deferring.wake(recovered)


def _end(job: Job, status: JobStatus, exitcode: int | None, detail: str, now: datetime) -> Completion:
    blocked = status == JobStatus.BLOCKED
    reason = FailureReason.CREDENTIAL_MISCONFIGURED if blocked else FailureReason.CREDENTIAL_UNAVAILABLE
    return Completion(job, JobStatus.QUEUED, status, end=now, exitcode=exitcode, reason=reason, detail=detail)


def _left(job: Job, error: Exception) -> None:
    """A job that could not be put back: it is not ours any more, or its lease decides about it."""
    if isinstance(error, StaleJobs):
        log.info("a claimed job has changed meanwhile and is left alone", extra={"job": job.pk})
    else:
        log.error("a claimed job cannot be put back", extra={"job": job.pk}, exc_info=error)
