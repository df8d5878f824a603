"""Find the executable in the job's own PATH, so that 126 and 127 are known without starting anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from multiflexi.executors.contract import StartRefused

NOT_FOUND = 127
NOT_EXECUTABLE = 126


def find_executable(word: str, env: Mapping[str, str], job_dir: Path) -> str:
    """Return the absolute path of the program that `word` names.

    A word with a slash is a path, relative ones from the job directory; others are sought in the absolute
    directories of the job's PATH. Raises StartRefused with 127 (not found) or 126 (found, not executable).
    """
    found = job_dir / word if "/" in word else _in_path(word, env.get("PATH", ""))
    _refuse_unless_executable(found, word)
    _refuse_without_interpreter(found)
    return str(found)


def _in_path(word: str, path: str) -> Path:
    first_unusable = None
    for directory in path.split(":"):
        found = Path(directory, word)
        if directory.startswith("/") and found.is_file():
            if os.access(found, os.X_OK):
                return found
            first_unusable = first_unusable or found
    if first_unusable is not None:
        return first_unusable
    raise StartRefused(
        NOT_FOUND,
        "start_failed",
        f"The executable {word} was not found in the PATH of the job ({path or 'empty'}): "
        "install it on this host or give its full path in the application",
    )


def _refuse_unless_executable(found: Path, word: str) -> None:
    if found.is_dir():
        raise StartRefused(NOT_EXECUTABLE, "start_failed", f"The executable {found} is a directory")
    if os.access(found, os.X_OK):
        return
    if not found.exists():
        raise StartRefused(
            NOT_FOUND, "start_failed", f"The executable {word} was not found: there is no file {found} on this host"
        )
    raise StartRefused(
        NOT_EXECUTABLE,
        "start_failed",
        f"The file {found} is not executable for the executor's account: set its execute permission",
    )


def _refuse_without_interpreter(found: Path) -> None:
    """Look at a script's first line, since the kernel's own report would blame the script that does exist."""
    try:
        with found.open("rb", buffering=0) as file:
            head = file.read(256)
    except OSError:
        return
    if not head.startswith(b"#!"):
        return
    words = head[2:].partition(b"\n")[0].strip(b" \t").split(maxsplit=1) or [b""]
    interpreter = os.fsdecode(words[0])
    if interpreter.startswith("/") and not Path(interpreter).exists():
        raise StartRefused(
            NOT_FOUND, "start_failed", f"The interpreter {interpreter!r} in the first line of {found} was not found"
        )
