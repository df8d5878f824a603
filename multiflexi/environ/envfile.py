"""Read a settings file: ``KEY=value`` lines, or one JSON object when the name ends in ``.json``.

Own parser on purpose: python-dotenv counts blank lines into the following entry, so its line numbers are off,
and it expands ``$`` in values, which breaks passwords.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .errors import SettingsError, SettingsFileError

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
EXPORT = re.compile(r"export\s+(?=[A-Za-z_])")
COMMENT = re.compile(r"\s+#.*\Z")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$", "`": "`"}


class Entry(NamedTuple):
    """One value of a settings file, the lines (from 1) it starts and ends on, and the comment behind it."""

    value: str
    line: int
    last: int = 0
    comment: str = ""


@dataclass
class EnvFile:
    """Content of one settings file; ``notices`` are lines that systemd's reader would take differently."""

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    notices: list[tuple[int, str]] = field(default_factory=list)


def read_env_file(path: Path) -> EnvFile:
    """Parse a settings file.

    Raises SettingsFileError when it cannot be read and SettingsError with the line when it cannot be understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsFileError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"The settings file {path} is not UTF-8 text (byte {error.start}); convert it.") from None
    return _parse_json(path, text) if path.suffix == ".json" else parse_lines(path, text)


def parse_lines(path: Path, text: str) -> EnvFile:
    """Parse ``KEY=value`` lines; ``path`` only names them in the SettingsError that it may raise."""
    found = EnvFile(path)
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        start = number + 1
        line = lines[number].strip()
        number += 1
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            found.notices.append((start, "section headers have no meaning here"))
            continue
        if exported := EXPORT.match(line):
            found.notices.append((start, "systemd does not understand 'export'"))
            line = line[exported.end() :]
        key, equals, raw = line.partition("=")
        if key != key.rstrip() or raw != raw.lstrip():
            found.notices.append((start, "blanks round '=' are read differently by systemd"))
        key, raw = key.strip(), raw.strip()
        if not equals or not KEY.match(key):
            raise SettingsError(f"{path}:{start}: the line is not KEY=value; correct it or start it with '#'.")
        if raw[:1] in {"'", '"'}:
            while (quoted := _quoted(raw)) is None:
                if number == len(lines):
                    raise SettingsError(f"{path}:{start}: the quote of {key} is never closed; add {raw[0]}.", key)
                raw = f"{raw}\n{lines[number].rstrip(chr(13))}"
                number += 1
            value, behind = quoted
        else:
            value = COMMENT.sub("", raw)
            behind = raw[len(value) :]
            if value != raw or "\\" in value:
                found.notices.append((start, f"systemd reads the value of {key} differently; put it in quotes"))
        if key in found.entries:
            found.notices.append((start, f"{key} is given twice; this later value counts"))
        found.entries[key] = Entry(value, start, number, behind.strip())
    return found


def _quoted(raw: str) -> tuple[str, str] | None:
    """The value between the quotes ``raw`` begins with, and what follows; None while the closing quote has not come."""
    out: list[str] = []
    quote, position = raw[0], 1
    while position < len(raw):
        letter = raw[position]
        if letter == quote:
            return "".join(out), raw[position + 1 :]
        if letter == "\\" and quote == '"' and raw[position + 1 : position + 2] in ESCAPES:
            letter = ESCAPES[raw[position + 1]]
            position += 1
        out.append(letter)
        position += 1
    return None


def _parse_json(path: Path, text: str) -> EnvFile:
    try:
        content = json.loads(text)
    except ValueError as error:
        where = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SettingsError(f"{path}{where}: the file is not valid JSON; correct it.") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: the file must hold one JSON object of names and values.")
    found = EnvFile(path)
    for key, value in content.items():
        line = _line_of(text, key)
        if not KEY.match(key) or isinstance(value, dict | list):
            raise SettingsError(f"{path}:{line}: {key!r} must be a plain name with a plain value.", key)
        if value is not None:
            plain = value if isinstance(value, str) else json.dumps(value)
            found.entries[key] = Entry(plain, line, line)
    return found


def _line_of(text: str, key: str) -> int:
    """Line of the last place where ``key`` is a member name; JSON keeps the last of equal names."""
    places = list(re.finditer(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text))
    return text.count("\n", 0, places[-1].start()) + 1 if places else 1
