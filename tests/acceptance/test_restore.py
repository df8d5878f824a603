"""A backup of the database opens its secrets in a fresh installation with the master key, and without it none."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from multiflexi.models import Company
from tests.crash.live import ROOT
from tests.integration.services.bank import TOKEN, make_credential, make_type

Restored = dict[str, str]


def server_environment() -> dict[str, str]:
    given = connection.settings_dict
    return os.environ | {
        "PGHOST": given["HOST"],
        "PGPORT": str(given["PORT"]),
        "PGUSER": given["USER"],
        "PGPASSWORD": given["PASSWORD"],
        "MYSQL_PWD": given["PASSWORD"],
    }


def run(*words: str, **more: object) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    subprocess.run(words, env=server_environment(), check=True, capture_output=True, **more)  # type: ignore[call-overload]


def restored_sqlite(source: str, backup: Path) -> str:
    with closing(sqlite3.connect(source)) as database:
        database.execute("VACUUM INTO ?", [str(backup)])
    return str(backup)


def restored_postgresql(source: str, backup: Path) -> str:
    run("pg_dump", "--format=custom", f"--file={backup}", source)
    run("createdb", f"{source}_restored")
    run("pg_restore", "--exit-on-error", f"--dbname={source}_restored", str(backup))
    return f"{source}_restored"


def restored_mysql(source: str, backup: Path) -> str:
    given = connection.settings_dict
    server = [f"--host={given['HOST']}", f"--port={given['PORT']}", f"--user={given['USER']}"]
    run("mariadb-dump", *server, "--single-transaction", f"--result-file={backup}", source)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{source}_restored`")
    with backup.open("rb") as dump:
        run("mariadb", *server, f"{source}_restored", stdin=dump)
    return f"{source}_restored"


@pytest.fixture
def restored(process_environment: dict[str, str], acme: Company, tmp_path: Path) -> Iterator[Restored]:
    """The settings of a fresh installation whose database was restored, with a credential of ACME in it."""
    make_credential(make_type(acme), acme)
    restore = {"sqlite": restored_sqlite, "postgresql": restored_postgresql, "mysql": restored_mysql}
    source = str(connection.settings_dict["NAME"])
    try:
        yield process_environment | {"DB_DATABASE": restore[connection.vendor](source, tmp_path / "backup")}
    finally:
        if connection.vendor != "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DROP DATABASE IF EXISTS " + connection.ops.quote_name(f"{source}_restored"))


def called(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "multiflexi.cli.main", *words],
        cwd=ROOT,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_with_its_master_key_it_opens_its_secrets(restored: Restored) -> None:
    assert called(restored, "encryption:status").returncode == 0
    assert called(restored, "encryption:verify").stdout.startswith("1 values checked, 0 cannot be opened")
    shown = called(restored, "-y", "credential:get", "Main", "--reveal", "-f", "json")
    assert shown.returncode == 0 and TOKEN in shown.stdout


@pytest.mark.parametrize("key", ["another secret of forty characters at all", ""], ids=["another key", "no key"])
def test_without_its_master_key_it_fails_closed(restored: Restored, key: str) -> None:
    strange = restored | {"ENCRYPTION_MASTER_KEY": key}
    assert called(strange, "encryption:status").returncode == 1
    for words in (
        ["encryption:verify"],
        ["encryption:rotate"],
        ["setup"],
        ["-y", "credential:get", "Main", "--reveal"],
        ["credential:update", "Main", "--note", "changed"],
        ["credential:check", "Main"],
    ):
        refused = called(strange, *words)
        assert refused.returncode == 78, (words, refused)
        assert refused.stderr.count("ENCRYPTION_MASTER_KEY") >= 1 and refused.stderr.count("\n") == 1
        assert TOKEN not in refused.stdout + refused.stderr
    assert called(restored, "encryption:verify").stdout.startswith("1 values checked, 0 cannot be opened")
    assert "changed" not in called(restored, "credential:get", "Main").stdout
