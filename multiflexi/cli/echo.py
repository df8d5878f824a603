"""The output of a job on the streams of whoever waits for it, as it comes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from multiflexi.cli.output.terminal import shown_on
from multiflexi.jobs import artifacts
from multiflexi.models import Artifact, Job, JobOutputLine, JobStatus, LineType

_LINE_END = re.compile(rb"\r\n?|\n")
# Stands in a line for bytes that are no UTF-8; such a line is printed from the artifact.
_REPLACED = "\ufffd"


class Echo:
    """Prints lines while the job runs, and at its end the rest from the artifacts, so that nothing is left out.

    With `out` open as a file of its own, `live` off gives it exactly the bytes of the artifact.
    """

    def __init__(self, job_id: int, out: TextIO, err: TextIO, *, live: bool = True) -> None:
        self._job_id = job_id
        self._streams = {LineType.STDOUT: _Stream(out, live), LineType.STDERR: _Stream(err, True)}
        self._seen = 0

    def look(self) -> None:
        """Print the lines that are new."""
        rows = list(JobOutputLine.objects.filter(job_id=self._job_id, seq__gt=self._seen).order_by("seq"))
        # Asked behind the lines: only while the job runs are they free of gaps.
        if not rows or not Job.objects.filter(pk=self._job_id, status=JobStatus.RUNNING).exists():
            return
        for row in rows:
            self._streams[LineType(row.type)].add(row)
        self._seen = rows[-1].seq
        self._flush()

    def finish(self) -> None:
        """Print what is left of a job that has ended."""
        for kind, stream in self._streams.items():
            artifact = Artifact.objects.filter(job_id=self._job_id, kind=kind).first()
            if artifact is not None:
                for piece in behind(artifacts.read(artifact), stream.printed):
                    stream.write(piece)
            else:
                rows = JobOutputLine.objects.filter(job_id=self._job_id, type=kind, seq__gt=self._seen)
                for row in rows.order_by("seq"):
                    stream.write(f"{row.line}{'' if row.continued else chr(10)}".encode())
        self._flush()

    def _flush(self) -> None:
        for stream in self._streams.values():
            stream.out.flush()


class _Stream:
    """One stream: where it goes, and how many complete lines are there already."""

    def __init__(self, out: TextIO, live: bool) -> None:
        self.out = out
        self.printed = 0
        self._live = live

    def add(self, row: JobOutputLine) -> None:
        """Print a line; one that is not whole or not exact, and all behind it, wait for the artifact."""
        self._live = self._live and not row.continued and _REPLACED not in row.line
        if self._live:
            self.write(f"{row.line}\n".encode())
            self.printed += 1

    def write(self, data: bytes) -> None:
        if self.out.isatty():
            self.out.write(shown_on(self.out, data.decode(errors="replace")))
        else:
            self.out.buffer.write(data)


def behind(pieces: Iterable[bytes], lines: int) -> Iterator[bytes]:
    """What follows so many complete lines."""
    held = b""
    for piece in pieces:
        if not lines:
            yield piece
            continue
        held += piece
        start = 0
        for end in _LINE_END.finditer(held):
            # An LF that belongs to a CR may come with the next piece.
            if not lines or (end[0] == b"\r" and end.end() == len(held)):
                break
            start, lines = end.end(), lines - 1
        held = held[start:]
        if not lines and held:
            yield held
            held = b""
