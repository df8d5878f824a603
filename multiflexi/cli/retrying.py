"""`job:retry --blocked-by`: everything that a credential has blocked, once more."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done
from multiflexi.cli.waiting import ended, outcome


def retry_blocked(call: Call) -> Done:
    """Repeat the blocked jobs of one credential; exit code 1 when some could not be repeated, or failed again."""
    from multiflexi.services import blocked_jobs, credential

    if call["id"] or call["env"]:
        raise wrong_use("Option --blocked-by goes with neither ids nor --env; repeat such jobs one by one.")
    found = credential.find(call.reader, call["blocked_by"])
    if call.dry_run:
        wanted = [one.pk for one in blocked_jobs.of(call.reader, found)]
        data = {"dry_run": True, "credential_id": found.pk, "jobs": wanted}
        return Done(data, f"Jobs that would be repeated: {', '.join(map(str, wanted)) or 'none'}")
    repeated = blocked_jobs.repeat(call.actor, found, reason=call["reason"])
    rows: list[dict[str, Any]] = [
        {"job_id": one.pk, "retry_of": one.retry_of_id, "id": one.pk, "attempt": one.attempt, "status": one.status}
        for one in repeated.made
    ]
    failed = bool(repeated.left)
    if call["wait"]:
        jobs = ended(call, [one.pk for one in repeated.made])
        rows = [{**one, **outcome(job)} for one, job in zip(rows, jobs, strict=True)]
        failed |= any(job.exitcode != 0 for job in jobs)
    rows += [{"job_id": None, "retry_of": number, "error": why} for number, why in repeated.left.items()]
    lines = [f"Job {one.retry_of_id} repeated, ID: {one.pk}" for one in repeated.made]
    lines += [f"Job {number} not repeated: {why}" for number, why in repeated.left.items()]
    return Done(
        rows,
        "\n".join(lines) or _nothing(found),
        code=int(failed),
        complaint="Not all of the jobs were repeated with success.",
    )


def _nothing(found: Any) -> str:
    return f"Credential {found.name} ({found.pk}) has blocked no job that was not repeated"
