"""`multiflexi-executor -j` and `-r`, also called `multiflexi-run-template`: one job, its output and its exit code."""

from __future__ import annotations

import argparse
import math
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from multiflexi import environ
from multiflexi.cli import startup
from multiflexi.cli.output.errors import INTERRUPTED, WAITED_TOO_LONG, Failure, Rejected
from multiflexi.cli.output.stream import guarded
from multiflexi.cli.overrides import plain_values

if TYPE_CHECKING:
    from multiflexi.cli.echo import Echo
    from multiflexi.models import Job


def is_asked_for(arguments: argparse.Namespace) -> bool:
    """Whether the command line, or JOB_ID or RUNTEMPLATE_ID, chooses a one-shot run. Raises SettingsError."""
    if arguments.job or arguments.runtemplate:
        return True
    startup.load(arguments.environment)
    return bool(environ.value("JOB_ID") or environ.value("RUNTEMPLATE_ID"))


def run(arguments: argparse.Namespace, program: str) -> int:
    """Do the one-shot run of the arguments; exit status of the process.

    The job's own exit code; 1 when it has none or was refused, 75 when a credential kept it from running, 78 for an
    unusable setting, 124 when the wait was too long, 130 after Ctrl-C.
    """
    return guarded(lambda: _run(arguments, program))


def _run(arguments: argparse.Namespace, program: str) -> int:
    try:
        startup.prepare(arguments.environment)
        with ExitStack() as files:
            return _dispatch(arguments, program, files)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        failure = error.failure if isinstance(error, Rejected) else startup.failure(error)
        if failure is None:
            raise
        _say(program, failure.message)
        return failure.exit_code


def _dispatch(arguments: argparse.Namespace, program: str, files: ExitStack) -> int:
    job_id = arguments.job or (not arguments.runtemplate and environ.value("JOB_ID"))
    overrides = _overrides(arguments)
    limit = _seconds(arguments.timeout)
    if job_id:
        if overrides or arguments.timeout is not None:
            raise _refused("-E, --env-json and -t belong to -r; a job that exists has its values already.")
        return _run_job(job_id, arguments, program, files)
    return _run_template(arguments, overrides, limit, program, files)


def _run_job(job_id: object, arguments: argparse.Namespace, program: str, files: ExitStack) -> int:
    from multiflexi.cli.identity import actor
    from multiflexi.cli.inline_run import ending, exit_code, run_now
    from multiflexi.record.actor import Actor
    from multiflexi.services import job_query

    job = job_query.find(Actor(user_id=None, origin="cli"), str(job_id))
    job = run_now(actor(), job, echo=_echo(job, arguments, files))
    if told := ending(job):
        _say(program, told)
    return exit_code(job)


def _run_template(
    arguments: argparse.Namespace, overrides: dict[str, str], limit: float, program: str, files: ExitStack
) -> int:
    from multiflexi.cli.identity import actor
    from multiflexi.cli.inline_run import ending, exit_code
    from multiflexi.models import ScheduleType
    from multiflexi.services import run_template, run_template_run

    author = actor()
    template = run_template.find(author, str(arguments.runtemplate or environ.value("RUNTEMPLATE_ID")))
    # Before the job is made: an output file that cannot be opened must not leave one behind.
    out = _output(arguments, files)
    job = run_template_run.schedule(author, template, overrides=overrides, schedule_type=ScheduleType.ADHOC)
    names = f", overrides {', '.join(sorted(overrides))}" if overrides else ""
    _say(program, f"Job {job.pk} of run template {template.pk} waits for an executor{names}.")
    job = _await_end(job, _echo_to(out, job), limit, program)
    if told := ending(job):
        _say(program, told)
    return exit_code(job)


def _await_end(job: Job, echo: Echo, limit: float, program: str) -> Job:
    """The job after its end, its output echoed. Raises Rejected when the time is over before."""
    from multiflexi.models import JobStatus

    deadline = time.monotonic() + limit
    try:
        while True:
            echo.look()
            job.refresh_from_db()
            if JobStatus(job.status).is_final:
                echo.finish()
                return job
            left = deadline - time.monotonic()
            if left <= 0:
                message = f"Job {job.pk} has not ended within {limit:g} s and goes on; it is {job.status} now."
                raise Rejected(Failure(message, "wait_timeout", WAITED_TOO_LONG))
            time.sleep(min(environ.value("RUNTEMPLATE_WAIT_POLL"), left))
    except KeyboardInterrupt:
        _say(program, f"Job {job.pk} goes on; end it with multiflexi-cli job:stop {job.pk}.")
        raise


def _overrides(arguments: argparse.Namespace) -> dict[str, str]:
    """The one-time values; their errors never show any."""
    values: dict[str, str] = {}
    if arguments.env_json is not None:
        try:
            values |= plain_values(arguments.env_json)
        except ValueError as rule:
            raise _refused(f"--env-json {rule}") from None
    for word in arguments.overrides:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise _refused("-E needs KEY=VALUE, such as -E MONTH=2026-01.")
        values[name] = value
    return values


def _seconds(text: str | None) -> float:
    """The longest wait; no limit is infinity."""
    try:
        seconds = float(environ.value("RUNTEMPLATE_WAIT_TIMEOUT") if text is None else text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise _refused(f"-t needs a number of seconds, 0 for no limit, not {text!a}.")
    return seconds or math.inf


def _echo(job: Job, arguments: argparse.Namespace, files: ExitStack) -> Echo:
    return _echo_to(_output(arguments, files), job)


def _echo_to(out: TextIO | None, job: Job) -> Echo:
    from multiflexi.cli.echo import Echo

    return Echo(job.pk, out or sys.stdout, sys.stderr, live=out is None)


def _output(arguments: argparse.Namespace, files: ExitStack) -> TextIO | None:
    """The file for the job's standard output, None where it goes to ours."""
    path = arguments.output or environ.value("RESULT_FILE")
    if not path or path == "-":
        return None
    try:
        return files.enter_context(open(path, "w", encoding="utf-8"))  # noqa: PTH123 - a path may be any text
    except OSError as error:
        raise _refused(f"{path} cannot be written: {error.strerror}; name another file with -o.") from None


def _refused(message: str) -> Rejected:
    return Rejected(Failure(message, "wrong_use"))


def _say(program: str, message: str) -> None:
    sys.stderr.write(f"{program}: {message}\n")
