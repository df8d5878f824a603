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


@pytest.mark.parametrize(
    ("name", "further"),
    [("job:list", []), ("job:create", [124]), ("job:stop", [124]), ("job:delete", [124]), ("job:run", [75, 124])],
)
def test_exit_codes_beside_the_common_ones_are_told(name: str, further: list[int]) -> None:
    assert manual.description(KNOWN[name])["exit_codes"] == sorted([0, 1, 2, 78, 130, *further])
