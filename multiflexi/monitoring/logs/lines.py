"""A log record as one line: ``key=value`` or JSON, secrets masked, control characters escaped."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .context import extras_of, ids_of

if TYPE_CHECKING:
    from multiflexi.vault.masker import Masker

# Beside control characters: line separators and the marks that turn the direction of writing.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PLAIN = re.compile(r"[^\s\"'=\\]+\Z")
# A name that reads like a secret, then '=' or ':', then its value. The bounds keep the search linear.
NAMED_SECRET = re.compile(
    r"(?i)(?<![\w.-])([\w.-]{0,64}?(?:passw(?:or)?d|passphrase|secret|token|api_?key|private_?key|master_?key)"
    r"[\w.-]{0,64})([\"']?\s{0,4}[=:]\s{0,4})(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)
# A class name in front of its message: capitals inside, and what comes last is no word for a secret.
CLASS_NAME = re.compile(
    r"(?:\w+\.)*(?:[A-Z][a-z0-9]+){2,}(?<!Key)(?<!Token)(?<!Secret)(?<!Password)(?<!Passphrase)(?<!Hash)(?<!Value)\Z"
)
MOST_CHARACTERS = 64 * 1024
SHORT_NAMES = {"critical": "error"}


class Form:
    """What all lines of a process have in common; turns records into fields and fields into text."""

    def __init__(self, daemon: str, instance: str, masker: Masker) -> None:
        self.daemon = daemon
        self.instance = instance
        self._masker = masker

    def message_of(self, record: logging.LogRecord) -> str:
        """The rendered message with its secrets masked; may still hold line breaks."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = f"{record.msg} {record.args!r}"
        masked = self._masker.mask_text(text)[0][:MOST_CHARACTERS]
        return NAMED_SECRET.sub(_without_value, masked)

    def fields_of(self, record: logging.LogRecord) -> dict[str, Any]:
        """Fields in the order they are printed."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": severity_of(record),
            "daemon": self.daemon,
            "instance": self.instance,
            **ids_of(record),
            "logger": record.name,
            "message": self.message_of(record),
        }
        fields |= {key: self._masked(value) for key, value in extras_of(record).items() if key not in fields}
        if record.exc_info:
            fields["traceback"] = self._masked(logging.Formatter().formatException(record.exc_info))
        return {key: value for key, value in fields.items() if value not in (None, "")}

    def _masked(self, value: Any) -> Any:
        if isinstance(value, bool | int | float):
            return value
        return self._masker.mask_text(str(value))[0][:MOST_CHARACTERS]


class KeyValueFormatter(logging.Formatter):
    """``time=… level=info daemon=executor message="…"``."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """One line without line break at its end."""
        return " ".join(f"{key}={_quoted(value)}" for key, value in self._form.fields_of(record).items())


class JsonFormatter(KeyValueFormatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without line break at its end."""
        return escaped(json.dumps(self._form.fields_of(record), ensure_ascii=False, default=str))


def _without_value(found: re.Match[str]) -> str:
    from multiflexi.vault.secrecy import MASK

    name, separator, _ = found.groups()
    if separator.strip() == ":" and CLASS_NAME.match(name):
        return found[0]
    return f"{name}{separator}{MASK}"


def severity_of(record: logging.LogRecord) -> str:
    """debug, info, success, warning or error."""
    if getattr(record, "outcome", None) == "success" and record.levelno == logging.INFO:
        return "success"
    name = record.levelname.lower()
    return SHORT_NAMES.get(name, name)


def escaped(text: str) -> str:
    """The text on one line: everything that could fake or hide a line becomes a JSON escape."""
    return UNSAFE.sub(lambda match: _escape(match[0]), text)


def _escape(letter: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(letter, f"\\u{ord(letter):04x}")


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if PLAIN.match(text) and not UNSAFE.search(text) else escaped(json.dumps(text, ensure_ascii=False))


def table_message(form: Form, record: logging.LogRecord) -> str:
    """The message for table ``log``: masked, on one line, an exception by its last line only."""
    text = form.message_of(record)
    if record.exc_info and record.exc_info[1] is not None:
        text = f"{text}: {form.message_of(_exception_record(record.exc_info[1]))}"
    return escaped(text)


def _exception_record(error: BaseException) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": f"{type(error).__name__}: {error}"})


def column_ids(record: logging.LogRecord) -> Mapping[str, int | str | None]:
    """The id columns of table ``log``; what is not a number does not go into a number column."""
    ids = ids_of(record)
    numbers = {"company_id": "company", "apps_id": "app", "user_id": "user", "job_id": "job"}
    columns: dict[str, int | str | None] = {
        column: ids[key] if isinstance(ids.get(key), int) else None for column, key in numbers.items()
    }
    request = ids.get("request")
    return columns | {"request_id": str(request)[:64] if request is not None else None}
