"""The environment kept with the job: values and provenance, secret values sealed one by one."""

from __future__ import annotations

from typing import Any

from multiflexi.jobs import inputs, result_file
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import Job
from multiflexi.vault import envelope
from multiflexi.vault.names import CREDENTIALS

TABLE = "job"

Env = dict[str, str | None]
Meta = dict[str, dict[str, Any]]


def snapshot(resolved: Resolved, job_id: int) -> tuple[Env, Meta]:
    """What `job.env` and `job.env_meta` keep from the launch on; raises the errors of the vault."""
    meta = resolved.hidden_meta()
    env: Env = {
        name: _sealed(job_id, resolved.company_id, name, value) if value and meta[name]["secret"] else value
        for name, value in resolved.values.items()
    }
    return env, meta


def restore(job: Job) -> Resolved:
    """The environment a job was started with, from its snapshot; for an executor that adopts the job.

    Blanked values are left out. Raises the errors of the vault.
    """
    restored = Resolved(meta=job.env_meta or {}, company_id=job.company_id)
    for name, value in (job.env or {}).items():
        if value is None:
            continue
        is_secret = restored.is_secret(name)
        restored.values[name] = _opened(job.pk, name, value) if value and is_secret else value
        if is_secret and value:
            restored.secrets.add(restored.values[name])
    uploads = [meta["upload"] for meta in restored.meta.values() if "upload" in meta]
    if uploads:
        restored.hide(inputs.secrets_of(uploads))
    restored.directory = restored.values.get("MULTIFLEXI_TMP", "")
    restored.result_file = result_file.path_of(restored.values, job.app.resultfile)
    return restored


def _sealed(job_id: int, company_id: int | None, name: str, value: str) -> str:
    return envelope.seal(value, key=CREDENTIALS, table=TABLE, field=f"env.{name}", record=job_id, company_id=company_id)


def _opened(job_id: int, name: str, text: str) -> str:
    return envelope.open_sealed(text, table=TABLE, field=f"env.{name}", record=job_id)
