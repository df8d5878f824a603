from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from multiflexi import settings
from multiflexi.environ import SettingsError
from multiflexi.environ.declare import with_overrides
from multiflexi.environ.kinds import READERS
from multiflexi.environ.reference import markdown
from multiflexi.vault.master import MIN_LENGTH

DECLARED = settings.declared


def test_every_variable_is_declared_once() -> None:
    names = [name for setting in with_overrides(DECLARED) for name in (setting.name, *setting.aliases)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("setting", DECLARED, ids=lambda setting: setting.name)
def test_a_declaration_is_complete(setting: settings.Setting) -> None:
    assert setting.type in READERS
    assert setting.help
    assert setting.group
    assert (setting.type == "choice") == bool(setting.choices)
    assert setting.type != "choice" or setting.default in (None, *setting.choices)
    assert hasattr(settings, setting.key)


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "DB_SETTINGS", "ENCRYPTION_MASTER_KEY"],
)
def test_what_grants_access_is_secret(name: str) -> None:
    assert next(setting for setting in DECLARED if setting.name == name).secret


# A daemon asks for its own name, and nothing else is asked for under a composed name.
COMPOSED = {f"MULTIFLEXI_{role}_NAME" for role in ("SCHEDULER", "EXECUTOR")}


def test_a_setting_that_no_code_reads_says_that_it_has_no_effect() -> None:
    root = Path(settings.__file__).resolve().parents[1]
    files = [file for folder in ("multiflexi", "daemons") for file in (root / folder).rglob("*.py")]
    code = "\n".join(file.read_text() for file in files if file != Path(settings.__file__))
    silent = [setting for setting in DECLARED if "no effect" not in setting.help and setting.name not in COMPOSED]
    assert [setting.name for setting in silent if not re.search(rf"\b{setting.key}\b", code)] == []


def test_the_debug_variable_never_switches_djangos_debug_pages_on(load, monkeypatch: pytest.MonkeyPatch) -> None:
    values = load(*DECLARED, DEBUG="1")
    assert values["LOG_DEBUG"] is True
    assert "DEBUG" not in values


def test_the_heartbeat_must_be_shorter_than_the_lease(load) -> None:
    with pytest.raises(SettingsError, match=r"^MULTIFLEXI_HEARTBEAT_SECONDS"):
        load(*DECLARED, MULTIFLEXI_HEARTBEAT_SECONDS="60")


def test_the_reference_page_has_one_row_per_setting_and_no_trace_of_this_machine() -> None:
    page = "\n".join(markdown(DECLARED))
    rows = re.findall(r"^\| `(\w+)`.*\|.*\|.*\|.*\|$", page, re.MULTILINE)
    assert rows == [setting.name for setting in DECLARED]
    assert str(settings._HOST) not in re.findall(r"`([^`]*)`", page)
    assert "| `MULTIFLEXI_MAX_PARALLEL` ↻ | int, ≥ 0, ≤ 100000 | twice the processors, at least 4 |" in page


def test_a_master_key_is_as_long_as_the_vault_wants_it() -> None:
    assert {one.name: one.shortest for one in DECLARED if one.shortest} == {"ENCRYPTION_MASTER_KEY": MIN_LENGTH}
