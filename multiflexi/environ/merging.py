"""Take the values of another file over into the settings file, which keeps its comments, order, mode and owner."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .envfile import EXPORT, Entry, parse_lines, read_env_file
from .errors import SettingsError, SettingsFileError
from .store import named_file, usual_files

DATABASE_FILE = "database.env"
SAVED_SUFFIX = ".dpkg-save"
FILE_MODE = 0o640
# What systemd and this program read alike without quotes.
PLAIN = re.compile(r"[\w./:@%+,=-]*", re.ASCII)
# Inside of double quotes both take these after a backslash only.
SPECIAL = re.compile(r'[\\"$`]')


@dataclass(frozen=True)
class Merge:
    """What a merge changes; ``names`` are the settings that differ, ``text`` the whole new content."""

    source: Path
    target: Path
    names: tuple[str, ...]
    text: str


def planned() -> Merge | None:
    """What of ``database.env`` the settings file beside it lacks; None where there is no such file.

    Raises SettingsFileError when one of the two cannot be read, SettingsError when one cannot be understood.
    """
    target = _target()
    source = target.parent / DATABASE_FILE
    try:
        if target.exists() and not target.is_file():
            return None
        if not source.exists():
            return None
        # As bytes, because line ends must stay what they are.
        text = target.read_bytes().decode() if target.exists() else ""
    except OSError as error:
        raise SettingsFileError(f"{error.filename} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"The settings file {target} is not UTF-8 text (byte {error.start}); convert it.") from None
    if target.suffix == ".json":
        raise SettingsError(f"{target} is JSON; write the values of {source} into it by hand.")
    values = {name: entry.value for name, entry in read_env_file(source).entries.items()}
    names, merged = merge(target, text, values)
    return Merge(source, target, names, merged)


def merge(path: Path, text: str, values: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """The names whose values differ, and the text with the new ones; ``path`` names it in the SettingsError."""
    entries = parse_lines(path, text.removeprefix("\ufeff")).entries
    names = tuple(name for name, value in values.items() if name not in entries or entries[name].value != value)
    lines = text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    for name in sorted(entries.keys() & set(names), key=lambda name: -entries[name].line):
        entry = entries[name]
        new = _lines(name, values[name], lines[entry.line - 1], entry)
        lines[entry.line - 1 : entry.last] = [f"{line}{end}" for line in new]
    if missing := [name for name in names if name not in entries]:
        if lines[-1]:
            lines.append("")
        lines[-1:] = [f"{name}={_written(values[name])}{end}" for name in missing] + [""]
    merged = "\n".join(lines)
    read_back = parse_lines(path, merged.removeprefix("\ufeff")).entries
    for name in names:
        if read_back[name].value != values[name]:
            raise SettingsError(f"{name} has a value that no settings file can hold; change it.", name)
    return names, merged


def write(found: Merge) -> None:
    """Put the new content in the place of the file at once; what was there is kept beside it.

    Mode, owner and extended attributes stay. Raises SettingsFileError, changing nothing.
    """
    try:
        _replace(found.target.resolve(), found.text.encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsFileError(
            f"{found.target} cannot be written: {reason}; call this as its owner or as root."
        ) from None


def _target() -> Path:
    if named := named_file():
        return named
    files = usual_files()
    for path in files:
        with suppress(PermissionError):
            if path.exists():
                return path
    return files[0]


def _lines(name: str, value: str, before: str, entry: Entry) -> list[str]:
    """The new lines of a setting; a comment behind the old value moves above, because systemd would read it along."""
    mark = "\ufeff" if before.startswith("\ufeff") else ""
    exported = EXPORT.match(before.removeprefix(mark).strip())
    comment = [entry.comment if entry.comment.startswith("#") else f"# {entry.comment}"] if entry.comment else []
    lines = [*comment, f"{exported[0] if exported else ''}{name}={_written(value)}"]
    return [mark + lines[0], *lines[1:]]


def _written(value: str) -> str:
    return value if PLAIN.fullmatch(value) else '"' + SPECIAL.sub(r"\\\g<0>", value) + '"'


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_over_rights(path, made)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if path.exists():
            _keep(path)
        made.replace(path)
        _settle(path.parent)
    finally:
        made.unlink(missing_ok=True)


def _take_over_rights(path: Path, made: Path) -> None:
    """Owner, mode and attributes of the file that is replaced; a first file belongs to the group of its directory."""
    if not path.exists():
        os.chown(made, -1, path.parent.stat().st_gid)
        made.chmod(FILE_MODE)
        return
    old, new = path.stat(), made.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.chown(made, old.st_uid, old.st_gid)
    shutil.copystat(path, made)


def _keep(path: Path) -> None:
    """The old content under another name: a link, so that owner and mode come along."""
    link = path.with_name(f".{path.name}{SAVED_SUFFIX}.{os.getpid()}")
    try:
        os.link(path, link)
        link.replace(path.with_name(path.name + SAVED_SUFFIX))
    finally:
        link.unlink(missing_ok=True)


def _settle(directory: Path) -> None:
    """Make the new name survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
