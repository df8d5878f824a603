"""The masked form of a spool file: streamed for the artifact, and its end for the job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from multiflexi.vault.masker import Masker

_READ = 64 * 1024
# Cuts are made at a line end within this many bytes if there is one; no secret form is longer in practice.
_REACH = 64 * 1024


def stream_artifact(path: Path, masker: Masker, cap: int) -> MaskedOutput:
    """The masked content of a spool file, to be iterated once.

    Byte-identical except for masked spans, which are counted, and except for the middle of a file larger than `cap`
    bytes, which is replaced by one marker line.
    """
    return MaskedOutput(path, masker, cap)


class MaskedOutput:
    """Iterates over masked chunks of about 64 KiB; the figures are final after the iteration."""

    def __init__(self, path: Path, masker: Masker, cap: int) -> None:
        self._path = path
        self._masker = masker
        self._cap = cap
        self.raw_size = 0
        self.masked_spans = 0
        self.truncated = False

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            self.raw_size = os.fstat(file.fileno()).st_size
            if self.raw_size <= self._cap:
                yield from self._masked(file, 0, self.raw_size)
                return
            self.truncated = True
            half = self._cap // 2
            head_end = _clean_end(file, half, self._masker)
            tail_start = clean_start(file, self.raw_size - half, half // 4, self._masker)
            yield from self._masked(file, 0, head_end)
            yield f"\n{omission(tail_start - head_end)}\n".encode()
            yield from self._masked(file, tail_start, self.raw_size)

    def _masked(self, file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
        stream = self._masker.stream()
        while start < end and (data := _read(file, start, min(_READ, end - start))):
            start += len(data)
            masked = stream.feed(data)
            if masked:
                yield masked
        rest = stream.finish()
        if rest:
            yield rest
        self.masked_spans += stream.count


def omission(size: int) -> str:
    """The text that stands for bytes left out."""
    return f"--- {size} bytes omitted ---"


def clean_cut(data: bytes, masker: Masker) -> int:
    """Where data may be cut without cutting a secret: after its last line end, else where no secret is unfinished."""
    line_end = data.rfind(b"\n") + 1
    if line_end:
        return line_end
    for cut in range(len(data), 0, -1):
        stream = masker.stream()
        stream.feed(data[:cut])
        count = stream.count
        rest = stream.finish()
        if stream.count == count:
            return cut - len(rest)
    return 0


def clean_start(file: BinaryIO, start: int, reach: int, masker: Masker) -> int:
    """An offset near `start` from which no part of a secret is read: the next line within `reach`, else before it."""
    line_end = _read(file, start, min(reach, _REACH)).find(b"\n") + 1
    if line_end:
        return start + line_end
    return _clean_end(file, start, masker)


def _clean_end(file: BinaryIO, limit: int, masker: Masker) -> int:
    start = max(limit - _REACH, 0)
    return start + clean_cut(_read(file, start, limit - start), masker)


def tail(path: Path, masker: Masker, limit: int) -> str:
    """The masked last `limit` bytes of a spool file as text that every database takes."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        start = clean_start(file, size - limit, limit // 4, masker) if size > limit else 0
        stream = masker.stream()
        return text_tail(stream.feed(_read(file, start, size - start)) + stream.finish(), masker, limit)


def text_tail(masked: bytes, masker: Masker, limit: int) -> str:
    """The last `limit` bytes of masked output as text without NUL characters, which PostgreSQL refuses."""
    if b"\0" in masked:
        # Characters on both sides of a NUL come together and may only now make up a secret.
        masked = masker.mask_bytes(masked.replace(b"\0", b""))[0]
    text = masked[-limit:].decode(errors="replace") if len(masked) > limit else masked.decode(errors="replace")
    encoded = text.encode()
    return encoded[-limit:].decode(errors="ignore") if len(encoded) > limit else text


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    """Up to `length` bytes at an offset; less at the end of the file only."""
    parts = []
    while length > 0 and (data := os.pread(file.fileno(), length, start)):
        parts.append(data)
        start += len(data)
        length -= len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
