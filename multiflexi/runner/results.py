"""What is kept of ended jobs: their last lines, their artifacts, and the figures for their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction

from multiflexi.jobs import artifacts
from multiflexi.jobs.artifacts import Kept, Leftovers
from multiflexi.runner.running import Running
from multiflexi.runner.watching import store_batches


def gather(jobs: Sequence[Running]) -> dict[int, Kept]:
    """Read what the jobs left, by job id; last lines and large files are stored here, outside of the completion.

    Repeating it stores nothing twice. A job whose results failed again and again is left out, so that it can end.
    """
    whole = [one for one in jobs if not one.is_muted]
    _store_last_lines(whole)
    kept = artifacts.build(
        [Leftovers(one.job, one.spool.stdout, one.spool.stderr, one.resolved, one.job_dir) for one in whole]
    )
    large = [one for one in kept if any(piece.source is not None for piece in one.pieces)]
    if large:
        artifacts.save(large)
    return {one.job_id: one for one in kept}


def save(kept: Mapping[int, Kept]) -> None:
    """Store the artifacts that are not stored yet; call it in the transaction that ends the jobs."""
    if kept:
        artifacts.save(list(kept.values()))


def columns(one: Running, kept: Kept | None) -> dict[str, Any]:
    """The job's columns that tell of its output."""
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


def _store_last_lines(jobs: Collection[Running]) -> None:
    while batches := [(one, batch) for one in jobs if (batch := one.feed.read(final=True)) is not None]:
        with transaction.atomic():
            store_batches(batches)
        for one, batch in batches:
            one.feed.accept(batch)
