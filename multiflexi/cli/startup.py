"""Bring up settings and Django for the commands that need the database, and explain what kept them from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import tzinfo
from functools import cache
from typing import Any

from multiflexi.cli.output import errors
from multiflexi.cli.output.errors import Failure

# Programs compare these words instead of the code.
STATUSES = {"invalid_roles": "invalid_roles"}
# The services tell the rule; this is how the way out is called here.
WAYS_OUT = {
    "company_has_dependants": "--cascade deletes them, too.",
    "runtemplate_incomplete": "--config NAME=VALUE gives a value.",
    "secret_override_gone": "--env NAME=VALUE gives it again.",
    "user_has_jobs": "user:update --enabled 0 disables the account.",
}


def prepare(environment_file: str | None, *, verbosity: int = 0, create: bool = False, tables: bool = False) -> None:
    """Read the settings and set Django up once per process; `create` makes the file of an embedded database.

    `tables` knows the tables of the web's libraries as well, as `create` does.

    Raises SettingsFileError, RequiredSettingsMissing and SettingsError of `multiflexi.environ`.
    """
    from django.apps import apps

    if apps.ready:
        return
    from multiflexi import environ, pageless

    if create or tables:
        # Whatever the caller's environment names: the tables of web libraries belong to an installation, too.
        os.environ["DJANGO_SETTINGS_MODULE"] = "multiflexi.serving.settings"
    load(environment_file)
    environ.require_database(create=create)
    pageless.set_up()
    _keep_messages_in_english()
    _log_to_standard_error(verbosity)


def load(environment_file: str | None) -> None:
    """Read the settings only. Raises SettingsFileError and SettingsError."""
    from multiflexi import environ, pageless

    pageless.put_off()
    environ.keep_from_others()
    if environment_file:
        environ.use_file(environment_file)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "multiflexi.settings")
    from django.conf import settings

    _ = settings.INSTALLED_APPS


def _keep_messages_in_english() -> None:
    """Programs search the messages for "not found" and "already exists"."""
    from django.utils import translation

    translation.deactivate_all()


def _log_to_standard_error(verbosity: int) -> None:
    import logging

    levels = {0: logging.ERROR, 1: logging.ERROR, 2: logging.INFO}
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(levels.get(verbosity, logging.DEBUG))
    if verbosity > 1:
        _time_statements()


def _time_statements() -> None:
    """Log each statement with its time, never its values: they may be secret."""
    import logging
    from time import perf_counter

    from django.db import connection

    log = logging.getLogger("multiflexi.sql")

    def timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        begin = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            log.info("%.1f ms %s", (perf_counter() - begin) * 1000, sql)

    connection.execute_wrappers.append(timed)


@cache
def installation_zone() -> tzinfo:
    """The zone all times are printed and read in."""
    from django.conf import settings

    from multiflexi.scheduling import zones

    configured = settings.MULTIFLEXI_TIMEZONE
    return zones.installation_zone(str(configured) if configured else None)


def failure(error: Exception) -> Failure | None:
    """The failure behind an exception of services, settings or the database; None for anything else."""
    return _settings_failure(error) or _service_failure(error) or _vault_failure(error) or _database_failure(error)


def _settings_failure(error: Exception) -> Failure | None:
    from multiflexi import environ

    if isinstance(error, environ.SettingsFileError):
        return Failure(str(error), "settings_file_unreadable", errors.WRONG_USE)
    if isinstance(error, environ.RequiredSettingsMissing):
        return Failure(str(error), "settings_missing", errors.WRONG_SETTING, details={"keys": list(error.keys)})
    if isinstance(error, environ.SettingsError):
        return Failure(str(error), "setting_unusable", errors.WRONG_SETTING, details={"key": error.key})
    return None


def _service_failure(error: Exception) -> Failure | None:
    if "multiflexi.services.errors" not in sys.modules:
        return None
    from multiflexi.services.errors import BadQuery, NotFound, ServiceError

    if not isinstance(error, ServiceError):
        return None
    return Failure(
        " ".join(filter(None, (error.message, WAYS_OUT.get(error.code)))),
        error.code,
        errors.WRONG_USE if isinstance(error, BadQuery) else errors.REFUSED,
        status="not found" if isinstance(error, NotFound) else STATUSES.get(error.code, "error"),
        details=error.details,
        extra=error.members,
    )


def _vault_failure(error: Exception) -> Failure | None:
    if "multiflexi.vault.errors" not in sys.modules:
        return None
    from multiflexi.vault.errors import MasterKeyMissing, MasterKeyWrong, VaultError

    if not isinstance(error, VaultError):
        return None
    is_setting = isinstance(error, MasterKeyMissing | MasterKeyWrong)
    code = errors.WRONG_SETTING if is_setting else errors.REFUSED
    return Failure(str(error), "encryption_unavailable", code)


def _database_failure(error: Exception) -> Failure | None:
    if "django.db" not in sys.modules:
        return None
    from django.db.utils import DatabaseError, DataError, IntegrityError, InterfaceError

    # The server's own words would show values and statements.
    if isinstance(error, DataError) or (isinstance(error, OverflowError) and "SQLite" in str(error)):
        return Failure(
            "A value does not fit into the database: it is too long, too large or not of the kind that is kept there; "
            "shorten or correct it.",
            "value_does_not_fit",
        )
    if isinstance(error, IntegrityError):
        return Failure(
            "The database refuses the change: it breaks one of its rules, such as a name given twice.", "conflict"
        )
    if not isinstance(error, (DatabaseError, InterfaceError)):
        return None
    # PostgreSQL appends the statement.
    reason = " ".join(str(error).partition("\nLINE ")[0].split())
    if "no such table" in reason or "does not exist" in reason or "doesn't exist" in reason:
        return Failure(f"The database is not up to date ({reason}); run multiflexi-cli setup.", "database_not_migrated")
    return Failure(f"The database cannot be used: {reason}", "database_unavailable")
