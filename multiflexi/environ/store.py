"""Load the declared settings: process environment over file over default."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .declare import Setting, role_name, with_overrides
from .envfile import EnvFile, read_env_file
from .errors import SettingsError, SettingsFileError
from .kinds import READERS, Unusable

SYSTEM_FILES = (Path("/etc/multiflexi/multiflexi.env"), Path("/etc/multiflexi/.env"))
SOURCE_ROOT = Path(__file__).resolve().parents[2]
SHOWN_VALUE_LENGTH = 60
DEFAULT = "default"
FILE = "settings file"


@dataclass
class Loaded:
    """Outcome of one reading of the configuration.

    ``copied`` are the names the service manager took from the same file into the process environment.
    """

    declared: tuple[Setting, ...] = ()
    file: EnvFile | None = None
    unreadable: Path | None = None
    copied: frozenset[str] = frozenset()
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    errors: dict[str, SettingsError] = field(default_factory=dict)


class Given(NamedTuple):
    """A text found for a setting: where it came from and where relative paths in it count from."""

    text: str
    source: str
    base: Path


_named_file: Path | None = None
_state = Loaded()


def use_file(path: str | Path) -> None:
    """Name the settings file (``--environment``); call it before ``multiflexi.settings`` is imported."""
    global _named_file  # noqa: PLW0603 -- one configuration per process, chosen by its command line
    _named_file = Path(path).absolute()


def load_settings(declared: Sequence[Setting]) -> dict[str, Any]:
    """Values of all declared settings by Django attribute name.

    Raises SettingsFileError when the named file cannot be read and SettingsError on the first unusable value;
    ``state()`` then still tells about all of them.
    """
    global _state  # noqa: PLW0603 -- one configuration per process
    _state = _read(with_overrides(tuple(declared)), None)
    if _state.errors:
        raise _first_of(_state.errors)
    return _state.values


def reload_settings() -> dict[str, Any]:
    """Read the file again and return the settings marked ``live`` whose value changed, by Django attribute name.

    Raises SettingsError and changes nothing when the new content is unusable.
    """
    fresh = _read(_state.declared, _state.copied)
    if fresh.errors:
        raise _first_of(fresh.errors)
    changed = {
        setting.key: fresh.values[setting.key]
        for setting in fresh.declared
        if setting.live and fresh.values[setting.key] != _state.values[setting.key]
    }
    for setting in fresh.declared:
        if setting.live:
            _state.sources[setting.name] = fresh.sources[setting.name]
    _state.values.update(changed)
    _state.file = fresh.file
    return changed


def state() -> Loaded:
    """What the last reading found; empty before ``multiflexi.settings`` was imported."""
    return _state


def file_values() -> dict[str, str]:
    """The settings file's content unfiltered, as the lowest layer of the job environment; {} without a file."""
    return {key: entry.value for key, entry in _state.file.entries.items()} if _state.file else {}


def value(name: str) -> Any:
    """Effective value of a declared setting; KeyError for an undeclared one."""
    return _state.values[name]


def is_given(role: str, name: str) -> bool:
    """Whether a shared setting, or its override for one daemon, comes from the environment or the file."""
    return _state.sources[name] != DEFAULT or _state.values.get(role_name(role, name)) is not None


def secret_texts() -> list[str]:
    """The texts of all secret settings in effect, which no log line and no answer may show."""
    secrets = [_state.values.get(setting.key) for setting in _state.declared if setting.secret]
    return [text for secret in secrets for text in _texts(secret) if text]


def role_value(role: str, name: str) -> Any:
    """Effective value for one daemon: its own override, else the shared one, else the daemon's default."""
    override = role_name(role, name)
    if _state.values.get(override) is not None:
        return _state.values[override]
    setting = next(setting for setting in _state.declared if setting.name == name)
    if _state.sources[name] == DEFAULT and role in setting.role_defaults:
        return setting.role_defaults[role]
    return _state.values[setting.key]


def _texts(secret: Any) -> list[str]:
    """Driver options count by their values named like a secret; the others, such as a time limit, are harmless."""
    if isinstance(secret, dict):
        from multiflexi.vault.secrecy import named_like_a_secret

        return [value for name, value in secret.items() if isinstance(value, str) and named_like_a_secret(name)]
    return [secret] if isinstance(secret, str) else []


