"""Turn the ``DB_*`` settings into Django's DATABASES."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RequiredSettingsMissing, SettingsError
from .store import Loaded, state

if TYPE_CHECKING:
    import sqlite3

SQLITE = frozenset({"sqlite", "sqlite3"})
POSTGRESQL = frozenset({"pgsql", "postgresql", "postgres"})
CONNECTIONS = ("mysql", "mariadb", "pgsql", "postgresql", "postgres", "sqlite", "sqlite3", "dummy")
SERVER_KEYS = ("DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD")
# Short: a stop request must not wait long for a server that does not answer.
CONNECT_TIMEOUT = 4
SQLITE_BUSY_TIMEOUT = 30
MYSQL_SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ZERO_DATE,NO_ZERO_IN_DATE', time_zone = '+00:00'"
    # MariaDB alone reads this comment as a command; MySQL has no such limit.
    " /*M!100300 , idle_transaction_timeout = {idle} */"
)


def databases(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Django's DATABASES; the dummy backend while required keys are missing, so that settings can be imported."""
    if values["DB_CONNECTION"] in (None, "dummy") or missing_keys(values):
        return {"default": {"ENGINE": "django.db.backends.dummy"}}
    connection = values["DB_CONNECTION"]
    if connection in SQLITE:
        return {"default": _sqlite(values)}
    return {"default": _postgresql(values) if connection in POSTGRESQL else _mysql(values)}


def missing_keys(values: Mapping[str, Any]) -> list[str]:
    """Required ``DB_*`` keys without a value; an empty DB_PASSWORD is a value, an absent one is not."""
    connection = values["DB_CONNECTION"]
    if connection == "dummy":
        return []
    needed = ("DB_DATABASE",) if connection in SQLITE else SERVER_KEYS
    absent = [] if connection else ["DB_CONNECTION"]
    return absent + [key for key in needed if values[key] in (None, "") and (key, values[key]) != ("DB_PASSWORD", "")]


def require_database(*, create: bool = False) -> None:
    """Make sure that a database is configured and its driver installed; connects to nothing.

    ``create`` makes the empty file of an embedded database, which no connection does.
    Raises RequiredSettingsMissing naming all missing keys, or SettingsError.
    """
    loaded = state()
    if loaded.values.get("DB_CONNECTION") == "dummy":
        raise SettingsError("DB_CONNECTION=dummy means no database, but this needs one.", "DB_CONNECTION")
    if missing := missing_keys(loaded.values):
        raise RequiredSettingsMissing(missing, f"Required settings are missing: {', '.join(missing)}. {_where(loaded)}")
    driver, extra = _driver_of(loaded.values["DB_CONNECTION"])
    if not driver_installed(driver):
        raise SettingsError(
            f"DB_CONNECTION={loaded.values['DB_CONNECTION']} needs the Python module {driver}, which is not installed; "
            f"install multiflexi[{extra}] or the package multiflexi-{'pgsql' if extra == 'postgresql' else extra}.",
            "DB_CONNECTION",
        )
    path = _file_of(loaded.values)
    if create and path:
        _make(path)


def driver_installed(module: str) -> bool:
    """Whether the Python module of a database driver can be imported."""
    return importlib.util.find_spec(module) is not None


def _driver_of(connection: str) -> tuple[str, str]:
    """Module of the driver and the extra of our distribution that brings it."""
    if connection in SQLITE:
        return "sqlite3", "sqlite"
    return ("psycopg", "postgresql") if connection in POSTGRESQL else ("MySQLdb", "mysql")


def _where(loaded: Loaded) -> str:
    if loaded.file:
        return f"Set them in the environment or in {loaded.file.path}."
    if loaded.unreadable:
        return f"{loaded.unreadable} may not be read by this account; use one in the file's group, or --environment."
    return "No settings file was found; create /etc/multiflexi/multiflexi.env or name one with --environment."


