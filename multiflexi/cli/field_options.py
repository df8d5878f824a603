"""Values of fields from the command line, from standard input, from files and from a question."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Option, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.values import FIELD, FIELD_NAME

if TYPE_CHECKING:
    from multiflexi.services.credential_fields import Fields
    from multiflexi.services.credential_uploads import Upload


def field_options() -> list[Option]:
    direct = value("--field", help="KEY=VALUE or KEY:VALUE; also --KEY=VALUE", type=FIELD, multiple=True)
    direct.takes_upper_case = True
    return [
        direct,
        value("--field-stdin", help="Field whose value is read from standard input", type=FIELD_NAME),
        value(
            "--field-file",
            help="KEY=PATH: value is the content of a file, or the file itself where a field takes one",
            type=FIELD,
            multiple=True,
        ),
        value(
            "--field-prompt",
            help="Field whose value is asked for, without showing it",
            type=FIELD_NAME,
            multiple=True,
        ),
        value("--field-clear", help="Field whose value is removed", type=FIELD_NAME, multiple=True),
    ]


def field_values(call: Call, files: Collection[str] = ()) -> dict[str, str | None]:
    """The given values by the name of their field, None for those to be removed; one final newline is cut off.

    Fields in `files` take a file as it is and are left to `field_uploads`.
    """
    values: dict[str, str | None] = {}
    for name, text in _given(call, files):
        if name in values:
            raise wrong_use(f"The value of {name} is given more than once.")
        values[name] = text
    return values


def file_fields(call: Call, fields: Fields) -> set[str]:
    """The fields given by --field-file that take a file as it is."""
    from multiflexi.models import FieldType

    return {name for name, _ in call["field_file"] if name in fields and fields[name].type == FieldType.FILE_PATH}


def field_uploads(call: Call, files: Collection[str]) -> dict[str, Upload]:
    """The files of these fields."""
    from multiflexi.cli import definition_files
    from multiflexi.services.credential_uploads import Upload

    uploads: dict[str, Upload] = {}
    for name, path in call["field_file"]:
        if name in uploads:
            raise wrong_use(f"The value of {name} is given more than once.")
        if name in files:
            file_name = name.lower() if path == "-" else path
            uploads[name] = Upload(file_name, definition_files.read(path))
    return uploads


def warn_of_history(call: Call, fields: Fields) -> None:
    """Tell who wrote a secret on the command line."""
    names = [name for name, text in call["field"] if text and name in fields and fields[name].secret]
    if names:
        call.warn(
            f"Warning: {', '.join(names)} is secret, and the history of the shell has seen it; next time use "
            "--field-stdin, --field-file or --field-prompt."
        )


def is_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _given(call: Call, files: Collection[str]) -> Iterator[tuple[str, str | None]]:
    yield from call["field"]
    if call["field_stdin"]:
        yield call["field_stdin"], _from_input()
    for name, path in call["field_file"]:
        if name not in files:
            yield name, _from_file(path)
    for name in call["field_prompt"]:
        yield name, _asked(call, name)
    for name in call["field_clear"]:
        yield name, None


def _from_input() -> str:
    try:
        return _cut(sys.stdin.read())
    except UnicodeDecodeError as error:
        raise wrong_use("--field-stdin: standard input is not UTF-8 text; convert it.") from error


def _from_file(path: str) -> str:
    from multiflexi.cli import definition_files

    try:
        return _cut(definition_files.read(path).decode())
    except UnicodeDecodeError as error:
        raise wrong_use(f"{path} is not UTF-8 text; convert it.") from error


def _cut(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _asked(call: Call, name: str) -> str:
    import getpass

    if call.get("no_interaction") or not is_terminal():
        raise wrong_use(f"--field-prompt {name} needs a terminal to ask on; use --field-stdin or --field-file.")
    return getpass.getpass(f"{name}: ", stream=sys.stderr)
