from __future__ import annotations

import contextlib
from typing import Any

import pytest

from multiflexi import environ
from multiflexi.environ import Setting, SettingsError

DATABASE = [Setting(f"DB_{name}", "str", None, name) for name in ("HOST", "PORT", "DATABASE", "USERNAME", "PASSWORD")]
DECLARED = (
    Setting("DB_CONNECTION", "choice", None, "kind", choices=("sqlite", "pgsql")),
    *DATABASE,
    Setting("MULTIFLEXI_TMP", "path", None, "tmp"),
    Setting("MULTIFLEXI_MAX_PARALLEL", "int", 4, "places"),
    Setting("ENCRYPTION_MASTER_KEY", "str", None, "key", secret=True, aliases=("MULTIFLEXI_MASTER_KEY",), shortest=32),
    Setting("MULTIFLEXI_MASTER_KEY_FILE", "path", None, "file of the key"),
)


@pytest.fixture
def report(load: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [setting.name for setting in DECLARED] + ["MULTIFLEXI_SPOOL", "MULTIFLEXI_TIMEZONE"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MULTIFLEXI_SQLITE_SYNCHRONOUS", raising=False)

    def run(file: str, *, defaults: bool = False, **environment: str) -> dict[str, environ.Row]:
        with contextlib.suppress(SettingsError):
            load(*DECLARED, file=file, **environment)
        return {row["key"]: row for row in environ.report(defaults)}

    return run


def test_rows_tell_value_source_and_type(report: Any, tmp_path: Any) -> None:
    rows = report("DB_CONNECTION=sqlite\nDB_DATABASE=/x\n", MULTIFLEXI_MAX_PARALLEL="8")
    assert rows["DB_CONNECTION"] == {
        "key": "DB_CONNECTION",
        "value": "sqlite",
        "source": f"{tmp_path}/given.env:1",
        "type": "choice",
        "ok": True,
        "message": "",
    }
    assert (rows["MULTIFLEXI_MAX_PARALLEL"]["value"], rows["MULTIFLEXI_MAX_PARALLEL"]["source"]) == ("8", "environment")
    assert "MULTIFLEXI_TMP" not in rows


def test_unset_settings_appear_on_request(report: Any) -> None:
    rows = report("DB_CONNECTION=sqlite\nDB_DATABASE=/x\n", defaults=True)
    assert (rows["MULTIFLEXI_MAX_PARALLEL"]["value"], rows["MULTIFLEXI_MAX_PARALLEL"]["source"]) == ("4", "default")
    assert rows["MULTIFLEXI_TMP"]["value"] == "(not set)"


def test_secrets_are_masked(report: Any) -> None:
    rows = report(f"DB_CONNECTION=sqlite\nDB_DATABASE=/x\nMULTIFLEXI_MASTER_KEY={'hunter22' * 4}\n")
    assert rows["ENCRYPTION_MASTER_KEY"]["value"] == "•" * 8
    assert "hunter22" not in str(rows)


def test_a_master_key_that_the_vault_would_refuse_is_an_error_and_not_shown(report: Any) -> None:
    row = report("DB_CONNECTION=sqlite\nDB_DATABASE=/x\nENCRYPTION_MASTER_KEY=hunter22\n")["ENCRYPTION_MASTER_KEY"]
    assert not row["ok"]
    assert "has 8 characters and must have at least 32" in row["message"]
    assert "hunter22" not in str(row)


def test_so_is_a_file_that_holds_such_a_key_or_none(report: Any, tmp_path: Any) -> None:
    given = f"DB_CONNECTION=sqlite\nDB_DATABASE=/x\nMULTIFLEXI_MASTER_KEY_FILE={tmp_path}/key\n"
    assert "cannot be read: No such file" in report(given)["ENCRYPTION_MASTER_KEY"]["message"]
    (tmp_path / "key").write_text("hunter22\n")
    assert "has 8 characters" in report(given)["ENCRYPTION_MASTER_KEY"]["message"]
    (tmp_path / "key").write_text("k" * 32)
    assert report(given)["ENCRYPTION_MASTER_KEY"]["ok"]


def test_missing_and_unusable_settings_are_errors_and_the_rest_is_still_told(report: Any) -> None:
    rows = report("DB_CONNECTION=pgsql\nDB_HOST=h\nMULTIFLEXI_MAX_PARALLEL=many\n")
    assert not rows["DB_PORT"]["ok"]
    assert not rows["MULTIFLEXI_MAX_PARALLEL"]["ok"]
    assert "whole number" in rows["MULTIFLEXI_MAX_PARALLEL"]["message"]
    assert rows["DB_HOST"]["ok"]


def test_an_unknown_name_is_a_warning_with_the_likely_one(report: Any) -> None:
    rows = report("DB_CONNECTION=sqlite\nDB_DATABASE=/x\nMULTIFLEXI_MAX_PARALEL=3\n", MULTIFLEXI_WHATEVER="1")
    assert rows["MULTIFLEXI_MAX_PARALEL"]["ok"]
    assert rows["MULTIFLEXI_MAX_PARALEL"]["message"].endswith("did you mean MULTIFLEXI_MAX_PARALLEL?")
    assert rows["MULTIFLEXI_MAX_PARALEL"]["value"] == ""
    assert rows["MULTIFLEXI_WHATEVER"]["source"] == "environment"


def test_inside_a_job_the_platforms_own_variables_are_no_settings(report: Any) -> None:
    rows = report("DB_CONNECTION=sqlite\nDB_DATABASE=/x\n", MULTIFLEXI_JOB_ID="5", MULTIFLEXI_COMPANY_ID="1")
    assert "MULTIFLEXI_COMPANY_ID" not in rows


def test_a_broken_file_is_reported_with_its_line(report: Any, tmp_path: Any) -> None:
    rows = report("DB_CONNECTION=sqlite\nnonsense\n")
    assert not rows[""]["ok"]
    assert rows[""]["message"].startswith(f"{tmp_path}/given.env:2: ")


def test_lines_for_people_mark_errors_and_warnings(report: Any) -> None:
    report("DB_CONNECTION=pgsql\nMULTIFLEXI_MAX_PARALEL=3\n")
    lines = list(environ.as_lines(environ.report()))
    assert any(line.startswith("DB_HOST=(not set)  (default)  error: ") for line in lines)
    assert any(line.startswith("MULTIFLEXI_MAX_PARALEL=  (") and "  warning: " in line for line in lines)