def _file_of(values: Mapping[str, Any]) -> Path | None:
    """The file of an embedded database; a relative path counts from the settings file that holds it."""
    name = str(values["DB_DATABASE"])
    if values["DB_CONNECTION"] not in SQLITE or name == ":memory:" or name.startswith("file:"):
        return None
    loaded = state()
    in_file = loaded.file and loaded.sources.get("DB_DATABASE") != "environment"
    return (loaded.file.path.parent if loaded.file and in_file else Path.cwd()) / name


def _make(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o660))
    except OSError as error:
        raise SettingsError(
            f"DB_DATABASE: {path} cannot be made: {error.strerror}; correct the path or its rights.", "DB_DATABASE"
        ) from None


def _open_existing(path: str, database: str, **options: Any) -> sqlite3.Connection:
    """Open a database as sqlite3.connect does, but never make the file ``path``: its name may be a typing error."""
    import sqlite3

    if database == path and (problem := _kept_from(Path(path))):
        raise sqlite3.OperationalError(f"unable to open database file: {problem}")
    return sqlite3.Connection(database, **options)


def _kept_from(path: Path) -> str | None:
    """Why the file cannot be used as a database, with the way out; SQLite itself names neither."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return f"there is no file {path}; make it with multiflexi-cli setup or correct DB_DATABASE"
    except OSError as error:
        return f"{path} cannot be reached by this account: {error.strerror}; correct the rights of its directories"
    # Reading writes too: into the journal beside the file.
    for place, wanted in ((path, os.R_OK | os.W_OK), (path.parent, os.W_OK | os.X_OK)):
        if not os.access(place, wanted):
            return (
                f"this account (uid {os.geteuid()}) may not read and write {place}, "
                f"{'which belongs' if place == path else 'the directory of the database, whose file belongs'} to uid "
                f"{found.st_uid} and gid {found.st_gid}; call it as that user or as a member of that group"
            )
    return None


def _sqlite(values: Mapping[str, Any]) -> dict[str, Any]:
    path = _file_of(values)
    name = str(path or values["DB_DATABASE"])
    # FULL, not NORMAL: with NORMAL a power cut may forget the last commits, and a forgotten claim is run twice.
    synchronous = values["MULTIFLEXI_SQLITE_SYNCHRONOUS"].upper()
    options = {
        "timeout": SQLITE_BUSY_TIMEOUT,
        "transaction_mode": "IMMEDIATE",
        "init_command": f"PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}",
    }
    if path:
        options["factory"] = partial(_open_existing, name)
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options | values["DB_SETTINGS"]}


def _server(values: Mapping[str, Any], engine: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": engine,
        "NAME": values["DB_DATABASE"],
        "HOST": values["DB_HOST"],
        "PORT": values["DB_PORT"],
        "USER": values["DB_USERNAME"],
        "PASSWORD": values["DB_PASSWORD"],
        "CONN_MAX_AGE": values["DB_CONN_MAX_AGE"],
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | values["DB_SETTINGS"],
    }


def _longest_idle(values: Mapping[str, Any]) -> int:
    """Seconds after which the server ends an open transaction that does nothing.

    A process stopped in the midst of one keeps its rows locked; after a lease others may take its jobs, so they must
    be able to.
    """
    return math.ceil(values["MULTIFLEXI_LEASE_SECONDS"])


def _postgresql(values: Mapping[str, Any]) -> dict[str, Any]:
    # A peer that vanished without closing must not hang a daemon for the kernel's two hours.
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "multiflexi",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "options": f"-c idle_in_transaction_session_timeout={_longest_idle(values) * 1000}",
    }
    entry = _server(values, "django.db.backends.postgresql", options)
    if values["DB_POOL"]:
        entry["OPTIONS"]["pool"] = {"min_size": 1, "max_size": values["DB_POOL"], "timeout": CONNECT_TIMEOUT}
        entry["CONN_MAX_AGE"] = 0
    return entry


def _mysql(values: Mapping[str, Any]) -> dict[str, Any]:
    options = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "connect_timeout": CONNECT_TIMEOUT,
        "init_command": MYSQL_SESSION.format(idle=_longest_idle(values)),
    }
    entry = _server(values, "django.db.backends.mysql", options)
    return entry | {"TEST": {"CHARSET": "utf8mb4"}}
