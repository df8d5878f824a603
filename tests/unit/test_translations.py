from __future__ import annotations

import ast
import gettext
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import override

from multiflexi.jobs.outcome import Outcome
from multiflexi.models import Availability, JobStatus, TaskState
from tools import messages as tool

CZECH = tool.CATALOGUES / "cs" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|(?<!{){\w*}")
MARKS = {name for name in tool.KEYWORDS if name == "_" or "gettext" in name}

# The words of the user interface for states and outcomes.
WORDS = [
    (Outcome.SUCCESS, "Úspěch"),
    (Outcome.WARNING, "Varování"),
    (Outcome.FAILURE, "Selhalo"),
    (Outcome.NOT_FOUND, "Nenalezeno"),
    (Outcome.RETRY, "Opakovat"),
    (Outcome.CANCELLED, "Zrušeno"),
    (Outcome.BLOCKED, "Blokováno"),
    (JobStatus.PENDING, "Čeká"),
    (JobStatus.QUEUED, "Spouští se"),
    (JobStatus.RUNNING, "Běží"),
    (JobStatus.FINISHING, "Ukládám výsledky"),
    (JobStatus.SUCCESS, "Úspěch"),
    (JobStatus.FAILED, "Selhalo"),
    (JobStatus.LOST, "Ztraceno"),
    (JobStatus.BLOCKED, "Blokováno"),
    (JobStatus.CANCELLED, "Zrušeno"),
    (TaskState.OPEN, "Otevřená"),
    (TaskState.RUNNING, "Běží"),
    (TaskState.FULFILLED, "Splněno"),
    (TaskState.FULFILLED_LATE, "Splněno pozdě"),
    (TaskState.FAILED, "Nesplněno"),
    (TaskState.MISSED, "Zmeškáno"),
    (Availability.AVAILABLE, "Dostupné"),
    (Availability.DEGRADED, "Omezené"),
    (Availability.UNAVAILABLE, "Nedostupné"),
    (Availability.MISCONFIGURED, "Chybně nastavené"),
    (Availability.UNKNOWN, "Neznámé"),
]


@pytest.fixture(scope="module")
def czech() -> Catalog:
    return read_po(CZECH.open("rb"), locale="cs")


def real(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def keys(catalogue: Catalog) -> set[tuple[object, str | None]]:
    return {(message.id, message.context) for message in real(catalogue)}


def forms(text: object) -> list[str]:
    return [str(form) for form in (text if isinstance(text, tuple | list) else [text])]


def test_the_catalogue_has_exactly_the_marked_strings(czech):
    marked = keys(tool.marked())
    assert len(marked) > 150
    assert keys(czech) == marked
    assert not czech.obsolete


def test_every_string_has_a_czech_translation_and_none_is_a_guess(czech):
    assert tool.untranslated(CZECH) == []
    assert [message.id for message in real(czech) if message.fuzzy or not all(forms(message.string or ""))] == []


def test_placeholders_agree(czech):
    differing = {
        str(message.id): form
        for message in real(czech)
        for form in forms(message.string)
        if set(PLACEHOLDER.findall(form)) != set(PLACEHOLDER.findall(forms(message.id)[-1]))
    }
    assert differing == {}


def test_the_committed_files_are_what_make_messages_writes():
    assert [str(file) for file in tool.out_of_step()] == []


def test_the_compiled_catalogue_says_what_the_text_says(czech):
    compiled = gettext.GNUTranslations(CZECH.with_suffix(".mo").open("rb"))
    for message in real(czech):
        if isinstance(message.id, str):
            said = compiled.pgettext(message.context, message.id) if message.context else compiled.gettext(message.id)
            assert said == message.string


@pytest.mark.parametrize(("member", "word"), WORDS, ids=str)
def test_states_are_shown_in_the_chosen_language(member, word):
    with override("en"):
        english = str(member.label)
    with override("cs"):
        assert str(member.label) == word
    assert english != word


def test_what_is_marked_is_a_plain_text_that_can_be_found():
    unfindable = [
        f"{file}:{node.lineno}"
        for folder in tool.SOURCES
        for file in sorted((tool.ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS
        if not all(isinstance(text, ast.Constant) for text in node.args[:1])
    ]
    assert unfindable == []


def test_merging_keeps_translations_and_drops_guesses_and_what_is_gone(tmp_path):
    catalogue = tmp_path / "cs" / "LC_MESSAGES" / "django.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Open"\nmsgstr "Otevřít"\n\nmsgctxt "state"\nmsgid "Open"\nmsgstr "Otevřená"\n\n'
        '#, fuzzy\nmsgid "Close"\nmsgstr "Otevřít"\n\nmsgid "Gone"\nmsgstr "Pryč"\n\n'
        '#~ msgid "Older"\n#~ msgstr "Starší"\n',
        encoding="utf-8",
    )
    strings = Catalog()
    for text, context in (("Open", None), ("Open", "state"), ("Close", None)):
        strings.add(text, context=context)

    result = tool.merged(catalogue, strings)

    found = {(message.id, message.context): message.string for message in real(result)}
    assert found == {("Open", None): "Otevřít", ("Open", "state"): "Otevřená", ("Close", None): None}
    assert not result.obsolete
    text = tool.files_of(catalogue, strings)[catalogue].decode()
    assert "Date" not in text
    assert "fuzzy" not in text
    assert "Generated-By" not in text


def test_the_platform_finds_and_ships_the_catalogues():
    assert [Path(path) for path in settings.LOCALE_PATHS] == [tool.CATALOGUES]
    languages = {code for code, _name in settings.LANGUAGES}
    assert languages == {"en"} | {catalogue.parents[1].name for catalogue in tool.CATALOGUES.glob("*/*/django.mo")}
    project = tomllib.loads((tool.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["multiflexi"]
    shipped = {file for pattern in patterns for file in (tool.ROOT / "multiflexi").glob(pattern)}
    assert CZECH.with_suffix(".mo") in shipped
