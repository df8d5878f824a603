"""The tab key in bash, zsh and fish themselves, each at a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.models import Company
from tests import needs

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60
READY = "shell-is-ready"
# What the terminal is told beside the text.
STEERING = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78c])")
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
PREPARE = {
    "bash": "{bash_completion}; PS1='$ '; source <(multiflexi-cli completion bash); echo shell-is-'ready'",
    "zsh": "PS1='$ '; autoload -Uz compinit; compinit -u -D; source <(multiflexi-cli completion zsh); "
    "echo shell-is-'ready'",
    "fish": "function fish_prompt; echo '$ '; end; multiflexi-cli completion fish | source; echo shell-is-'ready'",
}
WITH_LIBRARY = ". /usr/share/bash-completion/bash_completion"


class Terminal:
    """A shell that believes somebody sits before it."""

    def __init__(self, shell: str, environment: dict[str, str]) -> None:
        self._shell = shell
        self._near, far = pty.openpty()
        # A shell wants the terminal to be its own, not only its input.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *START[shell]], stdin=far, stdout=far, stderr=far, env=environment
        )
        os.close(far)
        self._seen = b""

    def type(self, text: str) -> None:
        os.write(self._near, text.encode())

    def until(self, wanted: str) -> str:
        """All that was shown, once the text is among it."""
        deadline = time.monotonic() + PATIENCE
        while wanted not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} was not shown, but {self.shown!r}"
            if select.select([self._near], [], [], left)[0]:
                self._seen += os.read(self._near, 65536)
        return self.shown

    @property
    def shown(self) -> str:
        return STEERING.sub(b"", self._seen).decode(errors="replace").replace("\r", "")

    def forget(self) -> None:
        self._seen = b""

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._near)


@pytest.fixture
def environment(process_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A PATH on which `multiflexi-cli` is the program of this tree."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "multiflexi-cli"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m multiflexi.cli.main "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    return {
        **process_environment,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def terminal(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[Terminal]:
    shell, library = request.param
    opened = Terminal(shell, environment)
    opened.type(PREPARE[shell].format(bash_completion=library) + "\n")
    try:
        opened.until(READY)
        opened.forget()
        yield opened
    finally:
        opened.close()


KINDS = [
    pytest.param((shell, library), id=f"{shell}{'-with-library' if library != ':' else ''}")
    for shell in START
    for library in ((":", WITH_LIBRARY) if shell == "bash" else (":",))
    if shutil.which(shell) and (library == ":" or Path(library[2:]).exists())
]


def test_the_shells_are_there_where_it_counts() -> None:
    absent = [shell for shell in START if not shutil.which(shell)]
    if absent:
        needs.missing(f"not installed: {', '.join(absent)}")


@pytest.mark.parametrize("terminal", KINDS, indirect=True)
def test_tab(terminal: Terminal) -> None:
    """One answer is filled in whole; the mark behind it shows where the line ends."""
    Company.objects.create(name="Only One", slug="only_one")
    for typed, completed in (
        ("multiflexi-cli job:li\t", "multiflexi-cli job:list"),
        ("multiflexi-cli job li\t", "multiflexi-cli job list"),
        ("multiflexi-cli job:list --st\t", "multiflexi-cli job:list --status"),
        ("multiflexi-cli job:list --status run\t", "multiflexi-cli job:list --status running"),
        ("multiflexi-cli run-template:create --executor Dock\t", "--executor Docker"),
        ("multiflexi-cli company:get only\t", "multiflexi-cli company:get only_one"),
    ):
        terminal.type(typed)
        terminal.until(completed)
        # Control-U empties the line.
        terminal.type("\x15\n")
        terminal.forget()
