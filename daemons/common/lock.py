"""One process per name."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from multiflexi import environ
from multiflexi.environ import SettingsError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}\Z")


class NameTakenError(Exception):
    """Another process holds the name; the text names its pid."""


class NameLock:
    """A locked file; the kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock; raises NameTakenError, or SettingsError when the file cannot be written."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            raise SettingsError(
                f"MULTIFLEXI_RUNTIME: {self._path} cannot be opened: {error.strerror}; correct the path or its rights.",
                "MULTIFLEXI_RUNTIME",
            ) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise NameTakenError(
                f"{self._what} is already running as process {holder}; stop it, or give this one another --name."
            ) from None
        # The file stays at release: removing it could take it from a process that has just opened it.
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go of the name; a second call changes nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def name_lock(role: str, name: str) -> NameLock:
    """The lock of one instance, a file in the runtime directory."""
    return NameLock(runtime_directory() / f"{role}.{name}.lock", f"The {role} {name!r}")


def runtime_directory() -> Path:
    """Directory of locks and sockets, made when absent; raises SettingsError when that is not possible."""
    path: Path = (
        environ.value("MULTIFLEXI_RUNTIME")
        or environ.value("RUNTIME_DIRECTORY")
        or environ.value("MULTIFLEXI_TMP") / "run"
    )
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"MULTIFLEXI_RUNTIME: {path} cannot be made: {error.strerror}; correct the path or its rights.",
            "MULTIFLEXI_RUNTIME",
        ) from None
    return path


def instance_name(role: str, given: str | None = None) -> str:
    """The stable name of this instance: the argument, else MULTIFLEXI_<ROLE>_NAME, else the host name.

    Raises SettingsError when it has characters that a file or a log line would not take.
    """
    key = f"MULTIFLEXI_{role.upper()}_NAME"
    name = str(given or environ.value(key))
    if not NAME.match(name):
        raise SettingsError(
            f"{key}: {ascii(name)[:60]} is unusable: it must be letters, digits and . _ @ : - only; choose another.",
            key,
        )
    return name
