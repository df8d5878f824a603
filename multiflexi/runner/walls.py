"""Walls around a job: the profile of its application, the account it runs under, and what it must not see."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from django.conf import settings

from multiflexi import environ
from multiflexi.executors.contract import Profile, Sandbox
from multiflexi.models import Job

_PER_COMPANY = "company"


def sandbox_of(job: Job) -> Sandbox:
    """The sandbox of a job; its application is loaded."""
    account = settings.NATIVE_RUN_AS or None
    if account == _PER_COMPANY:
        account = f"mf-c{job.company_id}"
    return Sandbox(cast(Profile, job.app.sandbox), tuple(hidden_paths()), account)


def hidden_paths() -> list[Path]:
    """Where the platform keeps its settings, keys, data and logs, as far as this installation has told.

    A database file is hidden with its directory, because the files beside it come and go.
    """
    file = environ.state().file
    found = [file.path if file else None, settings.MULTIFLEXI_MASTER_KEY_FILE, settings.LOG_DIRECTORY]
    found += [settings.MULTIFLEXI_RUNTIME, settings.RUNTIME_DIRECTORY, _database()]
    return [path for path in found if path is not None]


def _database() -> Path | None:
    told = settings.DATABASES["default"]
    name = str(told["NAME"])
    if not told["ENGINE"].endswith("sqlite3") or not name.startswith("/"):
        return None
    file = Path(name)
    return file if file.parent == Path("/") else file.parent
