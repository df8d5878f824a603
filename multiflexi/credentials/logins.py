"""Trial logins to database servers, with the drivers that are installed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from importlib import import_module
from types import ModuleType
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import Result
from multiflexi.credentials.network import CONNECT_SECONDS, Network, place
from multiflexi.credentials.verdicts import available, degraded, misconfigured, unavailable

_SECONDS = int(CONNECT_SECONDS)
# The client library tells no code for a login that fails, only the server's words, in the server's language.
_PG_DENIED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|does not exist|no password supplied|permission denied"
    r"|not permitted to log in|SSL (?:connection is|off)|selhal[ao]?\b|neexistuje",
    re.IGNORECASE,
)
_PG_BUSY = re.compile(r"too many|remaining connection slots|starting up|shutting down|recovery", re.IGNORECASE)
_MYSQL_DENIED = frozenset({1044, 1045, 1049, 1130, 1251, 1275, 1524, 1698, 1820, 1862, 2026, 2049, 2059, 3118, 4151})
_SQLSERVER_DENIED = frozenset({4060, 18450, 18452, 18456, 18470, 18486, 18487, 18488})


class Failed(Enum):
    """Why a login did not succeed."""

    DENIED = auto()
    NOT_NOW = auto()


@dataclass(frozen=True)
class Login:
    """What a login needs."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str


def attempt(
    login: Login, network: Network, drivers: tuple[str, ...], connect: Callable[[ModuleType, Login, str], Failed | None]
) -> Result:
    """Sign in with the first installed driver, or only reach the server. Raises CannotResolve or Trouble.

    The server is not reached before a login, because servers count connections that end without one as attacks.
    """
    where = {"place": place(login.host, login.port), "drivers": ", ".join(drivers)}
    driver = _first_installed(drivers)
    if driver is None:
        network.reach(login.host, login.port)
        return degraded(
            _("%(place)s takes connections; the login was not tried, because the driver %(drivers)s is not installed.")
            % where
        )
    address = str(network.resolve(login.host, login.port)[0].address[0])
    try:
        failed = network.within(lambda: connect(driver, login, address), 2 * CONNECT_SECONDS)
    except TimeoutError:
        failed = Failed.NOT_NOW
    if failed is Failed.DENIED:
        raise misconfigured(_("%(place)s refuses the login; correct user, password and name of the database.") % where)
    if failed is Failed.NOT_NOW:
        raise unavailable(_("%(place)s takes no logins now.") % where)
    return available(_("%(place)s accepts the login.") % where)


def postgresql(driver: ModuleType, login: Login, address: str) -> Failed | None:
    """Sign in to PostgreSQL at the address, without the settings that this account keeps for itself."""
    try:
        driver.connect(
            host=login.host,
            hostaddr=address,
            port=login.port,
            dbname=login.database,
            user=login.user,
            password=login.password,
            connect_timeout=_SECONDS,
            passfile="/dev/null",
            gssencmode="disable",
            application_name="multiflexi-check",
        ).close()
    except driver.Error as error:
        return _reason(bool(_PG_DENIED.search(str(error))) and not _PG_BUSY.search(str(error)))
    return None


def mysql(driver: ModuleType, login: Login, address: str) -> Failed | None:
    """Sign in to MariaDB or MySQL at the address; the server may not ask for our files."""
    try:
        driver.connect(
            host=address,
            port=login.port,
            user=login.user,
            passwd=login.password,
            db=login.database,
            connect_timeout=_SECONDS,
            read_timeout=_SECONDS,
            write_timeout=_SECONDS,
            local_infile=0,
        ).close()
    except driver.Error as error:
        return _reason(bool(error.args) and error.args[0] in _MYSQL_DENIED)
    return None


def sqlserver(driver: ModuleType, login: Login, address: str) -> Failed | None:
    """Sign in to Microsoft SQL Server at the address."""
    try:
        driver.connect(
            server=address,
            port=str(login.port),
            user=login.user,
            password=login.password,
            database=login.database,
            login_timeout=_SECONDS,
            timeout=_SECONDS,
        ).close()
    except driver.Error as error:
        return _reason(_number(error.args) in _SQLSERVER_DENIED)
    return None


def _first_installed(drivers: tuple[str, ...]) -> ModuleType | None:
    for name in drivers:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _reason(denied: bool) -> Failed:
    return Failed.DENIED if denied else Failed.NOT_NOW


def _number(arguments: tuple[Any, ...]) -> Any:
    """The server's error number, which the driver wraps in one more tuple."""
    first = arguments[0] if arguments else None
    return first[0] if isinstance(first, tuple) and first else first
