"""Making a job by hand, as `run-template:schedule` and `job:create` do it alike."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.results import Done, Record


def launch(call: Call, reference: Any, time_option: str) -> Done:
    """Schedule one job of the run template; `--config` and `--env` count for this job alone."""
    from multiflexi.services import company, run_template, run_template_run
    from multiflexi.services.presenters.job import row

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    template = run_template.find(call.reader, reference, owner)
    overrides = {**call.pairs("config"), **call.pairs("env")}
    after = call.moment(time_option)
    if call.dry_run:
        return _only_shown(call, template, overrides)
    job = run_template_run.schedule(
        call.actor,
        template,
        after=after,
        executor=call["executor"] or None,
        overrides=overrides,
        schedule_type=call["schedule_type"],
        company=owner,
    )
    data = {
        "runtemplate_id": template.pk,
        "scheduled": job.schedule,
        "executor": job.executor,
        "job_id": job.pk,
        "id": job.pk,
        "status": job.status,
    }
    if call["wait"] or call.get("output"):
        return _ended(call, job, data)
    if time_option == "scheduled":
        return Done(data, f"Job of run template {template.pk} created, ID: {job.pk}", lambda: Record(row(job)))
    shown = f"{job.schedule.astimezone(call.zone):%Y-%m-%d %H:%M:%S}" if job.schedule else "now"
    return Done(data, f"Scheduled: {shown}\nExecutor: {job.executor}\nJob ID: {job.pk}", lambda: Record(row(job)))


def _only_shown(call: Call, template: Any, overrides: dict[str, str]) -> Done:
    from multiflexi.services import run_template_run

    data = {"dry_run": True, **run_template_run.preview(template, overrides)}
    problems = data["problems"]
    line = f"Run template {template.pk} would {'not ' if problems else ''}be run"
    return Done(data, line, code=1 if problems else 0, complaint="; ".join(problems))


def _ended(call: Call, job: Any, data: dict[str, Any]) -> Done:
    """The result once the job has ended; exit code 1 unless it succeeded."""
    from multiflexi.cli.inline_run import ending
    from multiflexi.cli.waiting import ended, outcome

    (done,) = ended(call, [job.pk])
    data = {**data, **outcome(done)}
    line = f"Job {done.pk}: {done.status}, exit code {done.exitcode}"
    if call.get("output"):
        data |= {"stdout": done.stdout or "", "stderr": done.stderr or ""}
        line = (done.stdout or "").rstrip("\n")
        call.warn(*(done.stderr or "").splitlines())
    return Done(data, line, code=0 if done.exitcode == 0 else 1, complaint=ending(done) or "")
