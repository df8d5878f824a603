from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multiflexi import environ
from multiflexi.environ import Setting, SettingsError, SettingsFileError, store

PAUSE = Setting("MULTIFLEXI_CYCLE_PAUSE", "seconds", 10, "pause", minimum=1, roles=("executor",), live=True)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", " blanks stay ", " blanks stay "),
        ("bool", "YES", True),
        ("bool", "on", True),
        ("bool", "True", True),
        ("bool", "1", True),
        ("bool", "Off", False),
        ("bool", "no", False),
        ("bool", "FALSE", False),
        ("bool", "0", False),
        ("int", " 5 ", 5),
        ("int", "-3", -3),
        ("float", "1.5", 1.5),
        ("seconds", "0.25", 0.25),
        ("bytes", "4M", 4 << 20),
        ("bytes", "64 KiB", 64 << 10),
        ("bytes", "17", 17),
        ("choice", "RED", "red"),
        ("path", "/a/b", Path("/a/b")),
        ("list", "a, b,,c ", ["a", "b", "c"]),
        ("zone", "Europe/Prague", "Europe/Prague"),
        ("url", "http://localhost:4318", "http://localhost:4318"),
        ("options", "sslmode=require; n=5", {"sslmode": "require", "n": 5}),
        ("options", '{"a": [1]}', {"a": [1]}),
        ("counts", "Ab1=20; c=3", {"Ab1": 20, "c": 3}),
    ],
)
def test_a_text_becomes_a_typed_value(load: Any, kind: str, text: str, value: Any) -> None:
    assert load(Setting("X", kind, None, "x", choices=("red",)), X=text) == {"X": value}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bool", "2"),
        ("bool", "ja"),
        ("int", "1.5"),
        ("int", "12"),
        ("int", "1"),
        ("int", "9" * 30),
        ("int", "٣"),
        ("float", "nan"),
        ("float", "inf"),
        ("float", "1,5"),
        ("seconds", "1m"),
        ("bytes", "4X"),
        ("choice", "blue"),
        ("zone", "Europe/Nowhere"),
        ("zone", "../etc/passwd"),
        ("url", "localhost:4318"),
        ("url", "ftp://x"),
        ("options", "sslmode"),
        ("options", "{"),
        ("counts", "a"),
        ("counts", "a=b"),
        ("counts", "a=0"),
        ("counts", '{"a": true}'),
    ],
)
def test_an_unusable_text_is_refused_in_one_line(load: Any, kind: str, text: str) -> None:
    setting = Setting("X", kind, None, "x", choices=("red",), minimum=2, maximum=9)
    with pytest.raises(SettingsError, match=r"^X \(environment\): .* is unusable: it .*; correct it") as caught:
        load(setting, X=text)
    assert "\n" not in str(caught.value)
    assert caught.value.key == "X"


def test_an_empty_text_means_not_set_unless_empty_is_a_value(load: Any) -> None:
    values = load(
        Setting("N", "int", 7, "n"),
        Setting("S", "str", None, "s"),
        Setting("P", "str", None, "p", secret=True, keeps_empty=True),
        N=" ",
        S="",
        P="",
    )
    assert values == {"N": 7, "S": None, "P": ""}


def test_the_process_environment_beats_the_file_and_the_file_the_default(load: Any) -> None:
    settings = [Setting(name, "str", "default", name) for name in ("A", "B", "C")]
    assert load(*settings, file="A=file\nB=file\n", A="process") == {"A": "process", "B": "file", "C": "default"}
    path = environ.state().file.path
    assert environ.state().sources == {"A": "environment", "B": f"{path}:2", "C": "default"}
    assert environ.file_values() == {"A": "file", "B": "file"}


def test_an_error_names_file_and_line(load: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"^N \({tmp_path}/given.env:2\): 'x' is unusable"):
        load(Setting("N", "int", 1, "n"), file="\nN=x\n")


