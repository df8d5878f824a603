"""Small files that one run of an application leaves for the next: how much of a bank's daily requests is left.

Credentials of a company with the same client share them. They are kept sealed, because whatever wrote them may have
named its client in them, and only figures in the known form are taken over.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from multiflexi.jobs import beneath
from multiflexi.jobs.inputs import DIRECTORY
from multiflexi.jobs.layers import names_credential
from multiflexi.jobs.queue import backend
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import Job, KeptFile
from multiflexi.runner.running import Running
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError
from multiflexi.vault.names import CREDENTIALS

log = logging.getLogger(__name__)

# The variable that names the file, and the one whose value says whose it is.
KEPT = {"RBAPI_RATE_LIMIT_JSON_FILE": "XIBMCLIENTID"}
FILE_NAME = "rates.json"
LARGEST, MOST_ENTRIES = 64 * 1024, 200
# Limits are those of a second and of a day.
_BEHIND_SECONDS, _AHEAD_SECONDS = 2 * 86_400, 60

Figures = dict[str, dict[str, dict[str, int]]]
"""By client and window: what is left, and when that was so in seconds since 1970."""


def put(job: Job, resolved: Resolved, job_dir: Path) -> None:
    """Write the kept files of a job's credentials below its directory, which an application updates there.

    Without any the directories are made all the same, so that it can. Raises OSError.
    """
    for variable in _variables(resolved):
        folder = job_dir / DIRECTORY / variable
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        figures = _figures(_row(job, resolved, variable))
        if figures:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(folder / FILE_NAME, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(figures, file)


def take(jobs: Sequence[Running]) -> None:
    """Keep what ended jobs left of such files; trouble with one is told and concerns nothing else."""
    for one in jobs:
        for variable in _variables(one.resolved):
            try:
                _take(one, variable)
            except (OSError, ValueError, RecursionError, VaultError) as error:
                text = one.masker.mask_text(str(error))[0]
                log.warning("a file is not kept", extra={"job": one.id, "variable": variable, "error": text})


def _take(one: Running, variable: str) -> None:
    try:
        descriptor = beneath.open_file(one.job_dir, (DIRECTORY, variable, FILE_NAME))
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    left = _checked(json.loads(data))
    with transaction.atomic():
        row = _row(one.job, one.resolved, variable, make=True)
        before = _figures(row)
        merged = _merged(before, left)
        if row is not None and merged != before:
            row.content = envelope.seal(
                json.dumps(merged),
                key=CREDENTIALS,
                table="kept_file",
                field="content",
                record=row.pk,
                company_id=row.company_id,
            )
            row.is_encrypted, row.updated_at = True, timezone.now()
            row.save(update_fields=["content", "is_encrypted", "updated_at"])


def _variables(resolved: Resolved) -> Iterator[str]:
    """Variables whose value is the place of a kept file, as the provider of a credential gave it."""
    for variable in KEPT.keys() & resolved.values.keys():
        source = str(resolved.meta.get(variable, {}).get("source", ""))
        if names_credential(source) and resolved.values[variable].endswith(place(variable)):
            yield variable


def place(variable: str) -> str:
    """Where a kept file lies below the directory of a job."""
    return f"/{DIRECTORY}/{variable}/{FILE_NAME}"


def _row(job: Job, resolved: Resolved, variable: str, *, make: bool = False) -> KeptFile | None:
    owner = resolved.values.get(KEPT[variable], "")
    if not owner:
        return None
    # Of a secret, but of one that cannot be guessed; the company is part of it.
    code = hashlib.sha256(f"{job.company_id}\0{owner}".encode("utf-8", "surrogateescape")).hexdigest()
    found: dict[str, Any] = {"company_id": job.company_id, "variable": variable, "owner": code}
    if not make:
        return KeptFile.objects.filter(**found).first()
    KeptFile.objects.get_or_create(**found)
    row: KeptFile = backend().lock_waiting(KeptFile.objects.filter(**found)).get()
    return row


def _figures(row: KeptFile | None) -> Figures:
    """The kept figures; what cannot be opened counts as none, because they are good for a day only."""
    if row is None or not row.content:
        return {}
    try:
        return _checked(
            json.loads(envelope.open_sealed(row.content, table="kept_file", field="content", record=row.pk))
        )
    except (VaultError, ValueError):
        return {}


def _checked(document: Any) -> Figures:
    """The entries in the known form that count now. Raises ValueError for another document."""
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    earliest, latest = time.time() - _BEHIND_SECONDS, time.time() + _AHEAD_SECONDS
    found: Figures = {}
    for client, windows in document.items():
        for window, entry in windows.items() if isinstance(windows, dict) else ():
            remaining, timestamp = (
                (entry.get("remaining"), entry.get("timestamp")) if isinstance(entry, dict) else (0, "")
            )
            if type(remaining) is int and type(timestamp) is int and earliest <= timestamp <= latest:
                found.setdefault(client, {})[window] = {"remaining": remaining, "timestamp": timestamp}
    return found


def _merged(before: Figures, left: Figures) -> Figures:
    """Of each window the later figures; of two at one time the smaller, because jobs may run side by side."""
    best: dict[tuple[str, str], dict[str, int]] = {}
    for figures in (before, left):
        for client, windows in figures.items():
            for window, entry in windows.items():
                present = best.get((client, window))
                if present is None or _rank(entry) > _rank(present):
                    best[client, window] = entry
    merged: Figures = {}
    for client, window in sorted(best, key=lambda name: _rank(best[name]), reverse=True)[:MOST_ENTRIES]:
        merged.setdefault(client, {})[window] = best[client, window]
    return merged


def _rank(entry: dict[str, int]) -> tuple[int, int]:
    return entry["timestamp"], -entry["remaining"]
