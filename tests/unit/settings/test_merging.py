"""Taking the settings of the database package over into the settings file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from multiflexi.environ import SettingsError, SettingsFileError, merging, read_env_file
from multiflexi.environ.merging import merge, planned, write
from tests.unit.settings.conftest import Load

BEFORE = """\
# of the administrator
export DB_CONNECTION=sqlite
MULTIFLEXI_TMP=tmp   # jobs live here

DB_DATABASE="old
name" # two lines
LAST=1"""
AFTER = """\
# of the administrator
export DB_CONNECTION=pgsql
MULTIFLEXI_TMP=tmp   # jobs live here

# two lines
DB_DATABASE=new
LAST=1
DB_PASSWORD="a b\\$c\\"#'\\\\"
"""
VALUES = {"DB_CONNECTION": "pgsql", "DB_DATABASE": "new", "DB_PASSWORD": "a b$c\"#'\\", "LAST": "1"}
PATH = Path("multiflexi.env")


@pytest.fixture
def files(tmp_path: Path, load: Load) -> tuple[Path, Path]:
    """The settings file, which somebody named, and the one of the database package beside it."""
    load(file=BEFORE, name="multiflexi.env")
    (tmp_path / "database.env").write_text("".join(f"{name}='{value}'\n" for name, value in list(VALUES.items())[:2]))
    return tmp_path / "multiflexi.env", tmp_path / "database.env"


def test_values_are_replaced_in_their_places_and_missing_ones_added() -> None:
    names, text = merge(PATH, BEFORE, VALUES)
    assert names == ("DB_CONNECTION", "DB_DATABASE", "DB_PASSWORD")
    assert text == AFTER
    assert merge(PATH, text, VALUES) == ((), text)


@pytest.mark.parametrize(
    "value",
    ["", " ", "plain", "two words", "#", "a#b", "it's", '"', "$HOME", "`id`", "\\", "a\\nb", "a\nb", "ž", "=", ";"],
)
def test_every_value_is_read_back(value: str) -> None:
    for before in ("", "KEY=x\n", "\ufeffKEY='x\ny' # why\nOTHER=1\n"):
        _, text = merge(PATH, before, {"KEY": value})
        assert merging.parse_lines(PATH, text.removeprefix("\ufeff")).entries["KEY"].value == value


def test_what_no_file_can_hold_is_refused() -> None:
    with pytest.raises(SettingsError, match="KEY has a value"):
        merge(PATH, "", {"KEY": "a\r\nb"})


def test_the_last_of_two_equal_names_changes_because_it_counts() -> None:
    assert merge(PATH, "KEY=1\nKEY=2\n", {"KEY": "3"})[1] == "KEY=1\nKEY=3\n"


def test_line_ends_stay() -> None:
    assert merge(PATH, "A=1\r\nKEY=2\r\n", {"KEY": "3", "B": "4"})[1] == "A=1\r\nKEY=3\r\nB=4\r\n"


def test_the_file_keeps_mode_and_owner_and_leaves_a_copy(files: tuple[Path, Path]) -> None:
    target, _ = files
    target.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(target, 12345, 23456)
    before = target.stat()
    found = planned()
    assert found and found.names == ("DB_CONNECTION", "DB_DATABASE")
    write(found)
    after = target.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert read_env_file(target).entries["DB_DATABASE"].value == "new"
    saved = target.with_name("multiflexi.env.dpkg-save")
    assert (saved.read_text(), saved.stat().st_mode) == (BEFORE, before.st_mode)
    assert sorted(one.name for one in target.parent.iterdir()) == [
        "database.env",
        "multiflexi.env",
        "multiflexi.env.dpkg-save",
    ]
    again = planned()
    assert again and again.names == ()


def test_a_link_stays_a_link(files: tuple[Path, Path]) -> None:
    target, _ = files
    real = target.with_name("real.env")
    target.rename(real)
    target.symlink_to(real)
    found = planned()
    assert found
    write(found)
    assert target.is_symlink() and "pgsql" in real.read_text()


@pytest.mark.parametrize("step", ["fsync", "chown", "replace", "link"])
def test_a_failure_leaves_everything_as_it_was(
    files: tuple[Path, Path], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, _ = files
    if os.geteuid() == 0:
        os.chown(target, 12345, 23456)
    elif step == "chown":
        pytest.skip("only root can give files away")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if step == "replace" else os, step, fail)
    found = planned()
    assert found
    with pytest.raises(SettingsFileError, match="cannot be written: No space left"):
        write(found)
    assert target.read_text() == BEFORE
    assert not [one for one in target.parent.iterdir() if one.name.startswith(".")]


def test_a_first_file_is_made(tmp_path: Path, load: Load) -> None:
    (tmp_path / "database.env").write_text("DB_CONNECTION=pgsql\n")
    load()
    found = planned()
    assert found and found.target == tmp_path / "system.env"
    write(found)
    assert found.target.read_text() == "DB_CONNECTION=pgsql\n"
    assert stat.S_IMODE(found.target.stat().st_mode) == 0o640


def test_nothing_is_planned_without_a_file_to_take_from(files: tuple[Path, Path]) -> None:
    files[1].unlink()
    assert planned() is None


def test_a_file_that_cannot_be_understood_is_told(files: tuple[Path, Path]) -> None:
    for broken in files:
        kept = broken.read_text()
        broken.write_text("KEY='never closed\n")
        with pytest.raises(SettingsError, match=f"{broken.name}:1: the quote of KEY"):
            planned()
        broken.write_text(kept)


def test_json_is_left_to_people(tmp_path: Path, load: Load) -> None:
    (tmp_path / "database.env").write_text("DB_CONNECTION=pgsql\n")
    load(file="{}", name="multiflexi.json")
    with pytest.raises(SettingsError, match="is JSON"):
        planned()
