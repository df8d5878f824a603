"""Write the reference pages that are made from the code; ``--check`` only says which of them are out of date."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

REFERENCE = Path(__file__).resolve().parent / "reference"
MAN = REFERENCE.parent / "man"
# The pages must not depend on the machine that makes them.
os.environ.update(DJANGO_SETTINGS_MODULE="multiflexi.settings", MULTIFLEXI_ENV_FILE=os.devnull, DB_CONNECTION="dummy")

MADE = "<!-- Made by docs/generate.py from the code; change the code, not this page. -->"
CLI_INTRODUCTION = """\
# Command line

`multiflexi-cli NOUN:ACTION [OPTIONS]`; `NOUN ACTION`, other names and unique beginnings of a name work as well.
`multiflexi-cli help NOUN:ACTION` shows the options of one command, `multiflexi-cli describe` all of them for programs.

Every command takes `--format` (`text`, `json`, `yaml`, `csv`, `ndjson`, `table`), `--environment FILE` for the settings
file, `--quiet`, `--verbose`, `--no-interaction` and `--yes`. Results go to standard output, everything else to standard
error.

| Exit code | Meaning |
|---|---|
"""
CLI_CODES = (
    ("OK", "done"),
    ("REFUSED", "refused: not found, not allowed, against a rule, or the database cannot be used"),
    ("WRONG_USE", "wrong use of the command: unknown option, missing value, unreadable settings file"),
    ("NOT_RUN", "the job that was to be run here did not run, because of a credential"),
    ("WRONG_SETTING", "a required setting is missing or a setting has an unusable value; the message names it"),
    ("WAITED_TOO_LONG", "waited as long as it was told to, and what it waited for did not happen"),
    ("INTERRUPTED", "interrupted"),
)


def settings_page() -> Iterator[str]:
    """All settings with type, default and meaning."""
    from multiflexi.environ.reference import markdown
    from multiflexi.settings import declared

    return markdown(declared)


def command_page() -> Iterator[str]:
    """All commands with their options."""
    from multiflexi.cli import manual, tree
    from multiflexi.cli.output import errors

    codes = "\n".join(f"| {getattr(errors, name)} | {meaning} |" for name, meaning in CLI_CODES)
    yield CLI_INTRODUCTION + codes + "\n"
    yield manual.markdown(tree.all_commands()).rstrip()


def states_page() -> Iterator[str]:
    """States of jobs and tasks, and which state leads to which."""
    from multiflexi.jobs.lifecycle import TRANSITIONS
    from multiflexi.models import FailureReason, JobStatus, TaskState

    yield "# States\n\n## Jobs\n"
    yield "A state changes only as listed here, and every change leaves a row in the job's history.\n"
    yield "| State | Shown as | Colour | Leads to |\n|---|---|---|---|"
    for state in JobStatus:
        targets = [f"`{target}`" for target in JobStatus if (state, target) in TRANSITIONS and target != state]
        leads = ", ".join(targets) or "– (final)"
        again = "; may change its owner" if (state, state) in TRANSITIONS else ""
        yield f"| `{state}` | {state.label} | {state.colour} | {leads}{again} |"
    yield "\n## Why the platform ended a job\n\n| `failure_reason` | Meaning |\n|---|---|"
    yield from (f"| `{reason}` | {reason.label} |" for reason in FailureReason)
    yield "\n## Tasks\n\n| State | Shown as | Colour |\n|---|---|---|"
    yield from (f"| `{state}` | {state.label} | {state.colour} |" for state in TaskState)


def man_pages() -> dict[Path, str]:
    """The man pages of the command line with their places."""
    from multiflexi.cli import manpages
    from multiflexi.cli.output import errors

    codes = [(getattr(errors, name), meaning) for name, meaning in CLI_CODES]
    return {MAN / name: text for name, text in manpages.pages(codes).items()}


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings.md": settings_page,
    "cli.md": command_page,
    "states.md": states_page,
}


def main() -> int:
    """Write or check all pages; 1 when a checked page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    checking = parser.parse_args().check
    import django

    django.setup()
    texts = {REFERENCE / name: f"{MADE}\n\n" + "\n".join(make()) + "\n" for name, make in PAGES.items()}
    texts |= man_pages()
    stale = [page for page, text in texts.items() if not (page.exists() and page.read_text(encoding="utf-8") == text)]
    gone = sorted(set(MAN.glob("*.*")) - texts.keys())
    if checking:
        names = ", ".join(str(page.relative_to(MAN.parent)) for page in [*stale, *gone])
        if names:
            sys.stderr.write(f"out of date in docs: {names}; run `make format` and commit them\n")
        return 1 if names else 0
    for page in stale:
        page.parent.mkdir(exist_ok=True)
        page.write_text(texts[page], encoding="utf-8")
        sys.stdout.write(f"docs/{page.relative_to(MAN.parent)} was written\n")
    for page in gone:
        page.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
