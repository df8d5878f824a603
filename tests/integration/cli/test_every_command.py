"""Every command in every format: one document on standard output, a sentence for every failure, the right exit code."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from multiflexi.cli import tree
from multiflexi.cli.values import FORMATS

from .calls import ELSEWHERE, REFUSED, SUCCEEDS
from .conftest import Cli, Outcome
from .plot import Plot, betrayed, undone
from .reading import document

COMMANDS = {str(one.name): one for one in tree.all_commands()}
# Commands that carry another document than the format in standard output, or none.
OWN_FORMATS = {"describe": ("json", "yaml")}
TEXTS = ("help", "list", "_complete")


def test_every_command_has_a_call() -> None:
    assert set(SUCCEEDS) | set(ELSEWHERE) == set(COMMANDS)
    assert not set(SUCCEEDS) & set(ELSEWHERE)


def by_noun(calls: Iterable[str]) -> list[Any]:
    """The names of commands, those of a noun together: they share an installation, which takes time to fill."""
    grouped = groupby(calls, lambda name: name.partition(":")[0])
    return [pytest.param(list(names), id=noun) for noun, names in grouped]


@pytest.mark.parametrize("names", by_noun(SUCCEEDS))
def test_success(cli: Cli, plot: Plot, names: list[str]) -> None:
    for name in names:
        words = plot.words(SUCCEEDS[name])
        for format in OWN_FORMATS.get(name, FORMATS):
            with undone():
                outcome = cli(name, *words, f"--format={format}")
            assert outcome.code == 0, (name, format, outcome)
            assert "Traceback" not in outcome.err
            assert not betrayed(outcome.out + outcome.err), (name, format)
            read = document(outcome, format)
            assert read or outcome.err or format in ("csv", "ndjson") or read == [], (name, format, outcome)
        for options in (["-vvv", "--wide"], ["-v", "--format=json"]):
            with undone():
                outcome = cli(name, *words, *options)
            assert not betrayed(outcome.out + outcome.err), (name, options)
    for file in Path(plot.names["directory"]).glob("out.*"):
        assert not betrayed(file.read_text(encoding="utf-8", errors="replace")), file.name


@pytest.mark.parametrize("names", by_noun(REFUSED))
def test_refusal(cli: Cli, plot: Plot, names: list[str]) -> None:
    for name in names:
        for format in FORMATS:
            with undone():
                outcome = cli(name, *plot.words(REFUSED[name]), "-v", f"--format={format}")
            assert outcome.code == 1, (name, format, outcome)
            assert not betrayed(outcome.out + outcome.err), (name, format)
            failed(outcome, format)


@pytest.mark.parametrize("names", by_noun(name for name in COMMANDS if name not in TEXTS))
def test_wrong_use(cli: Cli, names: list[str]) -> None:
    for name in names:
        for format in FORMATS:
            outcome = cli(name, "--nope", f"--format={format}")
            assert outcome.code == 2, (name, format, outcome)
            failed(outcome, format)


def failed(outcome: Outcome, format: str) -> None:
    """A sentence for people, and for programs the same in a document of its own or as its result."""
    assert outcome.err.strip()
    assert "Traceback" not in outcome.err
    assert "Internal error" not in outcome.err
    read = document(outcome, format)
    if format in ("json", "yaml"):
        assert isinstance(read, dict | list)
        assert not isinstance(read, dict) or "message" in read or "reachable" in read, read


# What a dry run needs beside the words that succeed.
DRY_WORDS = {
    "encryption:init": "--force",
    "job:retry": "--blocked-by {credential}",
    "user-erasure:cleanup": "",
}
DRY_RUNS = [name for name, one in COMMANDS.items() if any(option.name == "dry_run" for option in one.declared)]
# Those that a person must be able to try without effect.
PROMISED = """
    application:delete application:remove-json application:import-json apply artifact:delete company:remove
    company-app:unassign credential:remove credential:encrypt-existing credential-prototype:delete
    credential-prototype:import-json credential-prototype:sync credential-type:delete credential-type:import-json
    encryption:init encryption:rotate event-source:remove event-rule:remove job:delete job:cleanup job:cancel job:stop
    prune queue:fix queue:truncate queue:clear queue:process run-template:delete run-template:schedule token:delete
    user:delete user-company:assign user-company:unassign user-role:set user-erasure:process user-erasure:cleanup
"""


def test_every_promised_dry_run_is_there() -> None:
    assert set(PROMISED.split()) <= set(DRY_RUNS)


@pytest.mark.parametrize("names", by_noun(DRY_RUNS))
def test_a_dry_run_says_what_would_happen_and_writes_nothing(cli: Cli, plot: Plot, names: list[str]) -> None:
    before = tables()
    for name in names:
        words = plot.words(DRY_WORDS.get(name, SUCCEEDS[name]))
        outcome = cli(name, *words, "--dry-run", "--format=json")
        assert outcome.code == 0, (name, outcome)
        assert outcome.json["dry_run"] is True, name
        assert tables() == before, name


def tables() -> dict[str, list[str]]:
    """Every row of every table."""
    models = apps.get_app_config("multiflexi").get_models(include_auto_created=True)
    return {one._meta.db_table: sorted(str(row) for row in one._base_manager.values_list()) for one in models}
