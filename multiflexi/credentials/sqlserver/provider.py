"""Microsoft SQL Server."""

from __future__ import annotations

from collections.abc import Mapping

from multiflexi.credentials import logins
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import aliases, port, require

DRIVERS = ("pymssql",)
DEFAULT_PORT = 1433


class SQLServer(ShippedProvider):
    """Connects; signs in when a driver is installed."""

    code = "SQLServer"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return aliases(given, "DB_SETTINGS", "DB_OPTIONS")

    def probe(self, given: Given, network: Network) -> Result:
        host, database, user, password = require(given, "DB_HOST", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD")
        login = logins.Login(host, port(given, "DB_PORT", DEFAULT_PORT), user, password, database)
        return logins.attempt(login, network, DRIVERS, logins.sqlserver)
