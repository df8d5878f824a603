"""Directories of jobs and output: are they there, may we write, is there room."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.services.doctor.finding import Finding, broken, doubtful, well

MIB = 1 << 20


def directories(timeout: float) -> Iterator[Finding]:
    """One finding for each directory, and for the file of an embedded database."""
    yield from _directory("MULTIFLEXI_TMP", Path(settings.MULTIFLEXI_TMP))
    yield from _directory("MULTIFLEXI_SPOOL", Path(settings.MULTIFLEXI_SPOOL), private=True)
    told = settings.DATABASES["default"]
    name = str(told.get("NAME", ""))
    if told["ENGINE"].endswith("sqlite3") and name != ":memory:" and not name.startswith("file:"):
        # SQLite makes its journal beside the file.
        yield from _directory("DB_DATABASE", Path(name).parent)


def _directory(key: str, path: Path, *, private: bool = False) -> Iterator[Finding]:
    there = next(one for one in (path, *path.parents) if one.exists())
    if not there.is_dir():
        yield broken(key, _("%(path)s is no directory") % {"path": there}, _("remove that file or correct the setting"))
        return
    if not os.access(there, os.W_OK | os.X_OK):
        yield broken(
            key,
            _("this account may not write to %(path)s") % {"path": there},
            _("make it the property of the account of the service: chown multiflexi: %(path)s") % {"path": there},
        )
        return
    free = shutil.disk_usage(there).free // MIB
    if free < settings.MULTIFLEXI_MIN_FREE_MB:
        yield broken(
            key,
            _("%(free)d MiB are free in %(path)s, less than MULTIFLEXI_MIN_FREE_MB (%(least)d); no job is claimed")
            % {"free": free, "path": there, "least": settings.MULTIFLEXI_MIN_FREE_MB},
            _("make room: job:cleanup --days 90 deletes old jobs"),
        )
        return
    if private and there == path and path.stat().st_mode & stat.S_IRWXO:
        yield doubtful(
            key,
            _("other accounts can look into %(path)s, where the output of running jobs is") % {"path": path},
            f"chmod 700 {path}",
        )
        return
    state = "" if there == path else _(" (made when it is needed)")
    yield well(key, _("%(path)s%(state)s, %(free)d MiB free") % {"path": path, "state": state, "free": free})
