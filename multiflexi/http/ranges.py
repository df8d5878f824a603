"""Files as answers: whole, in parts (RFC 9110, 14), or not at all because the caller has them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date

MOST_PARTS = 16
# What a browser would run with the rights of our pages.
ACTIVE = re.compile(r"html|svg|xml|javascript|ecmascript", re.IGNORECASE)
_PART = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
Span = tuple[int, int]


@dataclass(frozen=True)
class File:
    """What is sent; `read` gives the bytes from a start up to, not including, an end."""

    name: str
    media_type: str
    size: int
    tag: str
    modified: datetime
    read: Callable[[int, int], Iterator[bytes]]
    inline: bool = False

    @property
    def validators(self) -> dict[str, str]:
        return {"ETag": f'"{self.tag}"', "Last-Modified": http_date(self.modified.timestamp())}


def sent(request: HttpRequest, file: File) -> HttpResponseBase:
    """The answer to a request for a file: 200, 206, 304 or 416."""
    if is_known(request, file.tag) or _unchanged_since(request, file):
        return HttpResponse(status=304, headers=file.validators)
    spans = _wanted(request, file)
    if spans is None:
        response = _streamed(request, file.read(0, file.size), 200, file.media_type, file.size)
    elif not spans:
        response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    elif len(spans) == 1:
        start, end = spans[0]
        response = _streamed(request, file.read(start, end), 206, file.media_type, end - start)
        response["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    else:
        response = _several(request, file, spans)
    for name, value in _headers(file).items():
        response[name] = value
    return response


def is_known(request: HttpRequest, tag: str) -> bool:
    """Whether the caller has this answer already (`If-None-Match`); the tag is without quotes."""
    told = request.headers.get("If-None-Match", "")
    return told.strip() == "*" or tag in _TAG.findall(told)


def _headers(file: File) -> dict[str, str]:
    attachment = not file.inline or ACTIVE.search(file.media_type)
    return {
        **file.validators,
        "Accept-Ranges": "bytes",
        "Content-Disposition": _disposition("attachment" if attachment else "inline", file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }


def _disposition(kind: str, name: str) -> str:
    """By RFC 6266, with a plain name for programs that read only that."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    also = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{also}'


def _wanted(request: HttpRequest, file: File) -> list[Span] | None:
    """The parts asked for: None for the whole file, empty when none of them is in it."""
    told = request.headers.get("Range", "").strip()
    unit, _, listed = told.partition("=")
    if request.method != "GET" or unit.strip().lower() != "bytes" or not _holds(request, file):
        return None
    parts = [part.strip() for part in listed.split(",") if part.strip()]
    found = []
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None or part == "-" or (match[1] and match[2] and int(match[1]) > int(match[2])):
            # A header that cannot be read counts as none.
            return None
        if span := _span(match[1], match[2], file.size):
            found.append(span)
    # Parts that overlap would make more of a file than there is.
    if not parts or len(found) > MOST_PARTS or sum(end - start for start, end in found) > file.size:
        return None
    return found


def _span(first: str, last: str, size: int) -> Span | None:
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def _holds(request: HttpRequest, file: File) -> bool:
    """Whether the parts that the caller has belong to this file (`If-Range`)."""
    told = request.headers.get("If-Range", "").strip()
    if not told:
        return True
    if told.startswith(('"', "W/")):
        return told == f'"{file.tag}"'
    return told == file.validators["Last-Modified"]


def _unchanged_since(request: HttpRequest, file: File) -> bool:
    told = request.headers.get("If-Modified-Since")
    if not told or "If-None-Match" in request.headers:
        return False
    try:
        return file.modified.replace(microsecond=0) <= parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return False


def _several(request: HttpRequest, file: File, spans: Sequence[Span]) -> HttpResponseBase:
    border = secrets.token_hex(16)
    heads = [
        f"\r\n--{border}\r\nContent-Type: {file.media_type}\r\n"
        f"Content-Range: bytes {start}-{end - 1}/{file.size}\r\n\r\n".encode()
        for start, end in spans
    ]
    tail = f"\r\n--{border}--\r\n".encode()
    length = sum(map(len, heads)) + sum(end - start for start, end in spans) + len(tail)

    def pieces() -> Iterator[bytes]:
        for head, (start, end) in zip(heads, spans, strict=True):
            yield head
            yield from file.read(start, end)
        yield tail

    return _streamed(request, pieces(), 206, f"multipart/byteranges; boundary={border}", length)


def _streamed(
    request: HttpRequest, pieces: Iterator[bytes], status: int, media_type: str, length: int
) -> HttpResponseBase:
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=media_type)
    else:
        response = StreamingHttpResponse(pieces, status=status, content_type=media_type)
    response["Content-Length"] = str(length)
    return response
