"""A database of our own on each kind of server, made for one run and dropped after it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

KINDS = ("pgsql", "mysql", "sqlite")
# Settings of the servers that decide what a commit costs.
TELLING = {
    "pgsql": ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"),
    "mysql": ("innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin", "innodb_buffer_pool_size"),
}


class Unreachable(Exception):
    """The server cannot be used; the text names the variable that leads elsewhere."""


@dataclass(frozen=True)
class Database:
    """How the platform's settings name the database."""

    kind: str
    settings: dict[str, str]

    @property
    def name(self) -> str:
        return self.settings["DB_DATABASE"]


@contextmanager
def fresh(kind: str, scratch: Path) -> Iterator[Database]:
    """An empty database; Unreachable where there is no server."""
    if kind == "sqlite":
        yield Database(kind, {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(scratch / "multiflexi.sqlite3")})
        return
    url, ask = {"pgsql": (_postgresql_url(), _ask_postgresql), "mysql": (_mysql_url(), _ask_mysql)}[kind]
    name = f"mf_bench_{os.getpid()}"
    ask(url, [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}{_MYSQL_TEXT if kind == 'mysql' else ''}"])
    try:
        yield Database(kind, _settings(kind, url, name))
    finally:
        forced = " WITH (FORCE)" if kind == "pgsql" else ""
        ask(url, [f"DROP DATABASE IF EXISTS {name}{forced}"])


_MYSQL_TEXT = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


def _postgresql_url() -> SplitResult:
    return urlsplit(os.environ.get("TEST_PG_URL") or "postgres://postgres@127.0.0.1:5432/postgres")


def _mysql_url() -> SplitResult:
    return urlsplit(os.environ.get("TEST_MYSQL_URL") or "mysql://root@127.0.0.1:3306/mysql")


def _settings(kind: str, url: SplitResult, name: str) -> dict[str, str]:
    return {
        "DB_CONNECTION": kind,
        "DB_HOST": url.hostname or "127.0.0.1",
        "DB_PORT": str(url.port or {"pgsql": 5432, "mysql": 3306}[kind]),
        "DB_DATABASE": name,
        "DB_USERNAME": unquote(url.username or ""),
        "DB_PASSWORD": unquote(url.password or ""),
    }


def _ask_postgresql(url: SplitResult, statements: Iterable[str]) -> None:
    psycopg = importlib.import_module("psycopg")
    access = {"user": unquote(url.username or "postgres"), "password": unquote(url.password or "")}
    try:
        connection = psycopg.connect(host=url.hostname, port=url.port, dbname="postgres", autocommit=True, **access)
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL: {error}Name a server with TEST_PG_URL, or choose DB=sqlite.") from None
    with connection:
        for statement in statements:
            connection.execute(statement)


def _ask_mysql(url: SplitResult, statements: Iterable[str]) -> None:
    driver = importlib.import_module("MySQLdb")
    access = {"user": unquote(url.username or "root"), "password": unquote(url.password or "")}
    try:
        connection = driver.connect(host=url.hostname, port=url.port or 3306, **access)
    except driver.OperationalError as error:
        raise Unreachable(f"MariaDB: {error}. Name a server with TEST_MYSQL_URL, or choose DB=sqlite.") from None
    try:
        for statement in statements:
            connection.cursor().execute(statement)
    finally:
        connection.close()


def facts() -> dict[str, Any]:
    """Version of the connected database, and its settings that decide what a commit costs."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version(), synchronous FROM pragma_synchronous")
            version, synchronous = cursor.fetchone()
            return {"kind": "sqlite", "version": version, "synchronous": synchronous}
        cursor.execute("SELECT version()")
        version = cursor.fetchone()[0].partition(" on ")[0]
        kind = "pgsql" if connection.vendor == "postgresql" else "mysql"
        settings = {name: _setting(cursor, kind, name) for name in TELLING[kind]}
    return {"kind": kind, "version": version, **settings}


def _setting(cursor: Any, kind: str, name: str) -> str:
    cursor.execute(f"SHOW {name}" if kind == "pgsql" else f"SELECT @@{name}")
    return str(cursor.fetchone()[0])
