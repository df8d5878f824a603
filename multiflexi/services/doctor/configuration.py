"""Settings: what is missing, unusable, unknown or readable by everybody. Works without Django."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from multiflexi import environ
from multiflexi.services.doctor.finding import Finding, broken, doubtful, well

WAY_OUT = "correct it; multiflexi-cli config:check shows what is in effect and where it comes from"


def settings(timeout: float) -> Iterator[Finding]:
    """One finding for each setting that is wrong or doubtful, and for a settings file that others can read."""
    try:
        rows = environ.report()
    except environ.SettingsFileError as error:
        yield broken("settings file", str(error), "name an existing file with --environment")
        return
    wrong = [row for row in rows if row["message"]]
    for row in wrong:
        make = doubtful if row["ok"] else broken
        yield make(row["key"] or "settings file", f"{row['message']} ({row['source']})", WAY_OUT)
    if not wrong:
        yield well("settings", f"{len(rows)} settings are given, all usable")
    yield from _open_file()


def _open_file() -> Iterator[Finding]:
    file = environ.state().file
    if file and file.path.exists() and file.path.is_file() and file.path.stat().st_mode & stat.S_IROTH:
        yield doubtful(
            "settings file",
            f"everybody on this host can read {file.path}, which may hold passwords and the master key",
            f"chmod 640 {file.path}, with the group multiflexi",
        )
