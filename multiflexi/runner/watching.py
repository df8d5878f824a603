"""Running jobs: their end, their limits, requests to stop them, and their output as it comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction

from multiflexi.faults import Point, reach
from multiflexi.jobs.output import Batch, LineFeed, next_seq
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import FailureReason, Job, JobStatus, QueueEntry, StopLevel, Worker
from multiflexi.runner import sampling
from multiflexi.runner.isolation import together
from multiflexi.runner.running import Running
from multiflexi.vault.masker import Masker

log = logging.getLogger(__name__)

TIMEOUT, TERMINATED = "timeout", "terminated"
PLATFORM = "platform"


def look(jobs: Iterable[Running]) -> list[float]:
    """Ask every running job whether it has ended, and carry on with stops under way. Needs no database.

    Returns when, by the monotonic clock, the places became free that did.
    """
    freed = []
    for one in jobs:
        if one.takes_place:
            _apart(one, _look_at)
            if one.result is not None:
                freed.append(one.noticed)
    return freed


def _apart(one: Running, action: Callable[[Running], None]) -> None:
    """Do something that needs no database; the trouble it has with one job is told once and holds no other one up."""
    try:
        action(one)
        one.complained = False
    except Exception:
        if not one.complained:
            log.exception("a job cannot be looked after, and is tried again and again", extra={"job": one.id})
        one.complained = True


def _look_at(one: Running) -> None:
    if one.stopping:
        one.module.stop_progress(one.handle)
    one.result = one.module.poll(one.handle)
    if one.result is not None:
        one.noticed = time.monotonic()
    elif not one.stopping:
        _enforce_limits(one)


def _enforce_limits(one: Running) -> None:
    limit = one.limits.time_limit
    if limit and one.module.running_seconds(one.handle) >= limit:
        why = f"time limit of {limit} s"
        stop(one, TIMEOUT, FailureReason.TIMEOUT, who=PLATFORM, why=why, grace=one.limits.kill_grace)
    elif one.limits.output_limit and _written(one.spool.stdout, one.spool.stderr) > one.limits.output_limit:
        why = f"more than {one.limits.output_limit} bytes of output"
        stop(one, TERMINATED, FailureReason.OUTPUT_LIMIT, who=PLATFORM, why=why, grace=one.limits.kill_grace)
    elif found := sampling.excess(one):
        # A program that multiplies or fills the disk is given no time for more of it.
        stop(one, TERMINATED, found[0], who=PLATFORM, why=found[1], grace=0.0)


def _written(*paths: Path) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def stop(one: Running, reason: str, detail: str, *, who: str, why: str, grace: float | None) -> None:
    """Begin to end a job, or end it earlier than begun; the cycle carries on with it until nothing of it is left.

    `grace` in seconds until it is killed, None = never.
    """
    one.stopping = True
    log.info("a job is being stopped", extra={"job": one.id, "reason": detail, "who": who})
    one.module.stop(one.handle, reason=reason, detail=detail, who=who, why=why, grace=grace)


def stop_all(jobs: Iterable[Running], reason: FailureReason, *, why: str, grace: float) -> None:
    """Begin to end jobs on behalf of the platform; none is granted more than the grace."""

    def end(one: Running) -> None:
        stop(one, TERMINATED, reason, who=PLATFORM, why=why, grace=min(one.limits.kill_grace, grace))

    for one in jobs:
        _apart(one, end)


def obey_stop_requests(jobs: dict[int, Running], worker: Worker) -> None:
    """Carry out what people asked for on the queue rows of this instance."""
    rows = QueueEntry.objects.filter(worker=worker, stop_level__isnull=False)
    for job_id, level, who, why in rows.values_list("job_id", "stop_level", "stop_by_id", "stop_reason"):
        one = jobs.get(job_id)
        if one is None or one.result is not None or one.obeyed == level:
            continue
        grace = {StopLevel.KILL: 0.0, StopLevel.WAIT: None}.get(StopLevel(str(level)), one.limits.kill_grace)
        _apart(one, partial(_obey, level=level, who=f"user:{who}", why=why or "", grace=grace))


def _obey(one: Running, *, level: str | None, who: str, why: str, grace: float | None) -> None:
    stop(one, TERMINATED, FailureReason.STOPPED, who=who, why=why, grace=grace)
    one.obeyed = level


def feed_from(row: QueueEntry, spool: SpoolDir, masker: Masker) -> LineFeed:
    """A feed that goes on behind the lines that are stored."""
    return LineFeed(
        row.job_id,
        spool.stdout,
        spool.stderr,
        masker,
        stdout_offset=row.stdout_offset,
        stderr_offset=row.stderr_offset,
        seq=next_seq(row.job_id),
        cap=settings.MULTIFLEXI_OUTPUT_MAX_BYTES,
    )


def read_on(jobs: Iterable[Running]) -> None:
    """Go on behind the lines that are stored, because nobody knows whether the last batch of a failed cycle is."""
    known = {one.id: one for one in jobs}
    for row in QueueEntry.objects.filter(job_id__in=known):
        one = known[row.job_id]
        truncated = one.feed.truncated
        one.feed = feed_from(row, one.spool, one.masker)
        one.feed.truncated = truncated


def flush_lines(jobs: Sequence[Running]) -> None:
    """Store the new lines of all jobs, the offsets they were read up to, and process ids not stored yet.

    A feed moves on only after the commit, so nothing is lost or doubled.
    """
    together([one for one in jobs if not one.is_resting], _flush, Running.note_trouble)


def _flush(jobs: Sequence[Running]) -> None:
    batches: list[tuple[Running, Batch]] = []
    for one in jobs:
        if one.takes_place and not one.is_muted:
            batch = one.feed.read()
            if batch is not None:
                batches.append((one, batch))
    unstored = [one for one in jobs if one.takes_place and not one.pid_stored]
    proofs = [one for one in unstored if one.handle.get("pid_started") is not None]
    if not batches and not proofs:
        return
    with transaction.atomic():
        backend().update_rows(
            Job,
            [
                (
                    {"pid": one.handle["pid"], "pid_started": one.handle["pid_started"], "handle": one.handle},
                    {"id": one.id, "status": JobStatus.RUNNING.value, "claim": one.job.claim},
                )
                for one in sorted(proofs, key=lambda one: one.id)
            ],
        )
        store_batches(batches)
        reach(Point.LINES_UNCOMMITTED)
    reach(Point.LINES_COMMITTED)
    for one in proofs:
        one.pid_stored = True
    for one, batch in batches:
        one.feed.accept(batch)


def store_batches(batches: Sequence[tuple[Running, Batch]]) -> None:
    """Insert lines and move the stored offsets, for rows that are still ours."""
    held = dict(
        QueueEntry.objects.filter(
            job_id__in=[one.id for one, _batch in batches], worker_id__in={one.job.worker_id for one, _batch in batches}
        ).values_list("job_id", "pk")
    )
    ours = [(one, batch) for one, batch in batches if one.id in held]
    backend().append([line for _one, batch in ours for line in batch.lines])
    backend().update_rows(
        QueueEntry,
        [
            ({"stdout_offset": batch.stdout_offset, "stderr_offset": batch.stderr_offset}, {"id": held[one.id]})
            for one, batch in sorted(ours, key=lambda pair: held[pair[0].id])
        ],
    )
