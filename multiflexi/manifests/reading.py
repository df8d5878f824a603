"""From bytes to a JSON object: encoding, syntax, limits, repeated keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from multiflexi.manifests.findings import Finding, Level, Unreadable, pointer

MAX_FILE_BYTES = 1024 * 1024
MAX_NESTING = 20
MAX_STRING_BYTES = 64 * 1024
MAX_NUMBER = 2**63

_BOM = b"\xef\xbb\xbf"
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True)
class Source:
    """A parsed file: its object and what was odd about the way it was written."""

    document: dict[str, Any]
    findings: tuple[Finding, ...]


def read(data: bytes) -> Source:
    """Parse a definition file.

    Whole numbers written with a fraction or exponent become integers. Raises Unreadable, with line and column
    for syntax errors; sizes are limited as this module says.
    """
    findings: list[Finding] = []
    if len(data) > MAX_FILE_BYTES:
        _refuse(f"the file has {len(data)} bytes; at most {MAX_FILE_BYTES} are accepted")
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
        findings.append(Finding("", "the file begins with a byte order mark, which JSON does not allow; remove it"))
    text = _decoded(data)
    _refuse_deep_nesting(text)
    repeated: dict[int, tuple[dict[str, Any], list[str]]] = {}
    document = _parsed(text, repeated)
    if not isinstance(document, dict):
        _refuse("the file holds no JSON object; a definition is written in braces")
    findings += _walked(document, repeated)
    fatal = [finding for finding in findings if finding.level == Level.FATAL]
    if fatal:
        raise Unreadable(*fatal)
    return Source(document, tuple(findings))


def _refuse(message: str) -> NoReturn:
    raise Unreadable(Finding("", message, Level.FATAL))


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        _refuse("the file is encoded as UTF-16 or UTF-32; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        _refuse(f"line {line}, byte {column}: the file is not UTF-8; save it in that encoding")


def _refuse_deep_nesting(text: str) -> None:
    """Counted before parsing, because the parser itself would run out of stack."""
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        mark = match[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_NESTING:
            _refuse(f"{_place(text, match.start())}: nested deeper than {MAX_NESTING} levels")


def _place(text: str, offset: int) -> str:
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - text.rfind(chr(10), 0, offset)}"


def _parsed(text: str, repeated: dict[int, tuple[dict[str, Any], list[str]]]) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            names = [name for name, _ in pairs]
            # The object is kept beside its id, which would be used again once it were gone.
            repeated[id(built)] = (built, sorted({name for name in names if names.count(name) > 1}))
        return built

    if not text.strip():
        _refuse("line 1, column 1: the file is empty")
    try:
        return json.loads(
            text, object_pairs_hook=build, parse_float=_fraction, parse_int=_whole, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        _refuse(f"line {error.lineno}, column {error.colno}: not JSON: {reason}")


def _fraction(text: str) -> float | int:
    value = float(text)
    if not abs(value) < MAX_NUMBER:
        _refuse(f"the number {text[:40]} is out of range; write it as a text")
    return int(value) if value.is_integer() else value


def _whole(text: str) -> int:
    if len(text) > 20 or not -MAX_NUMBER <= int(text) < MAX_NUMBER:
        _refuse(f"the number {text[:40]} is out of range; write it as a text")
    return int(text)


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is no JSON value")


def _walked(document: Any, repeated: dict[int, tuple[dict[str, Any], list[str]]]) -> Iterator[Finding]:
    """Findings on every object, key and text of the document."""
    waiting: list[tuple[Any, tuple[object, ...]]] = [(document, ())]
    while waiting:
        value, steps = waiting.pop()
        if isinstance(value, dict):
            for name in repeated.get(id(value), (None, []))[1]:
                yield Finding(pointer(*steps, name), "the key is written more than once; the last one counts")
            for name in value:
                yield from _bad_text(name, (*steps, name))
            waiting += [(child, (*steps, name)) for name, child in value.items()]
        elif isinstance(value, list):
            waiting += [(child, (*steps, index)) for index, child in enumerate(value)]
        elif isinstance(value, str):
            yield from _bad_text(value, steps)


def _bad_text(text: str, steps: tuple[object, ...]) -> Iterator[Finding]:
    path = pointer(*steps).encode("utf-8", "replace").decode()
    if "\0" in text:
        yield Finding(path, "contains a NUL character, which no database keeps", Level.FATAL)
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        yield Finding(path, "contains half of a surrogate pair, which is no character", Level.FATAL)
        return
    if size > MAX_STRING_BYTES:
        message = f"is {size} bytes long; a text may have at most {MAX_STRING_BYTES}"
        yield Finding(path[:200], message, Level.FATAL)
