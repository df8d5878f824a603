"""`job:run`: a pending job in the foreground, on the executor's own path."""

from __future__ import annotations

import sys
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.errors import NOT_RUN, REFUSED, WAITED_TOO_LONG, Failure, Rejected
from multiflexi.cli.output.results import Done, Result, Written

LARGEST_CODE = 255


def run_here(call: Call) -> Any:
    """Run the job; its lines are printed as they come, in other formats than text at the end."""
    from multiflexi.cli.echo import Echo

    job = _chosen(call)
    if call.format != "text" or call.get("quiet"):
        return _result(call, run_now(call.actor, job, timeout=call["timeout"] or None), streams=False)
    echo = Echo(job.pk, sys.stdout, sys.stderr)
    return _result(call, run_now(call.actor, job, echo=echo, timeout=call["timeout"] or None), streams=True)


def run_now(actor: Any, job: Any, *, echo: Any = None, timeout: float | None = None) -> Any:
    """Run a waiting job in this process and return it after its end, all of its output echoed.

    Raises Rejected when it does not wait or could not begin in time, KeyboardInterrupt when it was ended by one.
    """
    from multiflexi.runner import inline
    from multiflexi.services.job import bring_forward

    bring_forward(actor, job)
    try:
        look = echo.look if echo else lambda: None
        done = inline.run_job(job.pk, look=look, tell=lambda why: _tell(job.pk, why), timeout=timeout)
    except inline.Deferred as error:
        raise Rejected(Failure(str(error), "credential_unavailable", NOT_RUN)) from error
    except inline.NotRunnable as error:
        hint = " Repeat it with job:retry." if job.end else ""
        raise Rejected(Failure(f"{error}{hint}", "job_not_runnable", details={"status": job.status})) from error
    except TimeoutError as error:
        raise Rejected(Failure(str(error), "wait_timeout", WAITED_TOO_LONG)) from error
    except KeyboardInterrupt:
        if echo:
            echo.finish()
        raise
    if echo:
        echo.finish()
    return done


def _tell(job_id: int, why: str) -> None:
    sys.stderr.write(f"Job {job_id} waits, because this host takes no jobs now: {why}\n")
    sys.stderr.flush()


def exit_code(job: Any) -> int:
    """The job's exit code where it is one; 75 when a credential kept it from running, else 1."""
    from multiflexi.models import JobStatus

    if job.status == JobStatus.BLOCKED:
        return NOT_RUN
    return job.exitcode if job.exitcode is not None and 0 <= job.exitcode <= LARGEST_CODE else REFUSED


def ending(job: Any) -> str | None:
    """What a person is told about an end other than success."""
    if job.exitcode == 0:
        return None
    why = f" ({job.reason_detail or job.failure_reason})" if job.reason_detail or job.failure_reason else ""
    return f"Job {job.pk}: {job.status}{why}"


def _result(call: Call, job: Any, *, streams: bool) -> Result:
    code = 0 if call["exit_zero"] else exit_code(job)
    if told := ending(job):
        call.warn(told)
    if streams:
        return Written(code)
    data = {
        "job_id": job.pk,
        "exitcode": job.exitcode,
        "status": job.status,
        "stdout": job.stdout or "",
        "stderr": job.stderr or "",
    }
    return Done(data, "", code=code)


def _chosen(call: Call) -> Any:
    from multiflexi.services import job_query, run_template, run_template_run

    if call["id"] or not call["runtemplate_id"]:
        return job_query.find(call.reader, call.need("id", "runtemplate_id"))
    template = run_template.find(call.reader, call["runtemplate_id"])
    return run_template_run.schedule(call.actor, template, overrides=call.pairs("env"))
