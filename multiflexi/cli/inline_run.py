"""`job:run`: a pending job in the foreground, on the executor's own path."""

from __future__ import annotations

import sys
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.errors import REFUSED, WAITED_TOO_LONG, Failure, Rejected
from multiflexi.cli.output.results import Done, Result, Written
from multiflexi.cli.output.terminal import shown_on

LARGEST_CODE = 255


def run_here(call: Call) -> Any:
    """Run the job; its lines are printed as they come, in other formats than text at the end."""
    from multiflexi.runner import inline

    job = _chosen(call)
    streams = call.format == "text" and not call.get("quiet")
    try:
        done = inline.run_job(job.pk, listener=_print if streams else None, timeout=call["timeout"] or None)
    except inline.NotRunnable as error:
        hint = " Repeat it with job:retry." if job.end else ""
        raise Rejected(Failure(f"{error}{hint}", "job_not_runnable", details={"status": job.status})) from error
    except TimeoutError as error:
        raise Rejected(Failure(str(error), "wait_timeout", WAITED_TOO_LONG)) from error
    return _result(call, done, streams=streams)


def _result(call: Call, job: Any, *, streams: bool) -> Result:
    code = 0 if call["exit_zero"] else _exit_code(job.exitcode)
    if job.exitcode != 0:
        why = f" ({job.reason_detail or job.failure_reason})" if job.reason_detail or job.failure_reason else ""
        call.warn(f"Job {job.pk}: {job.status}{why}")
    if streams:
        sys.stdout.flush()
        return Written(code)
    data = {
        "job_id": job.pk,
        "exitcode": job.exitcode,
        "status": job.status,
        "stdout": job.stdout or "",
        "stderr": job.stderr or "",
    }
    return Done(data, "", code=code)


def _exit_code(exitcode: int | None) -> int:
    """The job's exit code where it is one; ends without a code of the process are failures."""
    return exitcode if exitcode is not None and 0 <= exitcode <= LARGEST_CODE else REFUSED


def _print(line: Any) -> None:
    target = sys.stderr if line.type == "stderr" else sys.stdout
    target.write(shown_on(target, line.line if line.continued else f"{line.line}\n"))
    target.flush()


def _chosen(call: Call) -> Any:
    from multiflexi.services import job_query, run_template, run_template_run

    if call["id"] or not call["runtemplate_id"]:
        return job_query.find(call.reader, call.need("id", "runtemplate_id"))
    template = run_template.find(call.reader, call["runtemplate_id"])
    return run_template_run.schedule(call.actor, template, overrides=call.pairs("env"))
