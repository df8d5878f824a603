"""Which job was started with values of which credential: for each start, in its transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from multiflexi.jobs.layers import CREDENTIAL
from multiflexi.jobs.queue import backend
from multiflexi.models import Credential, CredentialUse

# The time of the last use is for people; each start that writes it would wait for the others of the same credential.
NOTE_SECONDS = 60.0
_noted: dict[int, float] = {}


def used(meta: Mapping[str, Mapping[str, Any]]) -> dict[int, int]:
    """The credentials whose values count in a job's environment, with their versions, by its provenance."""
    found = {}
    for told in meta.values():
        kind, _, number = str(told["source"]).partition(":")
        if kind == CREDENTIAL:
            found[int(number)] = int(told.get("version") or 0)
    return found


def record(jobs: Iterable[tuple[int, Mapping[str, Mapping[str, Any]]]], at: datetime) -> None:
    """Note the uses by jobs, given as ids and provenance, that start in the caller's transaction.

    A job that is started again because its first start was undone keeps its first note.
    """
    uses = [
        CredentialUse(job_id=job_id, credential_id=credential_id, version=version, at=at)
        for job_id, meta in jobs
        for credential_id, version in used(meta).items()
    ]
    if not uses:
        return
    CredentialUse.objects.bulk_create(uses, ignore_conflicts=True)
    _note({use.credential_id for use in uses}, at)


def _note(credential_ids: Iterable[int], at: datetime) -> None:
    moment = time.monotonic()
    due = [pk for pk in credential_ids if moment - _noted.get(pk, -NOTE_SECONDS) >= NOTE_SECONDS]
    if not due:
        return
    old = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at)
    # Whoever holds a row is another start, or a check; neither is waited for.
    rows = backend().lock(Credential.objects.filter(old, pk__in=due).order_by("pk").only("pk"))
    Credential.objects.filter(pk__in=[row.pk for row in rows]).update(last_used_at=at)
    _noted.update(dict.fromkeys(due, moment))
