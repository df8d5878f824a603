"""What the commands say about themselves."""

from __future__ import annotations

import pytest

from multiflexi.cli import manual, tree

KNOWN = {str(one.name): one for one in tree.all_commands()}


def test_passwords_are_marked() -> None:
    options = manual.description(KNOWN["user:create"])["options"]
    assert options["plaintext"]["secret"]
    assert not options["login"]["secret"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_command_has_help(name: str) -> None:
    text = manual.command_help(name)
    assert KNOWN[name].help in text
    assert f"multiflexi-cli {name}" in text


def test_commands_that_wait_tell_the_exit_code_of_an_expired_wait() -> None:
    assert 124 in manual.description(tree.command("job:create"))["exit_codes"]
    assert 124 not in manual.description(tree.command("job:list"))["exit_codes"]
