"""The variable that names the result file, and where that file lies."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import PurePosixPath

NAME = "RESULT_FILE"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def variable(names: Container[str], named_by_definition: str) -> str | None:
    """Which variable holds the result file: RESULT_FILE, else the one that an old definition names."""
    if NAME in names:
        return NAME
    return named_by_definition if named_by_definition and named_by_definition in names else None


def place(text: str, directory: str) -> str:
    """The value handed to the process: relative names made absolute in the job's directory, `scheme://` untouched."""
    if not text or _SCHEME.match(text):
        return text
    return str(PurePosixPath(directory) / text)


def path_of(values: Mapping[str, str], named_by_definition: str) -> str | None:
    """The path in an environment at which a result file is to be looked for; None when it goes elsewhere."""
    name = variable(values, named_by_definition)
    text = values[name] if name else ""
    return text if text and not _SCHEME.match(text) else None
