"""Writes artifacts: small ones many at a time, large ones in chunks as their content comes."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from typing import Any, Protocol

from django.db import connection, transaction

from multiflexi.models import CHUNK_BYTES, Artifact, ArtifactChunk, ArtifactStorage

# Rows go to the database in statements of about this size: MariaDB takes 16 MiB by default, text escaping included.
_STATEMENT_BYTES = 4 * 1024 * 1024
_STATEMENT_CHUNKS = 2


def fill(artifact: Artifact, content: bytes) -> None:
    """Complete an unsaved artifact whose content lies in its row."""
    artifact.artifact = content
    artifact.size = len(content)
    artifact.sha256 = hashlib.sha256(content).hexdigest()


class Rows:
    """Complete rows on their way into the database, in statements of limited size."""

    def __init__(self) -> None:
        self._rows: list[Artifact] = []
        self._bytes = 0

    def add(self, artifact: Artifact) -> None:
        """Take a row; it may be written now or later."""
        self._rows.append(artifact)
        self._bytes += artifact.size
        if self._bytes >= _STATEMENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        Artifact.objects.bulk_create(self._rows)
        self._rows, self._bytes = [], 0


class Writer:
    """Takes the content of one artifact inside a transaction; more than 1 MiB goes into chunk rows as it comes.

    Nothing is written before the first chunk is full; from then on a savepoint allows to undo it alone.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._hash = hashlib.sha256()
        self._size = 0
        self._buffer = bytearray()
        self._chunks: _Chunks = _Copied() if connection.vendor == "postgresql" else _Inserted()
        self._seq = 0
        self._savepoint: str | None = None

    @property
    def is_chunked(self) -> bool:
        """Whether the artifact was written here, row and chunks."""
        return self._seq > 0

    def write(self, data: bytes) -> None:
        """Take the next piece of content."""
        self._hash.update(data)
        self._size += len(data)
        self._buffer += data
        while len(self._buffer) > CHUNK_BYTES:
            with memoryview(self._buffer) as view:
                chunk = bytes(view[:CHUNK_BYTES])
            self._add_chunk(chunk)
            del self._buffer[:CHUNK_BYTES]

    def close(self) -> None:
        """Complete the artifact; a small one is left to be written by `Rows`."""
        self._artifact.size = self._size
        self._artifact.sha256 = self._hash.hexdigest()
        if not self.is_chunked:
            self._artifact.artifact = bytes(self._buffer)
            return
        self._add_chunk(bytes(self._buffer))
        self._chunks.close()
        self._artifact.save()
        if self._savepoint is not None:
            transaction.savepoint_commit(self._savepoint)

    def undo(self) -> None:
        """Take back what was written of this artifact; the transaction goes on."""
        self._chunks.abandon()
        if self._savepoint is not None:
            transaction.savepoint_rollback(self._savepoint)
            transaction.set_rollback(False)

    def _add_chunk(self, data: bytes) -> None:
        if not self.is_chunked:
            self._savepoint = transaction.savepoint()
            self._artifact.storage = ArtifactStorage.CHUNKS
            self._artifact.save(force_insert=True)
        self._chunks.add(ArtifactChunk(artifact_id=self._artifact.pk, seq=self._seq, data=data))
        self._seq += 1


class _Chunks(Protocol):
    """Chunk rows on their way into the database."""

    def add(self, chunk: ArtifactChunk) -> None:
        """Take the next row."""

    def close(self) -> None:
        """All of them are to be there."""

    def abandon(self) -> None:
        """None of them is wanted; the savepoint is rolled back next."""


class _Inserted:
    """Some rows in a statement."""

    def __init__(self) -> None:
        self._rows: list[ArtifactChunk] = []

    def add(self, chunk: ArtifactChunk) -> None:
        self._rows.append(chunk)
        if len(self._rows) >= _STATEMENT_CHUNKS:
            self.close()

    def close(self) -> None:
        ArtifactChunk.objects.bulk_create(self._rows)
        self._rows = []

    def abandon(self) -> None:
        self._rows = []


class _Copied:
    """One COPY: the server stores a chunk while the next one is read and masked here.

    Binary, because an INSERT carries bytes as hexadecimal text, which is three to four times slower. No other statement
    is possible until it is over.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._copy: Any = None

    def add(self, chunk: ArtifactChunk) -> None:
        # Django wraps the errors of a cursor, not those of what it returns.
        with connection.wrap_database_errors:
            if self._copy is None:
                table = connection.ops.quote_name(ArtifactChunk._meta.db_table)
                cursor = self._open.enter_context(connection.cursor())
                statement = f"COPY {table} (artifact_id, seq, data) FROM STDIN (FORMAT BINARY)"
                self._copy = self._open.enter_context(cursor.copy(statement))
                self._copy.set_types(["int8", "int4", "bytea"])
            self._copy.write_row((chunk.artifact_id, chunk.seq, chunk.data))

    def close(self) -> None:
        with connection.wrap_database_errors:
            self._open.close()

    def abandon(self) -> None:
        why = RuntimeError("the artifact is not wanted")
        with connection.wrap_database_errors:
            self._open.__exit__(RuntimeError, why, None)
