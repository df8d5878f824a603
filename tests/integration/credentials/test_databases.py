"""Trial logins to real database servers; without a server at hand its tests are left out."""

from __future__ import annotations

import secrets
import socket
import sys
import types
from collections.abc import Iterator

import pytest

from multiflexi.credentials import logins, registry
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.sqlserver import provider as sqlserver_module
from tests.unit.credentials.samples import MARK, given
from tests.unit.credentials.standin import talking

HOST = "127.0.0.1"
NAME = f"mf_check_{secrets.token_hex(4)}"
PASSWORD = f"{MARK}'\"\\ ž"


def check(kind: str, port: int, **values: str) -> Result:
    own = {"DB_CONNECTION": kind, "DB_HOST": HOST, "DB_PORT": str(port), "DB_DATABASE": NAME}
    account = {"DB_USERNAME": NAME, "DB_PASSWORD": PASSWORD}
    return registry.get("DatabaseConnection").check(Given({**own, **account, **values}))


def _needs(port: int) -> None:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        pytest.skip(f"no database server at {HOST}:{port}")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[int]:
    psycopg = pytest.importorskip("psycopg")
    _needs(5432)
    try:
        session = psycopg.connect(host=HOST, user="postgres", dbname="postgres", autocommit=True, connect_timeout=3)
    except psycopg.Error as error:
        pytest.skip(f"the PostgreSQL server lets nobody make accounts: {type(error).__name__}")
    with session:
        session.execute(
            psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                psycopg.sql.Identifier(NAME), psycopg.sql.Literal(PASSWORD)
            )
        )
        yield 5432
        session.execute(f"DROP ROLE {NAME}")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[int]:
    driver = pytest.importorskip("MySQLdb")
    _needs(3306)
    try:
        session = driver.connect(host=HOST, user="root", connect_timeout=3)
    except driver.Error as error:
        pytest.skip(f"the MariaDB server lets nobody make accounts: {type(error).__name__}")
    cursor = session.cursor()
    cursor.execute(f"CREATE DATABASE {NAME}")
    cursor.execute(f"CREATE USER {NAME}@'%%' IDENTIFIED BY %s", (PASSWORD,))
    cursor.execute(f"CREATE USER {NAME}@localhost IDENTIFIED BY %s", (PASSWORD,))
    for host in ("%", "localhost"):
        cursor.execute(f"GRANT SELECT ON {NAME}.* TO {NAME}@'{host}'")
    yield 3306
    for host in ("%", "localhost"):
        cursor.execute(f"DROP USER {NAME}@'{host}'")
    cursor.execute(f"DROP DATABASE {NAME}")
    session.close()


def test_postgresql(postgresql: int) -> None:
    result = check("pgsql", postgresql, DB_DATABASE="postgres")
    assert (result.state, result.message) == ("available", f"{HOST}:5432 accepts the login.")
    assert check("pgsql", postgresql, DB_DATABASE=f"{NAME}_none").state == "misconfigured"
    assert check("pgsql", postgresql, DB_DATABASE="postgres", DB_USERNAME=f"{NAME}_none").state == "misconfigured"


def test_postgresql_that_shuts_down(postgresql: int) -> None:
    message = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    with talking(b"N", b"E" + (len(message) + 4).to_bytes(4, "big") + message, in_turn=True) as port:
        assert check("pgsql", port).state == "unavailable"


@pytest.mark.parametrize(
    ("code", "text", "state"),
    [
        (b"28P01", 'password authentication failed for user "x"', "misconfigured"),
        (b"28000", 'no pg_hba.conf entry for host "x"', "misconfigured"),
        (b"53300", "sorry, too many clients already", "unavailable"),
        (b"28P01", "ověření hesla uživatele selhalo", "misconfigured"),
        (b"XX000", "something new", "unavailable"),
    ],
)
def test_words_of_postgresql(code: bytes, text: str, state: str) -> None:
    pytest.importorskip("psycopg")
    message = b"SFATAL\0VFATAL\0C" + code + b"\0M" + text.encode() + b" " + MARK.encode() + b"\0\0"
    with talking(b"N", b"E" + (len(message) + 4).to_bytes(4, "big") + message, in_turn=True) as port:
        result = check("pgsql", port)
        assert result.state == state
        assert MARK not in repr(result)


def test_mariadb(mariadb: int) -> None:
    result = check("mysql", mariadb)
    assert (result.state, result.message) == ("available", f"{HOST}:3306 accepts the login.")
    assert check("mysql", mariadb, DB_PASSWORD=f"{MARK}-wrong").state == "misconfigured"
    assert check("mysql", mariadb, DB_DATABASE=f"{NAME}_none").state == "misconfigured"
    assert check("mysql", mariadb, DB_USERNAME=f"{NAME}_none").state == "misconfigured"


def test_mariadb_with_too_many_connections() -> None:
    pytest.importorskip("MySQLdb")
    message = b"\xff" + (1040).to_bytes(2, "little") + b"#08004Too many connections"
    with talking(len(message).to_bytes(3, "little") + b"\0" + message) as port:
        assert check("mysql", port).state == "unavailable"


def test_sqlserver_without_driver_is_only_reached(monkeypatch) -> None:
    monkeypatch.setattr(sqlserver_module, "DRIVERS", ("no_such_driver",))
    with talking() as port:
        result = registry.get("SQLServer").check(given("SQLServer", port))
    assert (result.state, "no_such_driver" in result.message) == ("degraded", True)


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, "available"), (((18456, b"Login failed"),), "misconfigured"), ((20009, b"down"), "unavailable")],
)
def test_sqlserver_with_driver(error, state: str, monkeypatch) -> None:
    driver = types.ModuleType("pymssql")
    driver.Error = type("Error", (Exception,), {})
    seen = {}

    def connect(**values: object) -> object:
        seen.update(values)
        if error:
            raise driver.Error(*error)
        return types.SimpleNamespace(close=lambda: None)

    driver.connect = connect
    monkeypatch.setitem(sys.modules, "pymssql", driver)
    with talking() as port:
        assert registry.get("SQLServer").check(given("SQLServer", port)).state == state
    assert (seen["server"], seen["port"], seen["login_timeout"]) == (HOST, str(port), 5)


def test_a_login_shows_no_password() -> None:
    assert MARK not in repr(logins.Login("h", 1, "u", MARK, "d"))
