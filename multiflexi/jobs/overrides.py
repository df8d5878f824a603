"""One-time values given with a job, kept until its end; secret ones sealed."""

from __future__ import annotations

from collections.abc import Mapping

from multiflexi.models import ConfField, RunTemplate
from multiflexi.vault import envelope
from multiflexi.vault.secrecy import named_like_a_secret


def sealed_overrides(runtemplate: RunTemplate, job_id: int, overrides: Mapping[str, str]) -> dict[str, str]:
    """The overrides as stored in `job.overrides`; raises a VaultError when a secret cannot be sealed."""
    declared = {
        row.keyname: row.is_secret for row in ConfField.objects.filter(app_id=runtemplate.app_id, keyname__in=overrides)
    }
    return {
        name: envelope.seal(
            value,
            key="credentials",
            table="job",
            field=f"overrides.{name}",
            record=job_id,
            company_id=runtemplate.company_id,
        )
        if declared.get(name, named_like_a_secret(name))
        else value
        for name, value in overrides.items()
    }


def open_overrides(stored: Mapping[str, str] | None, job_id: int) -> dict[str, str]:
    """The overrides of a job in clear, to be handed on to its retry."""
    return {
        name: envelope.open_sealed(value, table="job", field=f"overrides.{name}", record=job_id)
        if envelope.looks_sealed(value)
        else value
        for name, value in (stored or {}).items()
    }
