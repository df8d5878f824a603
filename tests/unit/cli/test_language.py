"""Which language help speaks, and what stays English."""

from __future__ import annotations

import json

import pytest

from multiflexi.cli import completing, language, tree
from multiflexi.cli.main import main

Captured = pytest.CaptureFixture[str]
Patched = pytest.MonkeyPatch
CZECH = "cs_CZ.UTF-8"


@pytest.mark.parametrize(
    ("locale", "spoken"),
    [
        ({}, "en"),
        ({"LANG": CZECH}, "cs"),
        ({"LANG": "cs"}, "cs"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": CZECH, "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": CZECH, "LC_ALL": ""}, "cs"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": CZECH}, "cs"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:cs:en"}, "cs"),
        ({"LANG": CZECH, "LANGUAGE": "en:cs"}, "en"),
        ({"LANG": "C", "LANGUAGE": "cs"}, "en"),
        ({"LANG": "../cs"}, "en"),
    ],
)
def test_the_locale_chooses_the_language(monkeypatch: Patched, locale: dict[str, str], spoken: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert language.spoken() == spoken


def test_help_is_czech_where_the_locale_is(monkeypatch: Patched, capsys: Captured) -> None:
    monkeypatch.setenv("LC_ALL", CZECH)
    assert main(["job:list", "--help"]) == 0
    page = capsys.readouterr().out
    command = tree.command("job:list")
    assert all(language.gettext(each) in page for each in ("Usage:", "Options", "Examples", str(command.help)))
    assert not any(each in page for each in ("Usage:", "Options", "Examples", str(command.help)))
    assert main(["help"]) == 0
    assert main(["help", "job"]) == 0
    pages = capsys.readouterr().out
    assert str(command.help) not in pages
    assert pages.count(language.gettext(str(command.help))) == 2
    assert dict(completing.offers(["job:l"]))["job:list"] == language.gettext(str(command.help))


def test_what_programs_read_stays_english(monkeypatch: Patched, capsys: Captured) -> None:
    monkeypatch.setenv("LC_ALL", CZECH)
    main(["describe"])
    assert json.loads(capsys.readouterr().out)["job:list"]["description"] == tree.command("job:list").help
    assert main(["job:list", "--nonsense"]) == 2
    assert "No such option" in capsys.readouterr().err
