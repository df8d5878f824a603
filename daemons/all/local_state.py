"""A self-contained installation in one directory: settings, embedded database, job directories, spool."""

from __future__ import annotations

import os
import re
import secrets
import stat
import subprocess
import sys
from pathlib import Path

SETTINGS_FILE = "multiflexi.env"
PLATFORM_PREFIXES = ("DB_", "ENCRYPTION_", "MULTIFLEXI_", "DJANGO_")
KEY_BYTES = 32
TEMPLATE = """\
# Settings of this installation; every name is explained in docs/reference/settings.md.
# Without the master key nothing that was sealed with it can be read again: keep a copy in a safe place.
DB_CONNECTION=sqlite
DB_DATABASE=multiflexi.sqlite3
ENCRYPTION_MASTER_KEY={key}
MULTIFLEXI_TMP=tmp
MULTIFLEXI_SPOOL=spool
MULTIFLEXI_SCHEDULER_NAME=local
MULTIFLEXI_EXECUTOR_NAME=local
MULTIFLEXI_WEB_BIND=127.0.0.1:8000
"""
WEB_BIND = re.compile(r"^\s*MULTIFLEXI_WEB_BIND\s*=\s*(\S+)", re.MULTILINE)
WEB_BIND_DEFAULT = "127.0.0.1:8000"


class LocalStateError(Exception):
    """The directory cannot be used; the text says why, in one line."""


def ensure(directory: Path) -> Path:
    """Make the directory with its settings file and a new master key where they are missing; path of that file.

    An existing file is never touched. Raises LocalStateError.
    """
    file = directory.resolve() / SETTINGS_FILE
    try:
        make_private(file.parent)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    except OSError as error:
        raise LocalStateError(f"{error.filename} cannot be made: {error.strerror}; name another directory.") from None
    with os.fdopen(descriptor, "w") as out:
        out.write(TEMPLATE.format(key=secrets.token_urlsafe(KEY_BYTES)))
    return file


def make_private(directory: Path) -> None:
    """Make a directory with all that is missing above it, and close it to other people if it exists.

    Raises OSError, and LocalStateError for a place like /tmp that belongs to everybody.
    """
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    mode = directory.stat().st_mode
    if mode & stat.S_ISVTX:
        raise LocalStateError(f"{directory} belongs to everybody on this machine; name a directory inside it.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        directory.chmod(stat.S_IRWXU)


def environment(file: Path) -> dict[str, str]:
    """The environment of programs of this installation.

    What the shell knows of another installation is left out, or a demonstration could reach somebody's real database.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PLATFORM_PREFIXES)}
    return kept | {"MULTIFLEXI_ENV_FILE": str(file)}


def web_address(file: Path) -> str:
    """Where the web server of this installation answers."""
    found = WEB_BIND.findall(file.read_text())
    return found[-1] if found else WEB_BIND_DEFAULT


def migrate(file: Path) -> None:
    """Bring the tables and the data keys up to date; raises LocalStateError when that fails."""
    command = [sys.executable, "-m", "multiflexi.cli.main", "setup", "--quiet"]
    if subprocess.run(command, env=environment(file), stdin=subprocess.DEVNULL, check=False).returncode:
        raise LocalStateError(f"multiflexi-cli setup failed for the settings in {file}; its message is above.")
