"""Late results: a job was decided about without its owner, and now the owner's host is back with the evidence.

The state stays as it is, because others have acted on it. What is new becomes a note in the history and artifacts.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

from multiflexi.executors import registry
from multiflexi.executors.contract import Alive, Ended, Executor, NeverStarted, Unknown
from multiflexi.jobs import artifacts, completion, snapshot
from multiflexi.jobs.artifacts import Leftovers
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import FailureReason, Job
from multiflexi.record import history
from multiflexi.record.actor import Actor
from multiflexi.runner.watching import PLATFORM, TIMEOUT
from multiflexi.vault.errors import DecryptionFailed

log = logging.getLogger(__name__)

NOT_COLLECTED = "The artifacts were not collected: the executor of this job has disappeared."
REASON = "late_result"
_UNMASKABLE = "The output was not kept: the secrets that would have to be masked in it are not known any more."


def awaited(job: Job) -> bool:
    """Whether the job was decided about without what its executor knows."""
    return job.collect_error == NOT_COLLECTED


def collect(job: Job, spool: SpoolDir, actor: Actor) -> bool:
    """Store what became of an awaited job, once; False while it still runs.

    Only the holder of the spool lock may do this. Application and company are loaded. Raises what the database and the
    vault raise.
    """
    module = registry.get(job.executor)
    handle = dict(job.handle or {})
    found = module.recover(handle)
    if isinstance(found, Alive):
        _keep_time_limit(job, module, found)
        return False
    with transaction.atomic():
        values = _output(job, spool) | completion.cleared(job, "env")
        waiting = Job.objects.filter(pk=job.pk, claim=job.claim, collect_error=NOT_COLLECTED)
        if waiting.update(**values):
            history.row(
                job.pk,
                job.status,
                job.status,
                actor=actor,
                reason=REASON,
                detail=_told(found),
                at=backend().now(),
                claim=job.claim,
            ).save()
    module.cleanup(handle)
    log.info("a late result was stored", extra={"job": job.pk, "result": _told(found)})
    return True


def _keep_time_limit(job: Job, module: Executor, found: Alive) -> None:
    """Nobody else watches the job any more."""
    if job.time_limit and module.running_seconds(found.handle) >= job.time_limit:
        why = f"time limit of {job.time_limit} s"
        module.stop(found.handle, reason=TIMEOUT, detail=FailureReason.TIMEOUT, who=PLATFORM, why=why, grace=0)


def _output(job: Job, spool: SpoolDir) -> dict[str, Any]:
    """Store output and result files; the columns that tell of them."""
    if _is_blanked(job):
        return {"collect_error": _UNMASKABLE}
    try:
        resolved = snapshot.restore(job)
    except DecryptionFailed:
        return {"collect_error": _UNMASKABLE}
    (kept,) = artifacts.build([Leftovers(job, spool.stdout, spool.stderr, resolved, spool.job_dir())])
    artifacts.save([kept])
    return {
        "stdout": kept.stdout_tail,
        "stderr": kept.stderr_tail,
        "stdout_bytes": kept.stdout_bytes,
        "stderr_bytes": kept.stderr_bytes,
        "output_truncated": kept.truncated,
        "collect_error": kept.collect_error,
    }


def _is_blanked(job: Job) -> bool:
    env = job.env or {}
    return any(about.get("secret") and env.get(name, "") is None for name, about in (job.env_meta or {}).items())


def _told(found: Ended | NeverStarted | Unknown) -> str:
    """The result in words."""
    if isinstance(found, NeverStarted):
        return "it was never started"
    if isinstance(found, Unknown):
        return f"its end is unknown ({found.word})"
    note = f", {found.kill_note.detail} ({found.kill_note.why})" if found.kill_note else ""
    return f"exit code {found.exit_code}, ended at {found.ended_at.isoformat(timespec='seconds')}{note}"
