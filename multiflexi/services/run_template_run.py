"""Run a run template once: now, later, or only in thought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from multiflexi import environ
from multiflexi.credentials import checking
from multiflexi.credentials.judging import in_words, rank
from multiflexi.credentials.questions import answers_at_launch
from multiflexi.executors.native import launch as native_launch
from multiflexi.executors.native import wrapper as native_wrapper
from multiflexi.jobs import command, environment, rows
from multiflexi.jobs.completeness import missing_credentials
from multiflexi.jobs.create import create_job
from multiflexi.jobs.queue import backend
from multiflexi.models import Company, Credential, Executor, Job, RunTemplate, ScheduleType
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import run_template, run_template_config, shadowing, value_sources
from multiflexi.services.errors import Invalid, Refused, invalid_field
from multiflexi.services.rights import OF_THE_INSTALLATION, need, need_for_executor
from multiflexi.services.run_template_values import usable
from multiflexi.vault.secrecy import display

SOON = timedelta(seconds=5)
IMMEDIATE_TYPES = {"cli": ScheduleType.ADHOC_CLI, "api": ScheduleType.ADHOC_API, "web": ScheduleType.ADHOC_WEB}


def schedule(
    actor: Actor,
    template: RunTemplate,
    *,
    after: datetime | None = None,
    executor: str | None = None,
    overrides: Mapping[str, str] | None = None,
    schedule_type: str | None = None,
    company: Company | None = None,
    note: str | None = None,
    among_many: bool = False,
) -> Job:
    """Make one job of the run template, due at once or at `after`; overrides count for this job alone.

    Running several at once takes more than running one, which `among_many` says.

    Raises Refused when it may not run or values are missing, Invalid for unusable values.
    """
    if company and company.pk != template.company_id:
        raise Refused(
            f"Run template {template.pk} belongs to another company than {company.name}; leave the company out.",
            "foreign_company",
        )
    usual = not (overrides or executor or among_many)
    need(actor, "jobs.create" if usual else "jobs.execute", template.company_id)
    need_for_executor(actor, template.company_id, executor if executor != template.executor else None)
    _refuse_unfit(template)
    given = checked_overrides(template, overrides)
    need_for_overrides(actor, template, given)
    _refuse_missing(template, given)
    chosen = usable({"executor": executor}, template.app, template).get("executor") if executor else None
    later = after is not None and after > timezone.now() + SOON
    cause = schedule_type or (ScheduleType.COMMAND_LINE if later else IMMEDIATE_TYPES.get(actor.origin, "adhoc"))
    if cause not in ScheduleType.values:
        raise invalid_field("schedule_type", f'"{cause}" is unknown; use one of {", ".join(ScheduleType.values)}.')
    with transaction.atomic():
        job = create_job(
            template, actor=actor, schedule_type=cause, after=after, overrides=given, executor=chosen, note=note
        )
        audit.write(
            actor,
            "run",
            template,
            company_id=template.company_id,
            data={"job_id": job.pk, "executor": job.executor, "overrides": sorted(given)},
        )
    return job


def need_for_overrides(actor: Actor, template: RunTemplate, given: Mapping[str, str]) -> None:
    """To replace what a credential provides takes more than to replace another value. Raises NotPermitted."""
    if given and actor.origin not in OF_THE_INSTALLATION and shadowing.offered(template) & given.keys():
        need(actor, "credentials.override", template.company_id)


def checked_overrides(template: RunTemplate, overrides: Mapping[str, str] | None) -> dict[str, str]:
    """One-time values in their stored form; a mask is no value. Raises Invalid."""
    try:
        return run_template_config.checked(template, overrides or {})
    except Invalid as error:
        raise invalid_field("env", str(error.details["rule"])) from None


def preview(template: RunTemplate, overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What would run now: masked words, all variables of the process, masked, with their sources, and what stands in
    the way. Raises Invalid, and MasterKeyMissing or MasterKeyWrong."""
    given = checked_overrides(template, overrides)
    assigned = rows.of_templates([template])
    credentials = assigned[template.pk]
    problems = [*obstacles(template), *_refused_by_the_gate(credentials)]
    shown: dict[str, Any] = {"runtemplate_id": template.pk, "command": [], "environment": [], "warnings": []}
    try:
        resolved = _resolved(template, given, assigned)
        withheld = _withheld(template, resolved)
        variables = [one for one in _variables(resolved, credentials) if one["name"] not in withheld]
        warnings = [*resolved.warnings, *native_launch.left_out(withheld), *_known_at_the_start(credentials)]
        shown |= {"environment": variables, "warnings": _masked(resolved, warnings)}
        problems += [f"{name} is required and has no value." for name in resolved.missing]
        lacking = missing_credentials(template, resolved.filled, credentials)
        problems += [f"The application requires {one}; assign one." for one in lacking]
        shown["command"] = _masked(resolved, command.render(template.app, resolved).display_words)
    except environment.EnvironmentProblem as problem:
        problems.append(str(problem))
    return {**shown, "problems": problems}


