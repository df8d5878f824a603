"""Every command and option of the former program is accepted and described, but those that are said to come later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multiflexi.cli import tree
from multiflexi.cli.main import main
from multiflexi.cli.words import resolve

HERE = Path(__file__).parent
COMPAT: dict[str, Any] = json.loads((HERE / "compat.json").read_text())
KNOWN = {str(one.name): one for one in tree.all_commands()}
MOST_PENDING = 20
SAMPLES = {
    "batch-size": "7",
    "delay": "7",
    "enabled": "1",
    "active": "true",
    "allow_late": "true",
    "prepared": "1",
    "replace": "true",
    "format": "json",
    "max_attempts": "2",
    "deletion-type": "soft",
    "env_mapping": "{}",
    "config": "NAME=VALUE",
    "env": "NAME=VALUE",
    "field": "NAME:VALUE",
    "poll_interval": "7",
    "priority": "7",
    "retry_min_gap": "7",
    "tolerance-hours": "7",
    "limit": "7",
    "offset": "7",
    "keep": "7",
    "customer": "7",
    "state": "open",
    "job_id": "7",
    "runtemplate_id": "7",
}
WORDS = {
    ("_complete", "current"): "1",
    ("user-erasure:list", "status"): "pending",
    ("list", "format"): "txt",
    ("help", "format"): "txt",
}


def lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text().splitlines() if line and not line.startswith("#")]


PENDING = lines("pending.txt")
PROMISED = {*COMPAT, *lines("added.txt")}
THERE = sorted(name for name in COMPAT if name in KNOWN)


def test_what_is_promised_is_there_or_pending() -> None:
    assert sorted(PROMISED - set(KNOWN)) == PENDING


def test_the_list_of_pending_commands_only_shrinks() -> None:
    assert len(PENDING) <= MOST_PENDING
    assert sorted(set(PENDING)) == PENDING


def written(name: str) -> Iterator[tuple[str, list[str]]]:
    """Each option of a former command in all its spellings."""
    for option, former in COMPAT[name]["options"].items():
        sample = WORDS.get((name, option), SAMPLES.get(option, "x"))
        spellings = [f"--{option}", f"--{option.replace('_', '-')}", f"--{option.replace('-', '_')}"]
        if former["shortcut"]:
            spellings.append(f"-{former['shortcut']}")
        for spelling in dict.fromkeys(spellings):
            if former["value"] == "none":
                yield option, [spelling]
                continue
            yield option, [spelling, sample]
            if spelling.startswith("--"):
                yield option, [f"{spelling}={sample}"]
            if former["value"] == "optional":
                yield option, [spelling]


@pytest.mark.parametrize("name", THERE)
def test_every_former_option_is_accepted(name: str) -> None:
    for option, words in written(name):
        resolved = resolve([name, *words])
        assert resolved.name == name
        context = KNOWN[name].make_context(name, list(resolved.arguments))
        assert option.replace("-", "_").lower() in context.params, words


@pytest.mark.parametrize("name", THERE)
def test_options_stand_before_the_command_too(name: str) -> None:
    resolved = resolve(["--format=json", "-n", name])
    assert resolved == resolve(["--format=json", "-n", *name.split(":")])
    assert KNOWN[name].make_context(name, list(resolved.arguments)).params["format"] == "json"


@pytest.fixture(scope="module")
def described() -> Any:
    """What `describe` prints."""
    import io
    from contextlib import redirect_stdout

    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["describe"]) == 0
    return json.loads(out.getvalue())


@pytest.mark.parametrize("name", [one for one in THERE if one != "describe"])
def test_describe_lists_it(described: Any, name: str) -> None:
    ours, former = described[name], COMPAT[name]
    for option, meant in former["options"].items():
        told = ours["options"][option]
        assert told["name"] == option
        assert told["shortcut"] == meant["shortcut"], option
        assert told["is_value_required"] == (meant["value"] == "required"), option
        assert told["default"] == meant["default"], option
        assert told["is_multiple"] == meant["multiple"], option
    for argument, meant in former["arguments"].items():
        told = ours["arguments"][argument]
        assert (told["default"], told["is_required"]) == (meant["default"], meant["required"])


def test_describe_keeps_its_shape(described: Any) -> None:
    assert "describe" not in described
    assert set(described) == set(KNOWN) - {"describe"}
    for name, one in described.items():
        assert one["description"], name
        assert one["arguments"] == [] or isinstance(one["arguments"], dict), name
        assert next(iter(one["options"])) == "format", name


def test_aliases_are_members_not_commands(described: Any) -> None:
    assert "runtemplate:show" in described["run-template:get"]["aliases"]
    assert "runtemplate:show" not in described
    assert not {alias for one in described.values() for alias in one["aliases"]} & set(described)


OLD_FORMS = {
    "application": "list get create update delete import-json export-json remove-json validate-json showconfig",
    "artifact": "list get save",
    "companyapp": "list assign unassign",
    "company": "list get create update remove",
    "credential": "list get create update remove",
    "crprototype": "list get create update delete import-json export-json validate-json sync",
    "credtype": "list get create update import import-json export-json remove-json validate-json",
    "encryption": "status init",
    "eventrule": "list get create update remove",
    "eventsource": "list get create update remove test",
    "job": "status list get create update delete",
    "queue": "list truncate fix overview status",
    "schedule": "list",
    "runtemplate": "list get create update delete schedule show env run",
    "token": "list get create generate update delete",
    "user": "list show get create update delete token",
    "user data-erasure": "list create approve reject process audit cleanup",
    "userdataerasure": "list",
    "usercompany": "assign unassign",
    "userrole": "set",
}


@pytest.mark.parametrize(("noun", "action"), [(noun, one) for noun, all_ in OLD_FORMS.items() for one in all_.split()])
def test_space_forms_of_old(noun: str, action: str) -> None:
    resolved = resolve([*noun.split(), "--format=json", action, "--id", "7"])
    assert resolved.name in KNOWN
    assert resolved.arguments[-2:] == ["--id", "7"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_alias_reaches_its_command(name: str) -> None:
    for alias in tree.aliases_of(name):
        if alias in KNOWN or alias.partition(":")[0] in ("appstatus",):
            continue
        assert resolve([alias]).name == name
        assert resolve(alias.split(":", 1)).name == name


TEMPLATE = ("template", "template-id", "runtemplate")
ALSO: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "runtemplate_id": (TEMPLATE, ("job:create", "job:list")),
    "id": (TEMPLATE, tuple(f"run-template:{one}-credential{s}" for one, s in (("assign", ""), ("list", "s")))),
    "job_id": (("job",), ("artifact:list",)),
    "file": (("json",), ("application:import-json", "credential-type:import-json", "credential-prototype:export-json")),
    "scheduled": (("schedule_time", "schedule"), ("job:create", "job:update")),
    "schedule_time": (("scheduled", "schedule"), ("run-template:schedule",)),
    "interv": (("interval",), ("run-template:create", "run-template:update")),
    "tags": (("topics",), ("application:create", "application:update")),
    "slug": (("code",), ("company:create", "company:get", "company:update")),
    "enabled": (("status",), ("company:create", "company:update")),
    "event_source_id": (("eventsource_id",), ("event-rule:create", "event-rule:list", "event-rule:update")),
    "days": (("older-than",), ("job:cleanup",)),
    "class": (("prototype",), ("credential-type:create", "credential-type:update")),
    "name": (("label",), ("credential-type:create",)),
    "app_id": (("app",), ("company-app:list", "company-app:assign", "run-template:create", "job:list")),
    "company_id": (("company",), ("company-app:list", "job:create", "user-company:assign", "event-source:create")),
    "company-id": (("company",), ("credential:create", "credential-type:create")),
}


@pytest.mark.parametrize(("option", "name"), [(option, name) for option, (_, names) in ALSO.items() for name in names])
def test_other_spellings_of_options_mean_the_same(option: str, name: str) -> None:
    sample = {"days": "7", "enabled": "inactive", "job_id": "7"}.get(option, "x")
    canonical = KNOWN[name].make_context(name, [f"--{option}", sample]).params
    for spelling in ALSO[option][0]:
        assert KNOWN[name].make_context(name, [f"--{spelling}={sample}"]).params == canonical