def test_a_secret_never_shows_in_its_error(load: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Setting("CACHE_URL", "url", None, "cache", secret=True), CACHE_URL="hunter22")
    assert "hunter22" not in str(caught.value)


def test_further_unusable_settings_are_named_on_the_same_line(load: Any) -> None:
    with pytest.raises(SettingsError, match=r"^A .* Also unusable: B\.$"):
        load(Setting("A", "int", 1, "a"), Setting("B", "bool", True, "b"), A="x", B="x")


def test_the_first_existing_file_counts(load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting("A", "str", None, "a")
    source = tmp_path / "source"
    source.mkdir()
    (source / ".env").write_text("A=source")
    assert load(setting) == {"A": None}
    (source / "manage.py").touch()
    assert load(setting) == {"A": "source"}
    (tmp_path / "system.env").write_text("A=system")
    assert load(setting) == {"A": "system"}
    (tmp_path / "named.env").write_text("A=named")
    monkeypatch.setenv("MULTIFLEXI_ENV_FILE", str(tmp_path / "named.env"))
    assert load(setting) == {"A": "named"}
    assert load(setting, file="A=option") == {"A": "option"}


def test_a_named_file_must_be_readable(load: Any, tmp_path: Path) -> None:
    environ.use_file(tmp_path / "absent.env")
    with pytest.raises(SettingsFileError, match=r"absent\.env"):
        load(Setting("A", "str", None, "a"))


def test_a_default_file_that_may_not_be_read_is_remembered(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "system.env").write_text("A=1")

    def refuse(path: Path) -> environ.EnvFile:
        raise SettingsFileError(f"{path} cannot be read: Permission denied.")

    monkeypatch.setattr(store, "read_env_file", refuse)
    assert load(Setting("A", "str", None, "a")) == {"A": None}
    assert environ.state().unreadable == tmp_path / "system.env"


def test_a_secret_may_come_from_a_file_of_its_own(load: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    setting = Setting("DB_PASSWORD", "str", None, "password", secret=True)
    assert load(setting, file="DB_PASSWORD_FILE=secret\n") == {"DB_PASSWORD": "s3cret"}
    assert load(setting, DB_PASSWORD="direct") == {"DB_PASSWORD": "direct"}


def test_a_missing_secret_file_is_named(load: Any) -> None:
    with pytest.raises(SettingsError, match=r"^DB_PASSWORD_FILE \(environment\): /nowhere cannot be read"):
        load(Setting("DB_PASSWORD", "str", None, "password", secret=True), DB_PASSWORD_FILE="/nowhere")


def test_an_alias_counts_when_the_name_itself_is_absent(load: Any) -> None:
    setting = Setting("KEY", "str", None, "key", aliases=("OLD_KEY",))
    assert load(setting, OLD_KEY="old") == {"KEY": "old"}
    assert load(setting, KEY="new") == {"KEY": "new"}


def test_a_relative_path_counts_from_the_file(load: Any, tmp_path: Path) -> None:
    assert load(Setting("P", "path", None, "p"), file="P=var/tmp\n") == {"P": tmp_path / "var/tmp"}


def test_a_setting_below_another_is_checked(load: Any) -> None:
    beat = Setting("BEAT", "seconds", 20, "beat", below="LEASE")
    lease = Setting("LEASE", "seconds", 60, "lease")
    assert load(beat, lease)["BEAT"] == 20
    with pytest.raises(SettingsError, match=r"^BEAT \(environment\): 60 is unusable: it must be less than LEASE"):
        load(beat, lease, BEAT="60")


def test_an_override_for_one_daemon_wins_over_the_shared_setting(load: Any) -> None:
    loop = Setting(
        "MULTIFLEXI_DAEMONIZE", "bool", True, "loop", roles=environ.ROLES, role_defaults={"housekeeper": False}
    )
    load(loop)
    assert environ.role_value("scheduler", "MULTIFLEXI_DAEMONIZE") is True
    assert environ.role_value("housekeeper", "MULTIFLEXI_DAEMONIZE") is False
    load(loop, MULTIFLEXI_DAEMONIZE="1")
    assert environ.role_value("housekeeper", "MULTIFLEXI_DAEMONIZE") is True
    load(loop, MULTIFLEXI_HOUSEKEEPER_DAEMONIZE="0")
    assert environ.role_value("housekeeper", "MULTIFLEXI_DAEMONIZE") is False
    assert environ.role_value("scheduler", "MULTIFLEXI_DAEMONIZE") is True


def test_an_override_keeps_the_rule_of_the_shared_setting(load: Any) -> None:
    with pytest.raises(SettingsError, match=r"^MULTIFLEXI_EXECUTOR_CYCLE_PAUSE .* at least 1"):
        load(PAUSE, MULTIFLEXI_EXECUTOR_CYCLE_PAUSE="0")


def test_reloading_takes_over_live_settings_only(load: Any, tmp_path: Path) -> None:
    fixed = Setting("FIXED", "str", "a", "fixed")
    load(PAUSE, fixed, file="MULTIFLEXI_CYCLE_PAUSE=5\nFIXED=a\n")
    (tmp_path / "given.env").write_text("MULTIFLEXI_CYCLE_PAUSE=6\nFIXED=b\nNEW=1\n")
    assert environ.reload_settings() == {"MULTIFLEXI_CYCLE_PAUSE": 6}
    assert environ.value("MULTIFLEXI_CYCLE_PAUSE") == 6
    assert environ.value("FIXED") == "a"
    assert environ.file_values()["NEW"] == "1"
    assert environ.reload_settings() == {}


def test_a_value_the_service_manager_copied_from_the_file_follows_the_file(load: Any, tmp_path: Path) -> None:
    load(PAUSE, file="MULTIFLEXI_CYCLE_PAUSE=5\n", MULTIFLEXI_CYCLE_PAUSE="5")
    (tmp_path / "given.env").write_text("MULTIFLEXI_CYCLE_PAUSE=6\n")
    assert environ.reload_settings() == {"MULTIFLEXI_CYCLE_PAUSE": 6}
    (tmp_path / "given.env").write_text("")
    assert environ.reload_settings() == {"MULTIFLEXI_CYCLE_PAUSE": 10}


def test_a_value_of_the_process_itself_stays_at_reload(load: Any, tmp_path: Path) -> None:
    load(PAUSE, file="MULTIFLEXI_CYCLE_PAUSE=5\n", MULTIFLEXI_CYCLE_PAUSE="7")
    (tmp_path / "given.env").write_text("MULTIFLEXI_CYCLE_PAUSE=6\n")
    assert environ.reload_settings() == {}
    assert environ.value("MULTIFLEXI_CYCLE_PAUSE") == 7


def test_an_unusable_file_changes_nothing_at_reload(load: Any, tmp_path: Path) -> None:
    load(PAUSE, file="MULTIFLEXI_CYCLE_PAUSE=5\n")
    (tmp_path / "given.env").write_text("MULTIFLEXI_CYCLE_PAUSE=soon\n")
    with pytest.raises(SettingsError, match=r"^MULTIFLEXI_CYCLE_PAUSE"):
        environ.reload_settings()
    assert environ.value("MULTIFLEXI_CYCLE_PAUSE") == 5


def test_the_texts_of_secrets_are_known_to_the_masker(load: Any) -> None:
    load(
        Setting("DB_PASSWORD", "str", None, "p", secret=True),
        Setting("DB_SETTINGS", "options", {}, "o", secret=True),
        Setting("OTHER", "str", None, "o"),
        DB_PASSWORD="hunter22",
        DB_SETTINGS="sslpassword=s3cret;sslmode=require",
        OTHER="plain",
    )
    assert sorted(environ.secret_texts()) == ["hunter22", "s3cret"]
