"""What is kept of ended jobs: their last lines, their artifacts, and the figures for their rows."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from multiflexi.jobs import artifacts
from multiflexi.jobs.artifacts import Kept, Leftovers
from multiflexi.jobs.output import BATCH_LINES, Batch
from multiflexi.jobs.queue import backend
from multiflexi.runner import kept_files
from multiflexi.runner.running import Running
from multiflexi.runner.watching import store_batches

SMALL_BYTES = 16 * 1024


@dataclass
class Found:
    """What a batch of ended jobs left: artifacts by job id, and lines that are stored together with the end."""

    kept: dict[int, Kept]
    lines: list[tuple[Running, Batch]]


def are_small(one: Running) -> bool:
    """Whether a job left so little that storing it takes no time: short output and no file."""
    try:
        if one.job.app.result_paths or one.is_muted or _written(one) > SMALL_BYTES:
            return False
        with os.scandir(one.job_dir) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def gather(jobs: Sequence[Running]) -> Found:
    """Read what the jobs left; many lines and large files are stored here, outside of the completion.

    Repeating it stores nothing twice. A job whose results failed again and again is left out, so that it can end.
    """
    whole = [one for one in jobs if not one.is_muted]
    kept_files.take(whole)
    lines = _last_lines(whole)
    kept = artifacts.build(
        [Leftovers(one.job, one.spool.stdout, one.spool.stderr, one.resolved, one.job_dir) for one in whole]
    )
    large = [one for one in kept if any(piece.source is not None for piece in one.pieces)]
    if large:
        artifacts.save(large)
    return Found({one.job_id: one for one in kept}, lines)


def save(found: Found) -> None:
    """Store what is not stored yet; call it in the transaction that ends the jobs."""
    # The queue row, and with it the offsets, goes in the same transaction.
    backend().append([line for _one, batch in found.lines for line in batch.lines])
    if found.kept:
        artifacts.save(list(found.kept.values()))


def columns(one: Running, found: Found) -> dict[str, Any]:
    """The job's columns that tell of its output."""
    kept = found.kept.get(one.id)
    if kept is None:
        return {
            "stdout": None,
            "stderr": None,
            "stdout_bytes": None,
            "stderr_bytes": None,
            "output_truncated": True,
            "collect_error": f"The results could not be stored: {one.trouble}",
        }
    return {
        "stdout": kept.stdout_tail,
        "stderr": kept.stderr_tail,
        "stdout_bytes": kept.stdout_bytes,
        "stderr_bytes": kept.stderr_bytes,
        "output_truncated": kept.truncated or one.feed.truncated,
        "collect_error": kept.collect_error,
    }


def _written(one: Running) -> int:
    return one.spool.stdout.stat().st_size + one.spool.stderr.stat().st_size


def _last_lines(jobs: Collection[Running]) -> list[tuple[Running, Batch]]:
    """The last lines of each job; as long as there is more than one batch of them they are stored here."""
    while batches := [(one, batch) for one in jobs if (batch := one.feed.read(final=True)) is not None]:
        if all(_is_last(one, batch) for one, batch in batches):
            return batches
        with transaction.atomic():
            store_batches(batches)
        for one, batch in batches:
            one.feed.accept(batch)
    return []


def _is_last(one: Running, batch: Batch) -> bool:
    return len(batch.lines) < BATCH_LINES and not one.feed.omits and _written(one) <= SMALL_BYTES
