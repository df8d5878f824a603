"""A job as a person can repeat it by hand: its variables and its command, without any secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multiflexi import environ
from multiflexi.jobs import command, environment, rows
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.schedulable import zone_name
from multiflexi.models import (
    ConfField,
    CredentialPrototypeField,
    CredentialTypeField,
    FieldType,
    Job,
)
from multiflexi.services import value_sources
from multiflexi.services.errors import Refused
from multiflexi.vault.envelope import looks_sealed
from multiflexi.vault.secrecy import MASK, named_like_a_secret


@dataclass(frozen=True)
class Variable:
    """A variable of the job; `value` is None for a secret one."""

    name: str
    value: str | None
    source: str
    description: str = ""
    is_upload: bool = False

    @property
    def is_secret(self) -> bool:
        return self.value is None


@dataclass(frozen=True)
class Exported:
    """What the executor gave to the job, or would give to one that has not been started.

    `command` is a line for a shell that takes the secrets in it from variables.
    """

    job: Job
    variables: list[Variable]
    command: str


def export(job: Job, *, described: bool = True) -> Exported:
    """The variables in alphabetical order and the command of a job; without `described` what they are for is left out.

    Raises Refused when they cannot be made.
    """
    assigned = rows.assigned([job])
    try:
        resolved = _as_started(job) if job.env is not None else _as_of_now(job, assigned)
        line = command.shell_line(job.app, resolved, recorded=_recorded(job))
        line = resolved.masker().mask_text(line)[0]
    except environment.EnvironmentProblem as problem:
        raise Refused(str(problem), "job_not_exportable") from None
    complete = environment.child_environment(resolved, resolved.directory)
    sources = value_sources.in_words(resolved, assigned[job.runtemplate_id or 0])
    descriptions = _descriptions(job, assigned) if described else {}
    variables = []
    for name, value in sorted(complete.items()):
        variables.append(
            Variable(
                name=name,
                value=None if resolved.is_secret(name) else value,
                source=sources[value_sources.source_of(resolved, name)],
                description=descriptions.get(name, ""),
                is_upload=resolved.meta.get(name, {}).get("type") == FieldType.FILE_PATH and "/inputs/" in value,
            )
        )
    return Exported(job, variables, line)


def _as_of_now(job: Job, assigned: rows.Assigned) -> Resolved:
    resolved = environment.resolve(job, installation=environ.file_values(), credentials=assigned)
    resolved.meta = resolved.hidden_meta()
    return resolved


def _as_started(job: Job) -> Resolved:
    """The environment of the snapshot; secret values stay what they are there, and are never opened."""
    resolved = Resolved(meta=dict(job.env_meta or {}), company_id=job.company_id)
    for name, value in (job.env or {}).items():
        hidden = value is None or looks_sealed(value) or (name not in resolved.meta and named_like_a_secret(name))
        if hidden:
            resolved.meta[name] = {**resolved.meta.get(name, {}), "secret": True}
        resolved.values[name] = "" if resolved.is_secret(name) else str(value)
    resolved.directory = resolved.values.get("MULTIFLEXI_TMP", "")
    resolved.known = frozenset(resolved.values) | set(job.app.fields.values_list("keyname", flat=True))
    resolved.zone = zone_name(job.runtemplate, job.company)
    return resolved


def _recorded(job: Job) -> list[str]:
    """The words the job was started with, if there are any and no secret was masked in them."""
    words = [str(word) for word in job.command or []]
    return [] if any(MASK in word for word in words) else words


def _descriptions(job: Job, assigned: rows.Assigned) -> dict[str, str]:
    """What the variables are for: by the credentials, else by the application."""
    kinds = {one.credential_type_id for one in assigned[job.runtemplate_id or 0]}
    prototype: Any = CredentialPrototypeField.objects.filter(credential_prototype__types__in=kinds)
    found = dict(prototype.values_list("keyword", "description"))
    found |= dict(CredentialTypeField.objects.filter(credential_type__in=kinds).values_list("keyname", "description"))
    fields = ConfField.objects.filter(app_id=job.app_id).values_list("keyname", "description")
    return found | {name: text for name, text in fields if text}
