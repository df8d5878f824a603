"""Who a definition is: its UUID, given or derived, and the short code of an application."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import PurePosixPath

from multiflexi.manifests.kinds import Kind

MAX_CODE = 32

# MariaDB takes a third group from 8 on beside a fourth one below 8 for swapped halves, and refuses it.
_UUID = re.compile(r"(?!.{14}[89a-f].{4}[0-7])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE = re.compile(r"[A-Za-z0-9_-]+")


def is_uuid(text: str | None) -> bool:
    """Whether a text is a UUID in its usual form of 36 characters that every database can keep."""
    return bool(text and _UUID.fullmatch(text.strip().lower()))


def definition_uuid(kind: Kind, literal: str | None, key: str) -> uuid.UUID:
    """UUID of a definition: the given one, else a version 5 UUID of the literal text or, without one, of `key`.

    The same file therefore always meets the same record.
    """
    text = (literal or "").strip().lower()
    if is_uuid(text):
        return uuid.UUID(text)
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://multiflexi.eu/{kind.value}/{text or key}")


def application_uuid(literal: str | None, executable: str, english_name: str) -> uuid.UUID:
    """UUID of an application from the text a person or file gave for it, if any."""
    return definition_uuid(Kind.APPLICATION, literal, f"{executable}|{english_name}")


def code_slug(executable: str) -> str:
    """Short code derived from the base name of an executable."""
    name = PurePosixPath(executable).name.lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:MAX_CODE].rstrip("-") or "application"


def is_code(text: str) -> bool:
    """Whether a given code can be kept as it is."""
    return len(text) <= MAX_CODE and bool(_CODE.fullmatch(text))


def unique_code(wanted: str, taken: Callable[[str], bool]) -> str:
    """The wanted code, or the first of `wanted-2`, `wanted-3` … that is free."""
    code, number = wanted, 1
    while taken(code):
        number += 1
        suffix = f"-{number}"
        code = wanted[: MAX_CODE - len(suffix)] + suffix
    return code
