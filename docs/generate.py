"""Write the reference pages that are made from the code; ``--check`` only says which of them are out of date."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiflexi.cli.program_pages import Program

REFERENCE = Path(__file__).resolve().parent / "reference"
MAN = REFERENCE.parent / "man"
# The pages must not depend on the machine that makes them.
os.environ.update(
    DJANGO_SETTINGS_MODULE="multiflexi.serving.settings", MULTIFLEXI_ENV_FILE=os.devnull, DB_CONNECTION="dummy"
)

MADE = "<!-- Made by docs/generate.py from the code; change the code, not this page. -->"
MADE_YAML = "# Made by docs/generate.py from the code; change the code, not this file."
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
PROGRAMS_INTRODUCTION = """\
# Programs

What is installed beside [`multiflexi-cli`](cli.md). Each has `--help`, `--version` and a man page; results go to
standard output, everything else to standard error. A value may follow its option after a blank or after `=`.
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
    """The man pages of all programs with their places."""
    from multiflexi.cli import manpages, program_pages
    from multiflexi.cli.output import errors
    from multiflexi.settings import declared

    codes = [(getattr(errors, name), meaning) for name, meaning in CLI_CODES]
    texts = manpages.pages(codes)
    texts |= {one.file: program_pages.man(one, declared) for one in _programs()}
    return {MAN / name: text for name, text in texts.items()}


def programs_page() -> Iterator[str]:
    """The programs beside the command line."""
    from multiflexi.cli.program_pages import markdown

    yield PROGRAMS_INTRODUCTION
    yield "\n".join(markdown(_programs())).rstrip()


def _programs() -> list[Program]:
    spec = spec_from_file_location("programs", MAN.parent / "programs.py")
    assert spec and spec.loader  # noqa: S101 - the file is beside this one
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[Program] = module.programs()
    return found


def default_grants() -> dict[str, set[str]]:
    """The permissions of each system role as the migrations make them; no database is at hand here."""
    from importlib import import_module

    first = import_module("multiflexi.migrations.0004_roles")
    own = import_module("multiflexi.migrations.0013_access").OWN
    held = {
        name: {
            f"{resource}.{action}" for resource, one in first.GRANTS.items() for action in one if initial in one[action]
        }
        for name, (initial, *_texts) in first.ROLES.items()
    }
    for action in own:
        held["user"].discard(f"jobs.{action}")
        for name in held.keys() - {"viewer"}:
            held[name].add(f"jobs.{action}_own")
    return held


def permissions_page() -> Iterator[str]:
    """The permission matrix: what each action takes, and which system roles grant it when they are new."""
    from multiflexi.access.matrix import RULES, Scope

    granted = default_grants()
    roles = list(granted)
    yield "# Permissions\n"
    yield (
        "An action is allowed when a system role grants its permission, the role in the company concerned is high "
        "enough and the token, if there is one, has the scope; everything else is denied. `super_admin` needs no "
        "membership. Objects of other companies do not exist: 404. *own* means: for jobs the person launched.\n"
    )
    yield f"| Action | Permission | {' | '.join(f'`{name}`' for name in roles)} | Company role | Token scope |"
    yield "|---|---|" + "---|" * len(roles) + "---|---|"
    for rule in RULES.values():
        names = ", ".join(f"`{name}`" for name in sorted(rule.permissions))
        marks = []
        for role in roles:
            own = "own" if rule.own in granted[role] else "–"
            marks.append("●" if rule.permissions <= granted[role] else own)
        company = rule.company.value if rule.company else "–"
        scope = f"`{rule.scope.value}`" if rule.scope else "no token"
        yield f"| {rule.label} | {names} | {' | '.join(marks)} | {company} | {scope} |"
    yield "\n## Scopes of tokens\n\n| Scope | Allows |\n|---|---|"
    yield from (f"| `{scope.value}` | {scope.label} |" for scope in Scope)


def api_document() -> Iterator[str]:
    """API v2 as OpenAPI 3.1, so that every change of the contract shows in review."""
    import yaml

    from multiflexi.api.v2.description import Generator

    # Through JSON, which turns what is lazy or ordered into plain values.
    document = json.loads(json.dumps(Generator().made() | {"servers": [{"url": "/"}]}, default=str))
    yield yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120).rstrip()


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings.md": settings_page,
    "cli.md": command_page,
    "programs.md": programs_page,
    "states.md": states_page,
    "permissions.md": permissions_page,
    "openapi-v2.yaml": api_document,
}


def _headed(name: str, lines: Iterator[str]) -> str:
    return f"{MADE if name.endswith('.md') else MADE_YAML}\n\n" + "\n".join(lines) + "\n"


def main() -> int:
    """Write or check all pages; 1 when a checked page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    checking = parser.parse_args().check
    import django

    django.setup()
    texts = {REFERENCE / name: _headed(name, make()) for name, make in PAGES.items()} | man_pages()
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
