"""Running jobs: their end, their limits, requests to stop them, and their output as it comes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from multiflexi.jobs.output import Batch, LineFeed, next_seq
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import FailureReason, Job, JobOutputLine, JobStatus, QueueEntry, StopLevel, Worker
from multiflexi.runner.running import Running, Stage
from multiflexi.vault.masker import Masker

log = logging.getLogger(__name__)

TIMEOUT, TERMINATED = "timeout", "terminated"
PLATFORM = "platform"


def look(jobs: Iterable[Running]) -> None:
    """Ask every running job whether it has ended, and carry on with stops under way. Needs no database."""
    for one in jobs:
        if one.stage is Stage.RUNNING and one.result is None:
            try:
                _look_at(one)
            except OSError as error:
                log.warning("a job could not be looked at", extra={"job": one.id, "error": str(error)})


def _look_at(one: Running) -> None:
    if one.stopping:
        one.module.stop_progress(one.handle)
    one.result = one.module.poll(one.handle)
    if one.result is None and not one.stopping:
        _enforce_limits(one)


def _enforce_limits(one: Running) -> None:
    limit = one.limits.time_limit
    if limit and one.module.running_seconds(one.handle) >= limit:
        why = f"time limit of {limit} s"
        stop(one, TIMEOUT, FailureReason.TIMEOUT, who=PLATFORM, why=why, grace=one.limits.kill_grace)
    elif one.limits.output_limit and _written(one.spool.stdout, one.spool.stderr) > one.limits.output_limit:
        why = f"more than {one.limits.output_limit} bytes of output"
        stop(one, TERMINATED, FailureReason.OUTPUT_LIMIT, who=PLATFORM, why=why, grace=one.limits.kill_grace)


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


def obey_stop_requests(jobs: dict[int, Running], worker: Worker) -> None:
    """Carry out what people asked for on the queue rows of this instance."""
    rows = QueueEntry.objects.filter(worker=worker, stop_level__isnull=False)
    for job_id, level, who, why in rows.values_list("job_id", "stop_level", "stop_by_id", "stop_reason"):
        one = jobs.get(job_id)
        if one is None or one.result is not None or one.obeyed == level:
            continue
        grace = {StopLevel.KILL: 0.0, StopLevel.WAIT: None}.get(StopLevel(str(level)), one.limits.kill_grace)
        stop(one, TERMINATED, FailureReason.STOPPED, who=f"user:{who}", why=why or "", grace=grace)
        one.obeyed = level


def note_renewal(jobs: Iterable[Running], at: datetime) -> None:
    """Tell each spool directory of the renewed lease; a full disk must not end the cycle that could make room."""
    for one in jobs:
        try:
            one.spool.write_renewed(at)
        except OSError as error:
            log.warning("a renewal could not be noted", extra={"job": one.id, "error": error.strerror})


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


def flush_lines(jobs: Sequence[Running]) -> int:
    """Store the new lines of all jobs, the offsets they were read up to, and process ids not stored yet.

    One transaction; a feed moves on only after the commit, so nothing is lost or doubled. Returns the number of lines.
    """
    batches: list[tuple[Running, Batch]] = []
    for one in jobs:
        if one.stage is Stage.RUNNING and one.result is None and not one.is_muted:
            batch = one.feed.read()
            if batch is not None:
                batches.append((one, batch))
    proofs = [one for one in jobs if not one.pid_stored and one.handle.get("pid") is not None]
    if not batches and not proofs:
        return 0
    with transaction.atomic():
        for one in proofs:
            Job.objects.filter(pk=one.id, status=JobStatus.RUNNING, claim=one.job.claim).update(
                pid=one.handle["pid"], pid_started=one.handle["pid_started"], handle=one.handle
            )
        store_batches(batches)
    for one in proofs:
        one.pid_stored = True
    for one, batch in batches:
        one.feed.accept(batch)
    return sum(len(batch.lines) for _one, batch in batches)


def store_batches(batches: Sequence[tuple[Running, Batch]]) -> None:
    """Insert lines and move the stored offsets, for rows that are still ours."""
    held = set(
        QueueEntry.objects.filter(
            job_id__in=[one.id for one, _batch in batches], worker_id__in={one.job.worker_id for one, _batch in batches}
        ).values_list("job_id", flat=True)
    )
    ours = [(one, batch) for one, batch in batches if one.id in held]
    JobOutputLine.objects.bulk_create([line for _one, batch in ours for line in batch.lines], batch_size=500)
    for one, batch in ours:
        QueueEntry.objects.filter(job_id=one.id).update(
            stdout_offset=batch.stdout_offset, stderr_offset=batch.stderr_offset
        )
