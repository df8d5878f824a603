from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multiflexi import environ, settings
from multiflexi.environ import RequiredSettingsMissing, SettingsError, database

SERVER = {
    "DB_HOST": "db.example.org",
    "DB_PORT": "5433",
    "DB_DATABASE": "mf",
    "DB_USERNAME": "mf",
    "DB_PASSWORD": "p@ss:w/o#r%d 'x\"",
}


@pytest.fixture
def configured(load: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [setting.name for setting in settings.declared if setting.group == "Database"]:
        monkeypatch.delenv(name, raising=False)
    # Which drivers this machine has must not matter.
    monkeypatch.setattr(database, "driver_installed", lambda module: True)

    def run(file: str | None = None, **environment: str) -> dict[str, Any]:
        values = load(*settings.declared, file=file, **environment)
        return environ.databases(values)["default"]

    return run


@pytest.mark.parametrize("word", ["sqlite", "sqlite3", "SQLite"])
def test_sqlite_needs_its_file_only_and_keeps_what_is_committed(configured: Any, word: str) -> None:
    entry = configured(DB_CONNECTION=word, DB_DATABASE="/data/mf.db")
    environ.require_database()
    assert entry["NAME"] == "/data/mf.db"
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode = WAL" in entry["OPTIONS"]["init_command"]
    assert "synchronous = FULL" in entry["OPTIONS"]["init_command"]
    assert 20 <= entry["OPTIONS"]["timeout"] <= 30


def test_a_relative_sqlite_file_counts_from_the_settings_file(configured: Any, tmp_path: Path) -> None:
    assert configured("DB_CONNECTION=sqlite\nDB_DATABASE=var/mf.db\n")["NAME"] == str(tmp_path / "var/mf.db")
    assert configured(DB_DATABASE="mf.db")["NAME"] == str(Path.cwd() / "mf.db")


@pytest.mark.parametrize(
    ("word", "engine"), [("pgsql", "postgresql"), ("postgresql", "postgresql"), ("mariadb", "mysql")]
)
def test_a_server_gets_host_account_and_password_as_they_are(configured: Any, word: str, engine: str) -> None:
    entry = configured(DB_CONNECTION=word, **SERVER)
    environ.require_database()
    assert entry["ENGINE"] == f"django.db.backends.{engine}"
    assert (entry["HOST"], entry["PORT"]) == ("db.example.org", 5433)
    assert entry["PASSWORD"] == SERVER["DB_PASSWORD"]
    assert entry["CONN_HEALTH_CHECKS"] is True


def test_a_password_in_the_file_keeps_its_special_characters(configured: Any) -> None:
    quoted = """'p@ss:w/o#r%d $x" \\n'"""
    rest = "DB_CONNECTION=pgsql\nDB_HOST=h\nDB_PORT=1\nDB_DATABASE=d\nDB_USERNAME=u\n"
    assert configured(f"{rest}DB_PASSWORD={quoted}\n")["PASSWORD"] == quoted.strip("'")


def test_mariadb_is_strict_and_counts_in_utc(configured: Any) -> None:
    options = configured(DB_CONNECTION="mysql", **SERVER)["OPTIONS"]
    assert options["isolation_level"] == "read committed"
    assert options["charset"] == "utf8mb4"
    assert "STRICT_ALL_TABLES" in options["init_command"]
    assert "time_zone = '+00:00'" in options["init_command"]


@pytest.mark.parametrize(
    ("word", "option", "limit"),
    [
        ("pgsql", "options", "idle_in_transaction_session_timeout=30000"),
        ("mysql", "init_command", "idle_transaction_timeout = 30"),
    ],
)
def test_a_transaction_left_open_is_ended_after_a_lease(configured: Any, word: str, option: str, limit: str) -> None:
    entry = configured(DB_CONNECTION=word, MULTIFLEXI_LEASE_SECONDS="30", MULTIFLEXI_HEARTBEAT_SECONDS="5", **SERVER)
    assert limit in entry["OPTIONS"][option]


def test_driver_options_are_passed_on_and_win(configured: Any) -> None:
    options = configured(DB_CONNECTION="pgsql", DB_SETTINGS="sslmode=require;connect_timeout=3", **SERVER)["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["connect_timeout"] == 3


def test_a_pool_replaces_kept_connections(configured: Any) -> None:
    entry = configured(DB_CONNECTION="pgsql", DB_POOL="4", **SERVER)
    assert entry["OPTIONS"]["pool"]["max_size"] == 4
    assert entry["CONN_MAX_AGE"] == 0


def test_without_a_database_settings_load_and_say_what_is_missing(configured: Any) -> None:
    assert configured()["ENGINE"] == "django.db.backends.dummy"
    with pytest.raises(RequiredSettingsMissing) as caught:
        environ.require_database()
    assert caught.value.keys == ("DB_CONNECTION", *SERVER)
    assert str(caught.value).startswith("Required settings are missing: DB_CONNECTION, DB_HOST, ")
    assert "No settings file was found" in str(caught.value)


def test_missing_keys_are_named_together_with_the_file(configured: Any, tmp_path: Path) -> None:
    assert configured("DB_CONNECTION=pgsql\nDB_HOST=h\nDB_PORT=\n")["ENGINE"] == "django.db.backends.dummy"
    with pytest.raises(RequiredSettingsMissing, match=rf"in {tmp_path}/given.env\.$") as caught:
        environ.require_database()
    assert caught.value.keys == ("DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD")


def test_an_empty_password_is_a_password(configured: Any) -> None:
    assert configured(DB_CONNECTION="mysql", **SERVER | {"DB_PASSWORD": ""})["PASSWORD"] == ""
    environ.require_database()


def test_dummy_means_no_database(configured: Any) -> None:
    assert configured(DB_CONNECTION="dummy")["ENGINE"] == "django.db.backends.dummy"
    with pytest.raises(SettingsError, match="DB_CONNECTION=dummy"):
        environ.require_database()


@pytest.mark.parametrize(("word", "package"), [("pgsql", "multiflexi-pgsql"), ("mysql", "multiflexi-mysql")])
def test_a_missing_driver_names_the_package_that_brings_it(
    configured: Any, monkeypatch: pytest.MonkeyPatch, word: str, package: str
) -> None:
    configured(DB_CONNECTION=word, **SERVER)
    monkeypatch.setattr(database, "driver_installed", lambda module: False)
    with pytest.raises(SettingsError, match=rf"^DB_CONNECTION={word} needs the Python module .* {package}\.$"):
        environ.require_database()


def test_a_driver_counts_as_installed_when_it_can_be_imported() -> None:
    assert database.driver_installed("sqlite3")
    assert not database.driver_installed("no_such_driver")
