"""Artifacts: what a job leaves behind, from the end of its process to the bytes a download asks for.

`build` looks at the files of a batch of ended jobs, `save` stores what it found, `read` gives it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from multiflexi.jobs import storing
from multiflexi.jobs.collect import collect
from multiflexi.jobs.masked import tail, text_tail
from multiflexi.jobs.promises import promises
from multiflexi.jobs.queue import is_passing
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.sources import ArchiveSource, FileSource, OutputSource, Source
from multiflexi.models import (
    CHUNK_BYTES,
    AppArtifact,
    Artifact,
    ArtifactChunk,
    ArtifactKind,
    ArtifactStorage,
    Job,
)
from multiflexi.vault.masker import Masker

# Content up to this size is read at once; more of it stays in its file until it is stored.
_INLINE = 16 * 1024
_WARNINGS_SHOWN = 50
_NOTES = {ArtifactKind.STDOUT: "Standard output", ArtifactKind.STDERR: "Standard error"}


@dataclass(frozen=True)
class Leftovers:
    """What one ended job left: its spool files and its directory; no directory if it was never started."""

    job: Job
    stdout: Path
    stderr: Path
    resolved: Resolved
    job_dir: Path | None = None


@dataclass
class Piece:
    """An unsaved artifact; with a source its content is read when it is stored."""

    artifact: Artifact
    source: Source | None = None


@dataclass
class Kept:
    """What is kept of one job: unsaved artifacts, and the figures for its row."""

    job_id: int
    pieces: list[Piece] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stdout_tail: str = ""
    stderr_tail: str = ""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    truncated: bool = False

    @property
    def collect_error(self) -> str | None:
        """The text for `job.collect_error`; complete after `save`."""
        if not self.warnings:
            return None
        beyond = len(self.warnings) - _WARNINGS_SHOWN
        shown = self.warnings[:_WARNINGS_SHOWN]
        return "\n".join([*shown, _("And %(count)d more.") % {"count": beyond}] if beyond > 0 else shown)


def build(batch: Sequence[Leftovers]) -> list[Kept]:
    """Look at the files of ended jobs: standard output and error, RESULT_FILE, then promised files.

    Two queries for the batch, nothing is written. `app` and `company` must be loaded with the jobs. Whatever cannot
    be kept becomes a warning; no file of a job affects another one.
    """
    definitions = _definitions({left.job.app_id for left in batch if left.job_dir is not None})
    return [_kept(left, definitions[left.job.app_id]) for left in batch]


def save(batch: Sequence[Kept]) -> None:
    """Store the artifacts of a batch in one transaction; what is stored already stays as it is.

    A few statements for many small artifacts; large ones are streamed, with at most a few MiB in memory. A file that
    cannot be read becomes a warning of its job.
    """
    with transaction.atomic():
        jobs = [kept.job_id for kept in batch]
        stored = set(Artifact.objects.filter(job_id__in=jobs).values_list("job_id", "filename"))
        rows = storing.Rows()
        for kept in batch:
            for piece in kept.pieces:
                if (kept.job_id, piece.artifact.filename) not in stored:
                    _store(piece, kept, rows)
        rows.flush()


def read(artifact: Artifact, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The content from byte `start` up to, not including, byte `end`, in pieces of at most 1 MiB."""
    start, end = max(start, 0), artifact.size if end is None else min(end, artifact.size)
    if start >= end:
        return
    if artifact.storage == ArtifactStorage.ROW:
        yield bytes(artifact.artifact or b"")[start:end]
        return
    for seq in range(start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES + 1):
        # One short query each: a slow download must hold neither a cursor nor the whole file.
        data = bytes(ArtifactChunk.objects.values_list("data", flat=True).get(artifact_id=artifact.pk, seq=seq))
        offset = seq * CHUNK_BYTES
        yield data[max(start - offset, 0) : end - offset]


def _definitions(app_ids: Iterable[int]) -> dict[int, list[AppArtifact]]:
    found: dict[int, list[AppArtifact]] = defaultdict(list)
    for row in AppArtifact.objects.filter(app_id__in=app_ids).prefetch_related("translations").order_by("id"):
        found[row.app_id].append(row)
    return found


def _kept(left: Leftovers, definitions: Sequence[AppArtifact]) -> Kept:
    masker = left.resolved.masker()
    kept = Kept(left.job.pk)
    kept.stdout_bytes, kept.stdout_tail = _output(kept, ArtifactKind.STDOUT, left.stdout, masker)
    kept.stderr_bytes, kept.stderr_tail = _output(kept, ArtifactKind.STDERR, left.stderr, masker)
    if left.job_dir is not None and (definitions or left.resolved.result_file):
        expected = promises(definitions, left.resolved, left.job.company.language)
        collection = collect(left.job, left.job_dir, left.resolved, expected, masker)
        kept.warnings.extend(collection.warnings)
        for found in collection.found:
            artifact = Artifact(
                job_id=left.job.pk,
                filename=found.filename,
                kind=found.kind,
                note=found.note,
                app_artifact_id=found.definition_id,
            )
            source = ArchiveSource if found.entry.is_directory else FileSource
            _add(kept, Piece(artifact, source(found, masker)), found.entry.size)
    return kept


def _output(kept: Kept, kind: ArtifactKind, path: Path, masker: Masker) -> tuple[int, str]:
    """Add a stream's artifact; returns the bytes produced and the tail for the job's row."""
    artifact = Artifact(job_id=kept.job_id, filename=f"{kind}.txt", kind=kind, note=_NOTES[kind])
    cap, limit = settings.MULTIFLEXI_OUTPUT_ARTIFACT_MAX_BYTES, settings.MULTIFLEXI_OUTPUT_TAIL_BYTES
    piece = Piece(artifact, OutputSource(path, masker, cap))
    if not path.exists():
        kept.warnings.append(_("%(name)s is empty because its spool file is gone.") % {"name": artifact.filename})
        kept.truncated = True
    try:
        size = path.stat().st_size if path.exists() else 0
        if size == 0:
            storing.fill(artifact, b"")
            piece.source = None
        _add(kept, piece, size)
        is_read = piece.source is None
        end = text_tail(bytes(artifact.artifact or b""), masker, limit) if is_read else tail(path, masker, limit)
    except OSError as error:
        kept.warnings.append(_unreadable(artifact, error))
        return 0, ""
    kept.truncated = kept.truncated or size > cap
    return size, end


def _add(kept: Kept, piece: Piece, size: int) -> None:
    """Take a piece, small content at once."""
    if size <= _INLINE and piece.source is not None:
        parts: list[bytes] = []
        try:
            piece.source.pour(piece.artifact, parts.append)
        except OSError as error:
            kept.warnings.append(_unreadable(piece.artifact, error))
            return
        storing.fill(piece.artifact, b"".join(parts))
        piece.source = None
    kept.pieces.append(piece)


def _store(piece: Piece, kept: Kept, rows: storing.Rows) -> None:
    if piece.source is None:
        rows.add(piece.artifact)
        return
    writer = storing.Writer(piece.artifact)
    try:
        piece.source.pour(piece.artifact, writer.write)
        writer.close()
    except Exception as error:
        writer.undo()
        if not isinstance(error, OSError | DatabaseError) or is_passing(error):
            raise
        kept.warnings.append(_unreadable(piece.artifact, error))
        return
    if not writer.is_chunked:
        rows.add(piece.artifact)


def _unreadable(artifact: Artifact, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return _("%(name)s was not kept: %(error)s") % {"name": artifact.filename, "error": reason}
