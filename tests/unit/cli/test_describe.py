"""The machine-readable command list keeps everything that existing programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiflexi.cli import manual, tree

COMPAT: dict[str, Any] = json.loads((Path(__file__).parent / "compat.json").read_text())
KNOWN = {str(one.name): one for one in tree.all_commands()}
LATER = {("encryption:init", "force")}
SHARED = [name for name in COMPAT if name in KNOWN]


def test_most_of_the_former_commands_are_there() -> None:
    nouns = {name.partition(":")[0] for name in KNOWN}
    here = {name for name in COMPAT if name.partition(":")[0] in nouns}
    later = {
        "credential-prototype:create",
        "credential-prototype:update",
        "credential-prototype:delete",
        "credential-prototype:sync",
        "run-template:assign-credential",
        "run-template:unassign-credential",
        "run-template:list-credentials",
    }
    assert here - set(KNOWN) == later - set(KNOWN)


@pytest.mark.parametrize("name", SHARED)
def test_options_keep_shortcut_kind_and_default(name: str) -> None:
    described = manual.description(KNOWN[name])
    for option, former in COMPAT[name]["options"].items():
        if (name, option) in LATER:
            continue
        ours = described["options"][option]
        assert ours["name"] == option
        assert ours["shortcut"] == former["shortcut"], option
        assert ours["is_value_required"] == (former["value"] == "required"), option
        assert ours["default"] == former["default"], option
        assert ours["is_multiple"] == former["multiple"], option
    for argument, former in COMPAT[name]["arguments"].items():
        assert described["arguments"][argument]["default"] == former["default"]
        assert described["arguments"][argument]["is_required"] == former["required"]


def test_empty_maps_are_lists_and_format_comes_first() -> None:
    for name, command in KNOWN.items():
        described = manual.description(command)
        assert described["arguments"] or described["arguments"] == [], name
        assert next(iter(described["options"])) == "format", name


def test_aliases_are_members_not_commands() -> None:
    assert "runtemplate:show" in manual.description(KNOWN["run-template:get"])["aliases"]
    assert "runtemplate:show" not in KNOWN


def test_passwords_are_marked() -> None:
    options = manual.description(KNOWN["user:create"])["options"]
    assert options["plaintext"]["secret"]
    assert not options["login"]["secret"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_command_has_help(name: str) -> None:
    text = manual.command_help(name)
    assert KNOWN[name].help in text
    assert f"multiflexi-cli {name}" in text
