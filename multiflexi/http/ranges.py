"""Parts of a content by the Range header of RFC 9110, streamed, so that its size does not matter."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

# More parts than this are no honest wish; the whole content is sent then.
MOST_PARTS = 16
_RANGES = re.compile(r"bytes\s*=\s*(.+)", re.IGNORECASE)
_ONE = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)

Part = tuple[int, int]
Reader = Callable[[int, int], Iterable[bytes]]


class Unsatisfiable(Exception):
    """No part of the content was asked for."""


def answer(
    request: HttpRequest, read: Reader, *, size: int, media_type: str, name: str, etag: str, changed: datetime
) -> HttpResponseBase:
    """The content, the wanted parts of it, or 304 or 416; always as a file to save, under the given name.

    `read` yields the bytes from its first up to, not including, its second argument; `etag` is quoted.
    """
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(changed, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": attachment(name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
    if _known(request, etag):
        return HttpResponse(status=304, headers=headers)
    try:
        parts = _wanted(request, size, etag, changed)
    except Unsatisfiable:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    if parts is None:
        return _sent(request, read, [(0, size)], headers | {"Content-Type": media_type, "Content-Length": str(size)})
    if len(parts) == 1:
        start, end = parts[0]
        headers |= {"Content-Type": media_type, "Content-Length": str(end - start)}
        return _sent(request, read, parts, headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}, 206)
    return _several(request, read, parts, headers, f"/{size}", media_type=media_type)


def attachment(name: str) -> str:
    """Content-Disposition by RFC 6266."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _known(request: HttpRequest, etag: str) -> bool:
    told = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    return etag in told or "*" in told


def _wanted(request: HttpRequest, size: int, etag: str, changed: datetime) -> list[Part] | None:
    """The parts, None for all of it. Raises Unsatisfiable."""
    found = _RANGES.fullmatch(request.headers.get("Range", "").strip())
    if found is None or not _is_current(request.headers.get("If-Range", ""), etag, changed):
        return None
    pieces = [_ONE.fullmatch(one.strip()) for one in found[1].split(",")]
    if len(pieces) > MOST_PARTS or not all(one and (one[1] or one[2]) for one in pieces):
        return None
    parts = [_part(one[1], one[2], size) for one in pieces if one]
    usable = [part for part in parts if part[0] < part[1]]
    if not usable:
        raise Unsatisfiable
    # Parts that overlap would make more of a content than there is.
    return usable if sum(end - start for start, end in usable) <= size else None


def _part(first: str, last: str, size: int) -> Part:
    if not first:
        return max(size - int(last), 0), size
    if last and int(last) < int(first):
        return 0, 0
    return int(first), min(int(last) + 1, size) if last else size


def _is_current(condition: str, etag: str, changed: datetime) -> bool:
    condition = condition.strip()
    if not condition or condition == etag:
        return True
    try:
        return parsedate_to_datetime(condition) == changed.replace(microsecond=0)
    except (TypeError, ValueError):
        return False


def _several(
    request: HttpRequest, read: Reader, parts: list[Part], headers: dict[str, str], of: str, *, media_type: str
) -> HttpResponseBase:
    boundary = secrets.token_hex(16)
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {start}-{end - 1}{of}\r\n\r\n".encode()
        for start, end in parts
    ]
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = sum(len(head) + end - start for head, (start, end) in zip(heads, parts, strict=True)) + len(tail)

    def pieces() -> Iterator[bytes]:
        for head, (start, end) in zip(heads, parts, strict=True):
            yield head
            yield from read(start, end)
        yield tail

    headers |= {"Content-Type": f"multipart/byteranges; boundary={boundary}", "Content-Length": str(length)}
    if request.method == "HEAD":
        return HttpResponse(status=206, headers=headers)
    return StreamingHttpResponse(pieces(), status=206, headers=headers)


def _sent(
    request: HttpRequest, read: Reader, parts: list[Part], headers: dict[str, str], status: int = 200
) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(read(*parts[0]), status=status, headers=headers)
