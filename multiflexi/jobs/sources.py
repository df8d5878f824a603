"""Where the content of artifacts comes from; each source pours it out once and completes the row's description."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from multiflexi.jobs import beneath, mime
from multiflexi.jobs.collect import Found, members
from multiflexi.jobs.masked import stream_artifact
from multiflexi.models import Artifact
from multiflexi.vault.masker import Masker

_READ = 256 * 1024
Write = Callable[[bytes], object]


class Source(Protocol):
    """Content that is read when it is stored, not before."""

    def pour(self, artifact: Artifact, write: Write) -> None:
        """Write all content and complete the artifact. Raises OSError."""


@dataclass(frozen=True, slots=True)
class OutputSource:
    """A spool file, masked."""

    path: Path
    masker: Masker
    cap: int

    def pour(self, artifact: Artifact, write: Write) -> None:
        masked = stream_artifact(self.path, self.masker, self.cap)
        for chunk in masked:
            write(chunk)
        artifact.masked_spans = masked.masked_spans
        artifact.truncated = masked.truncated


@dataclass(frozen=True, slots=True)
class FileSource:
    """A result file, unaltered but searched for secrets."""

    found: Found
    masker: Masker

    def pour(self, artifact: Artifact, write: Write) -> None:
        head = bytearray()

        def keep(data: bytes) -> None:
            if len(head) < mime.SAMPLE:
                head.extend(data[: mime.SAMPLE])
            write(data)

        artifact.contains_secret = _searched(_file_chunks(self.found, self.found.entry), self.masker, keep)
        artifact.content_type = mime.detect(artifact.filename, bytes(head))


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A directory as a zip archive of its regular files; searched before they are compressed."""

    found: Found
    masker: Masker

    def pour(self, artifact: Artifact, write: Write) -> None:
        artifact.content_type = "application/zip"
        depth = len(self.found.entry.parts)
        with zipfile.ZipFile(_Sink(write), "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members(self.found):
                info = zipfile.ZipInfo("/".join(member.parts[depth:]).encode("utf-8", "replace").decode())
                info.date_time = _zip_time(member.modified)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o600 << 16
                with archive.open(info, "w", force_zip64=member.size >= 2**31) as target:
                    found_here = _searched(_file_chunks(self.found, member), self.masker, target.write)
                artifact.contains_secret = artifact.contains_secret or found_here


class _Sink:
    """A file to write to and nothing else, so that an archive can be streamed."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, data: bytes, /) -> int:
        self._write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Everything is handed on at once."""

    def close(self) -> None:
        """Whoever takes the data knows when it ends."""


def _file_chunks(found: Found, entry: beneath.Entry) -> Iterator[bytes]:
    """The file as large as it was when it was found: what still writes to it can neither stretch nor stall this."""
    descriptor = beneath.open_file(found.root, entry.parts)
    try:
        left = entry.size
        while left > 0 and (data := os.read(descriptor, min(_READ, left))):
            left -= len(data)
            yield data
    finally:
        os.close(descriptor)


def _searched(chunks: Iterator[bytes], masker: Masker, write: Write) -> bool:
    """Write all chunks and tell whether a secret is in them."""

    def written() -> Iterator[bytes]:
        for chunk in chunks:
            write(chunk)
            yield chunk

    passing = written()
    found = masker.found_in(passing)
    for _ in passing:
        """The search stops at the first secret, the file does not."""
    return found


def _zip_time(modified: float) -> tuple[int, int, int, int, int, int]:
    moment = datetime.fromtimestamp(modified, UTC)
    return (min(max(moment.year, 1980), 2107), moment.month, moment.day, moment.hour, moment.minute, moment.second)