def _read(declared: tuple[Setting, ...], copied: frozenset[str] | None) -> Loaded:
    """Read file and environment; names in ``copied`` count as the file's alone (None: find out which they are)."""
    loaded = Loaded(declared)
    try:
        _find_file(loaded)
    except SettingsFileError:
        raise
    except SettingsError as error:
        loaded.errors[FILE] = error
    entries = loaded.file.entries if loaded.file else {}
    if copied is None:
        copied = frozenset(name for name, entry in entries.items() if os.environ.get(name) == entry.value)
    loaded.copied = copied
    for setting in declared:
        try:
            given = _given(setting, loaded)
            loaded.sources[setting.name] = given.source if given else DEFAULT
            loaded.values[setting.key] = _typed(setting, given) if given else setting.default
        except SettingsError as error:
            loaded.errors[setting.name] = error
            loaded.values[setting.key] = setting.default
    for setting in declared:
        if setting.below and loaded.values[setting.key] >= loaded.values[setting.below]:
            loaded.errors[setting.name] = _not_below(setting, loaded)
    return loaded


def _not_below(setting: Setting, loaded: Loaded) -> SettingsError:
    return SettingsError(
        f"{setting.name} ({loaded.sources[setting.name]}): {loaded.values[setting.key]} is unusable: it must be less "
        f"than {setting.below}, which is {loaded.values[setting.below]}; correct one of them.",
        setting.name,
    )


def named_file() -> Path | None:
    """The settings file that the command line or the process environment names."""
    named = _named_file or os.environ.get("MULTIFLEXI_ENV_FILE")
    return Path(named).absolute() if named else None


def usual_files() -> tuple[Path, ...]:
    """Where a settings file is looked for unless one is named; the first that exists counts."""
    in_source = (SOURCE_ROOT / ".env",) if (SOURCE_ROOT / "manage.py").exists() else ()
    return SYSTEM_FILES + in_source


def _find_file(loaded: Loaded) -> None:
    if named := named_file():
        loaded.file = read_env_file(named)
        return
    for path in usual_files():
        try:
            if path.exists():
                loaded.file = read_env_file(path)
                return
        except (SettingsFileError, PermissionError):
            # People outside the group may still use the commands that need no settings.
            loaded.unreadable = path
            return


def _given(setting: Setting, loaded: Loaded) -> Given | None:
    """The text of a setting or, for secrets, of the file named by ``<NAME>_FILE``; empty counts as not given."""
    names = (setting.name, *setting.aliases)
    for name in names:
        if (given := _lookup(name, loaded)) and (given.text.strip() or setting.keeps_empty):
            return given
    if setting.secret:
        for name in names:
            if (given := _lookup(f"{name}_FILE", loaded)) and given.text.strip():
                return _from_secret_file(setting, name, given)
    return None


def _lookup(name: str, loaded: Loaded) -> Given | None:
    # systemd copies the file into the process environment, where it would win for ever over a changed file.
    process = None if name in loaded.copied else os.environ.get(name)
    if process is not None:
        return Given(process, "environment", Path.cwd())
    if loaded.file and (entry := loaded.file.entries.get(name)):
        return Given(entry.value, f"{loaded.file.path}:{entry.line}", loaded.file.path.parent)
    return None


def _from_secret_file(setting: Setting, name: str, given: Given) -> Given:
    path = given.base / given.text
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SettingsError(
            f"{name}_FILE ({given.source}): {path} cannot be read: {reason}; correct the path or its rights.",
            setting.name,
        ) from None
    return Given(text, str(path), path.parent)


def _typed(setting: Setting, given: Given) -> Any:
    text = given.text if setting.type == "str" else given.text.strip()
    try:
        return READERS[setting.type](text, setting, given.base)
    except Unusable as rule:
        shown = "the value" if setting.secret else ascii(given.text)[:SHOWN_VALUE_LENGTH]
        raise SettingsError(
            f"{setting.name} ({given.source}): {shown} is unusable: it {rule}; correct it or remove the setting.",
            setting.name,
        ) from None


def _first_of(errors: Mapping[str, SettingsError]) -> SettingsError:
    first = next(iter(errors.values()))
    if len(errors) == 1 or FILE in errors:
        return first
    return SettingsError(f"{first} Also unusable: {', '.join(list(errors)[1:])}.", first.key)