def effective_environment(template: RunTemplate) -> dict[str, str]:
    """The variables a run would get now, secrets masked; empty when they cannot be resolved."""
    try:
        resolved = _resolved(template, {})
    except environment.EnvironmentProblem:
        return {}
    return {name: display(value) if resolved.is_secret(name) else value for name, value in resolved.values.items()}


def obstacles(template: RunTemplate) -> list[str]:
    """Why the run template may not be run at all, in words."""
    app, company = template.app, template.company
    found = (
        (template.archived_at, f"Run template {template.name} is archived."),
        (not template.active, f"Run template {template.name} is inactive; activate it first."),
        (not company.enabled or company.archived_at, f"Company {company.name} is disabled; enable it first."),
        (not app.enabled or app.retired_at, f"Application {app.name} is disabled; enable it first."),
    )
    return [text for stands, text in found if stands]


def _refuse_unfit(template: RunTemplate) -> None:
    found = obstacles(template)
    if found:
        raise Refused(" ".join(found), "runtemplate_not_runnable", details={"reasons": found})


def _refuse_missing(template: RunTemplate, given: Mapping[str, str]) -> None:
    names = [name for name in run_template.missing(template) if not given.get(name)]
    if names:
        raise Refused(
            f"Run template {template.name} cannot run, not set yet: {', '.join(names)}; "
            "give their values or assign a credential.",
            "runtemplate_incomplete",
            details={"missing": names},
        )


def _resolved(
    template: RunTemplate, overrides: Mapping[str, str], assigned: rows.Assigned | None = None
) -> environment.Resolved:
    job = Job(
        pk=0,
        app=template.app,
        company=template.company,
        runtemplate=template,
        overrides=dict(overrides),
        executor=template.executor or Executor.NATIVE,
    )
    return environment.resolve(job, installation=environ.file_values(), credentials=assigned)


def _variables(resolved: environment.Resolved, credentials: Sequence[Credential]) -> list[dict[str, Any]]:
    """Every variable of the process with its source, and those it overrides, lowest first."""
    sources = value_sources.in_words(resolved, credentials)
    shown = []
    for name, value in sorted(environment.child_environment(resolved, resolved.directory).items()):
        hidden, meta = resolved.is_secret(name), resolved.meta.get(name, {})
        source = value_sources.source_of(resolved, name)
        shown.append(
            {
                "name": name,
                "value": display(value) if hidden else resolved.masker().mask_text(value)[0],
                "source": source,
                "source_name": sources[source],
                "secret": hidden,
                "type": meta.get("type", "string"),
                "overridden": [{"source": one, "source_name": sources[one]} for one in meta.get("overridden", ())],
            }
        )
    return shown


def _refused_by_the_gate(credentials: Sequence[Credential]) -> list[str]:
    """What is known now of credentials that would let the run wait, or block it."""
    now = backend().now()
    held = [
        one
        for one in credentials
        if checking.is_fresh(one, now) and rank(one.availability, gate_on_degraded=one.credential_type.gate_on_degraded)
    ]
    return [in_words(one) for one in held]


def _known_at_the_start(credentials: Sequence[Credential]) -> list[str]:
    return [
        f"Credential {one.name} ({one.pk}) adds values at the start of a job, which are not known before."
        for one in credentials
        if answers_at_launch(one.credential_type)
    ]


def _withheld(template: RunTemplate, resolved: environment.Resolved) -> set[str]:
    """Variables that a process of the host is not given, whatever layer sets them."""
    if (template.executor or Executor.NATIVE) != Executor.NATIVE:
        return set()
    return {name for name in resolved.values if not native_wrapper.passes(name)}


def _masked(resolved: environment.Resolved, texts: Iterable[str]) -> list[str]:
    """A secret may also stand where nobody declared one."""
    return [resolved.masker().mask_text(text)[0] for text in texts]
