"""Live output: spool files become masked, numbered lines in batches, while the job runs and after it ended.

Line ends are LF, CR LF and a lone CR, so that progress bars show up as they move. A line without its end is kept back
until the end comes, the job ends, or 256 KiB are reached.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models import Max
from django.utils import timezone

from multiflexi.jobs.masked import MaskedOutput, clean_cut, clean_start, omission, stream_artifact, tail, text_tail
from multiflexi.models import JobOutputLine, LineType
from multiflexi.vault.masker import Masker

__all__ = ["Batch", "LineFeed", "MaskedOutput", "next_seq", "stream_artifact", "tail", "text_tail"]

LINE_BYTES = 16 * 1024
BATCH_LINES = 200
# Of a job that has ended nobody watches the lines come.
FINAL_LINES = 2000
# What a row costs besides its text, so that millions of empty lines do not fill the table below the cap in bytes.
ROW_COST = 64
_WINDOW = 256 * 1024
_LINE_END = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Batch:
    """Unsaved lines, and the offsets to store on the queue row in the transaction that inserts them."""

    lines: list[JobOutputLine]
    stdout_offset: int
    stderr_offset: int


@dataclass(slots=True)
class _Stream:
    """How far one spool file has been turned into lines; `omit_until` is where the tail begins after a gap.

    `end` is where the output ended with the job: a process that it left behind may go on writing, without an end.
    """

    kind: LineType
    path: Path
    offset: int
    omit_until: int | None = None
    end: int | None = None

    def size(self) -> int:
        if self.end is not None:
            return self.end
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self, length: int, start: int | None = None) -> bytes:
        begin = self.offset if start is None else start
        most = length if self.end is None else max(0, min(length, self.end - begin))
        try:
            with self.path.open("rb", buffering=0) as file:
                return os.pread(file.fileno(), most, begin)
        except FileNotFoundError:
            return b""


@dataclass(frozen=True, slots=True)
class _Block:
    """Raw bytes that end at a line end, or at a clean cut within an over-long line."""

    data: bytes
    goes_on: bool = False


class LineFeed:
    """Follows the two spool files of one job.

    `read` looks ahead, `accept` moves on once the batch is committed; a batch that was not accepted is read again, and
    a new feed with the stored offsets and `next_seq` goes on where another one was interrupted. Of more than `cap`
    bytes (rows count 64 each) the first and the last half are kept: live until the first half is full, the rest when
    the job has ended, after a line that tells how much was omitted.
    """

    def __init__(
        self,
        job_id: int,
        stdout: Path,
        stderr: Path,
        masker: Masker,
        *,
        stdout_offset: int = 0,
        stderr_offset: int = 0,
        seq: int = 1,
        cap: int = 4 * 1024 * 1024,
    ) -> None:
        self._job_id = job_id
        self._masker = masker
        self._streams = (
            _Stream(LineType.STDOUT, stdout, stdout_offset),
            _Stream(LineType.STDERR, stderr, stderr_offset),
        )
        self._seq = seq
        self._head = cap // 2
        self._tail = cap - cap // 2
        self._tail_planned = False
        self.truncated = False

    @property
    def omits(self) -> bool:
        """Whether the next batch leaves something out."""
        return any(stream.omit_until is not None for stream in self._streams)

    def read(self, *, final: bool = False, now: datetime | None = None) -> Batch | None:
        """The next batch of at most about 200 lines, or None when there is nothing to tell now.

        `final` says that the job has ended, so that unfinished lines count, and batches may be larger.
        """
        if final:
            for stream in self._streams:
                stream.end = stream.size()
        if self._head_is_full() and not self._tail_planned:
            if not final:
                return None
            self._plan_tail()
        lines: list[JobOutputLine] = []
        offsets = []
        for stream in self._streams:
            offsets.append(self._read_stream(stream, lines, final, now or timezone.now()))
        moved = any(offset != stream.offset for offset, stream in zip(offsets, self._streams, strict=True))
        return Batch(lines, *offsets) if moved else None

    def accept(self, batch: Batch) -> None:
        """Move on behind a batch whose transaction is committed."""
        self._seq += len(batch.lines)
        for stream, offset in zip(self._streams, (batch.stdout_offset, batch.stderr_offset), strict=True):
            if stream.omit_until is not None and offset >= stream.omit_until:
                stream.omit_until = None
                self.truncated = True
            stream.offset = offset

    def drain(self, *, now: datetime | None = None) -> Iterator[Batch]:
        """All remaining batches of an ended job, each accepted when the next one is asked for."""
        while (batch := self.read(final=True, now=now)) is not None:
            yield batch
            self.accept(batch)

    def _head_is_full(self) -> bool:
        return sum(stream.offset for stream in self._streams) + ROW_COST * (self._seq - 1) >= self._head

    def _read_stream(self, stream: _Stream, lines: list[JobOutputLine], final: bool, now: datetime) -> int:
        """Append lines of one stream and return the offset behind them."""
        offset = stream.offset
        most = FINAL_LINES if final else BATCH_LINES
        if stream.omit_until is not None:
            if len(lines) >= most:
                return offset
            lines.append(self._row(len(lines), stream.kind, omission(stream.omit_until - offset), False, now))
            offset = stream.omit_until
        block = self._block(stream.read(_WINDOW, offset), most - len(lines), final)
        if block is None:
            return offset
        for text, continued in self._texts(block):
            lines.append(self._row(len(lines), stream.kind, text, continued, now))
        return offset + len(block.data)

    def _block(self, window: bytes, most: int, final: bool) -> _Block | None:
        at_end = final and len(window) < _WINDOW
        end, count = 0, 0
        for match in _LINE_END.finditer(window):
            # After a CR at the very end of what is there an LF may follow, which belongs to it.
            if count == most or (match[0] == b"\r" and match.end() == len(window) and not at_end):
                break
            end, count = match.end(), count + 1
        if count < most and at_end:
            end = len(window)
        if end:
            return _Block(window[:end])
        if count < most and len(window) == _WINDOW:
            cut = _character_start(window, clean_cut(window, self._masker)) or _WINDOW
            return _Block(window[:cut], goes_on=True)
        return None

    def _texts(self, block: _Block) -> Iterator[tuple[str, bool]]:
        text = _LINE_END.sub(b"\n", block.data).replace(b"\0", b"")
        # A rest of nothing but NUL characters is a line, too, however it arrives.
        if block.data.endswith((b"\n", b"\r")):
            text = text.removesuffix(b"\n")
        # Masked first: what is no UTF-8 loses its bytes when it is decoded.
        masked, _ = self._masker.mask_bytes(text)
        for line in masked.decode(errors="replace").split("\n"):
            *cut, last = pieces(line)
            yield from ((piece, True) for piece in cut)
            yield last, block.goes_on

    def _row(self, index: int, kind: LineType, text: str, continued: bool, now: datetime) -> JobOutputLine:
        return JobOutputLine(
            job_id=self._job_id, seq=self._seq + index, type=kind, line=text, continued=continued, created_at=now
        )

    def _plan_tail(self) -> None:
        """Decide what of the rest is kept: all of it if it fits, else the end of both streams, the shorter first."""
        self._tail_planned = True
        budget = self._tail
        rest = sorted(self._streams, key=lambda stream: stream.size() - stream.offset)
        for place, stream in enumerate(rest):
            share = budget // (len(rest) - place)
            start, cost = self._tail_start(stream, share)
            budget -= cost
            if start > stream.offset:
                stream.omit_until = start

    def _tail_start(self, stream: _Stream, share: int) -> tuple[int, int]:
        """Where the tail of a stream begins, and what it costs of the share."""
        size = stream.size()
        start = max(size - share, stream.offset)
        data = stream.read(size - start, start)
        cost, kept = 0, len(data)
        for line_start in line_starts_backwards(data):
            step = kept - line_start + ROW_COST
            if cost + step > share:
                break
            cost, kept = cost + step, line_start
        if data and kept == len(data):
            with stream.path.open("rb", buffering=0) as file:
                return clean_start(file, start, share // 4, self._masker), share
        return start + kept, cost


def next_seq(job_id: int) -> int:
    """The number of the next line of a job, for a feed that goes on after an interruption."""
    return (JobOutputLine.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"] or 0) + 1


def line_starts_backwards(data: bytes) -> Iterator[int]:
    """Offsets at which lines begin, last line first, down to 0."""
    feed, carriage = len(data), len(data)
    end = len(data)
    while end > 0:
        # The line end that closes the line before `end` does not count.
        end -= 2 if data.endswith(b"\r\n", 0, end) else 1
        if feed >= end:
            feed = data.rfind(b"\n", 0, end)
        if carriage >= end:
            carriage = data.rfind(b"\r", 0, end)
        end = max(feed, carriage) + 1
        yield end


def pieces(line: str) -> list[str]:
    """A line in pieces of at most 16 KiB of UTF-8; at least one."""
    if len(line) * 4 <= LINE_BYTES or len(data := line.encode()) <= LINE_BYTES:
        return [line]
    found, start = [], 0
    while start < len(data):
        end = start + LINE_BYTES
        cut = _character_start(data, end) if end < len(data) else len(data)
        found.append(data[start:cut].decode())
        start = cut
    return found


def _character_start(data: bytes, position: int) -> int:
    """The position, or the start of the UTF-8 character that it would cut."""
    for start in range(position, max(position - 4, 0), -1):
        if start >= len(data) or data[start] & 0xC0 != 0x80:
            return start
    return position
