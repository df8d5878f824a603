"""A database of any of the four kinds that applications of the platform use."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from django.utils.translation import gettext as _

from multiflexi.credentials import files, logins
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import aliases, available, misconfigured, port, require, unknown

KINDS = {
    "pgsql": (5432, ("psycopg",), logins.postgresql),
    "mysql": (3306, ("MySQLdb",), logins.mysql),
    "sqlsrv": (1433, ("pymssql",), logins.sqlserver),
}
_OTHER_NAMES = {"postgres": "pgsql", "postgresql": "pgsql", "mariadb": "mysql", "sqlite3": "sqlite", "mssql": "sqlsrv"}


class DatabaseConnection(ShippedProvider):
    """Signs in, or looks at the file of SQLite; no statement is sent."""

    code = "DatabaseConnection"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return {**aliases(given, "DB_CONNECTION", "DB_TYPE"), **aliases(given, "DB_SETTINGS", "DB_OPTIONS")}

    def probe(self, given: Given, network: Network) -> Result:
        written = (given.text("DB_CONNECTION") or given.text("DB_TYPE")).lower()
        if not written:
            require(given, "DB_CONNECTION")
        kind = _OTHER_NAMES.get(written, written)
        if kind == "sqlite":
            return _file(given)
        if kind not in KINDS:
            raise misconfigured(
                _("%(name)s must be one of %(kinds)s.")
                % {"name": "DB_CONNECTION", "kinds": ", ".join(sorted({*KINDS, "sqlite"}))}
            )
        default_port, drivers, connect = KINDS[kind]
        host, database, user = require(given, "DB_HOST", "DB_DATABASE", "DB_USERNAME")
        if host.startswith("/"):
            return unknown(_("Sockets of this host are not checked."))
        login = logins.Login(
            host, port(given, "DB_PORT", default_port), user, given.values.get("DB_PASSWORD", ""), database
        )
        return logins.attempt(login, network, drivers, connect)


def _file(given: Given) -> Result:
    require(given, "DB_DATABASE")
    path: Path = files.permitted(given, "DB_DATABASE")
    try:
        usable = stat.S_ISREG(path.stat().st_mode) and os.access(path, os.R_OK)
    except OSError:
        usable = False
    if not usable:
        raise misconfigured(_("The file that %(name)s names cannot be read.") % {"name": "DB_DATABASE"})
    return available(_("The file of the database can be read."))
