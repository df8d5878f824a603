"""What the configuration amounts to: the rows of ``config:check`` and of ``--check-config``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

from .database import missing_keys
from .declare import Setting
from .errors import SettingsError, SettingsFileError
from .store import DEFAULT, FILE, Loaded, state


class Row(TypedDict):
    """One finding; ``ok`` is false for an error, and a message beside ``ok`` true is a warning."""

    key: str
    value: str
    source: str
    type: str
    ok: bool
    message: str


MISSING = "a required setting is missing; set it in the settings file or the environment"


def report(defaults: bool = False, keys: Sequence[str] = ()) -> list[Row]:
    """Effective settings with their sources, secrets masked; only ``keys`` when given.

    ``defaults`` adds the settings nobody set. Needs neither Django nor a database.
    Raises SettingsFileError when the named file cannot be read.
    """
    try:
        import multiflexi.settings  # noqa: F401 -- importing it reads the configuration
    except SettingsFileError:
        raise
    except SettingsError:
        pass
    loaded = state()
    missing = [] if FILE in loaded.errors else missing_keys(loaded.values)
    rows = [
        _row(setting, loaded, setting.name in missing)
        for setting in loaded.declared
        if defaults or keys or setting.name in missing or loaded.sources.get(setting.name) != DEFAULT
    ]
    rows += [*_file_rows(loaded), *_unknown_rows(loaded)]
    return [row for row in rows if not keys or row["key"] in keys]


def as_lines(rows: Sequence[Row]) -> Iterator[str]:
    """The rows for people: ``KEY=value  (source)  message``."""
    for row in rows:
        message = f"  {'warning' if row['ok'] else 'error'}: {row['message']}" if row["message"] else ""
        shown = f"{row['key']}={row['value']}" if row["key"] else FILE
        yield f"{shown}  ({row['source']}){message}"


def _row(setting: Setting, loaded: Loaded, missing: bool) -> Row:
    error = loaded.errors.get(setting.name)
    message = str(error) if error else MISSING if missing else ""
    return Row(
        key=setting.name,
        value=_shown(setting, None if error else loaded.values[setting.key]),
        source=loaded.sources.get(setting.name, DEFAULT),
        type=setting.type,
        ok=not message,
        message=message,
    )


def _shown(setting: Setting, value: Any) -> str:
    from multiflexi.vault.secrecy import NOT_SET, display

    if setting.secret:
        return display(str(value) if value else None)
    if value is None:
        return NOT_SET
    if isinstance(value, list):
        return setting.separator.join(value)
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)


def _file_rows(loaded: Loaded) -> Iterator[Row]:
    if FILE in loaded.errors:
        yield Row(key="", value="", source=FILE, type="file", ok=False, message=str(loaded.errors[FILE]))
    if loaded.unreadable:
        text = "this account may not read it, so only the process environment counts"
        yield Row(key="", value="", source=str(loaded.unreadable), type="file", ok=True, message=text)
    if loaded.file:
        for line, text in loaded.file.notices:
            yield Row(key="", value="", source=f"{loaded.file.path}:{line}", type="file", ok=True, message=text)


def _unknown_rows(loaded: Loaded) -> Iterator[Row]:
    known = {name for setting in loaded.declared for name in (setting.name, *setting.aliases)}
    known |= {f"{setting.name}_FILE" for setting in loaded.declared if setting.secret}
    file = loaded.file
    given = {name: f"{file.path}:{entry.line}" for name, entry in file.entries.items()} if file else {}
    if "MULTIFLEXI_JOB_ID" not in os.environ:
        # Inside a job the environment is full of the platform's own answers, which are no settings.
        given |= {name: "environment" for name in os.environ if name not in given}
    for name, source in sorted(given.items()):
        if name.startswith("MULTIFLEXI_") and name not in known:
            yield Row(key=name, value="", source=source, type="unknown", ok=True, message=_unknown(name, known))


def _unknown(name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(known), n=1)
    return "there is no such setting" + (f"; did you mean {close[0]}?" if close else "")


def check_config() -> int:
    """Print the settings in effect, secrets masked; 0 when all are usable, else 1."""
    rows = report()
    sys.stdout.writelines(f"{line}\n" for line in as_lines(rows))
    return 0 if all(row["ok"] for row in rows) else 1
