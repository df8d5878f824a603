"""Storing and reading back: bytes, chunks, secrets, repetition, statements."""

import hashlib
import io
import os
import random
import zipfile

import pytest

from multiflexi.jobs import artifacts, storing
from multiflexi.models import CHUNK_BYTES, Artifact, ArtifactChunk
from tests.integration.artifacts.conftest import SECRET, Ended

MIB = 1024 * 1024


def content(artifact, *span):
    return b"".join(artifacts.read(artifact, *span))


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def test_output_reads_back_identical_except_counted_masks(ended):
    ended.output(b"\0\xff\r\n" + SECRET.encode() + b"!\n", b"fine\n")
    kept = ended.keep()
    out, err = ended.artifacts().values()
    mask = "••••••••".encode()
    assert content(out) == b"\0\xff\r\n" + mask + b"!\n"
    assert (out.masked_spans, out.contains_secret, err.masked_spans) == (1, False, 0)
    assert out.sha256 == hashlib.sha256(content(out)).hexdigest()
    assert (kept.stdout_bytes, kept.stderr_bytes) == (len(SECRET) + 6, 5)
    assert kept.stdout_tail == "\ufffd\r\n••••••••!\n"
    assert kept.stderr_tail == "fine\n"
    assert not kept.truncated


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 5 * MIB + 7])
def test_files_of_any_size_read_back_identical(ended, promise, size):
    promise("data")
    data = noise(size)
    ended.file("data", data)
    ended.keep()
    kept = ended.artifacts()["data"]
    assert content(kept) == data
    assert (kept.size, kept.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert kept.storage == ("row" if size <= MIB else "chunks")
    assert (kept.artifact is None) == (size > MIB)
    sizes = [len(bytes(row.data)) for row in ArtifactChunk.objects.filter(artifact=kept).order_by("seq")]
    assert sizes == ([] if size <= MIB else [MIB] * ((size - 1) // MIB) + [(size - 1) % MIB + 1])


@pytest.mark.parametrize("size", [1000, 3 * MIB + 10])
def test_ranges(ended, promise, size, queries):
    promise("data")
    data = noise(size)
    ended.file("data", data)
    ended.keep()
    kept = ended.artifacts()["data"]
    for start, end in [(0, 1), (5, 5), (7, 3), (size - 1, None), (0, size + 5), (size, None), (size // 2, size - 3)]:
        assert content(kept, start, end) == data[start:end]
    if size > MIB:
        assert content(kept, MIB - 1, 2 * MIB + 1) == data[MIB - 1 : 2 * MIB + 1]
        with queries(1):
            assert content(kept, 2 * MIB, 2 * MIB + 10) == data[2 * MIB : 2 * MIB + 10]


@pytest.mark.parametrize("size", [100, 100_000, 3 * MIB])
def test_a_result_file_with_a_secret_is_flagged_and_unaltered(ended, promise, size):
    promise(".*")
    data = noise(size)
    secret = data[: size // 2] + SECRET.encode() + data[size // 2 :]
    ended.file("with", secret)
    ended.file("without", data)
    ended.keep()
    kept = ended.artifacts()
    assert kept["with"].contains_secret
    assert not kept["without"].contains_secret
    assert content(kept["with"]) == secret
    assert kept["with"].masked_spans == 0


def test_a_directory_is_kept_as_an_archive(ended, promise):
    promise("^statements$", "directory", en="Statements")
    ended.file("statements/2026/a.txt", b"one")
    ended.file("statements/b.txt", SECRET.encode())
    (ended.dir / "statements" / "link").symlink_to("/etc/passwd")
    ended.file("other.txt")
    ended.keep()
    kept = ended.artifacts()["statements.zip"]
    assert (kept.content_type, kept.note, kept.contains_secret) == ("application/zip", "Statements", True)
    with zipfile.ZipFile(io.BytesIO(content(kept))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "2026/a.txt": b"one",
            "b.txt": SECRET.encode(),
        }


def test_the_whole_job_directory_as_an_archive(ended, promise):
    promise(".", "directory")
    ended.file("a.txt", noise(3 * MIB))
    ended.file("sub/b.txt")
    ended.file("inputs/CERT/key.pem")
    ended.keep()
    assert list(ended.artifacts()) == ["stdout.txt", "stderr.txt", "files.zip"]
    with zipfile.ZipFile(io.BytesIO(content(ended.artifacts()["files.zip"]))) as archive:
        assert archive.namelist() == ["a.txt", "sub/b.txt"]


def test_large_output_is_cut_and_marked(ended, settings):
    settings.MULTIFLEXI_OUTPUT_ARTIFACT_MAX_BYTES = 100_000
    ended.output(b"line\n" * 100_000)
    kept = ended.keep()
    out = ended.artifacts()["stdout.txt"]
    assert out.truncated
    assert kept.truncated
    assert b"bytes omitted" in content(out)
    assert kept.stdout_bytes == 500_000


def test_large_output_is_streamed_into_chunks_masked(ended):
    line = b"some words and " + SECRET.encode() + b"\n"
    ended.output(line * (3 * MIB // len(line)))
    kept = ended.keep()
    out = ended.artifacts()["stdout.txt"]
    assert out.storage == "chunks"
    assert out.masked_spans == 3 * MIB // len(line)
    assert SECRET.encode() not in content(out)
    assert len(kept.stdout_tail.encode()) <= 64 * 1024
    assert kept.stdout_tail.endswith("some words and ••••••••\n")


def test_a_repetition_neither_duplicates_nor_replaces(ended, promise):
    promise("data|small")
    ended.file("data", noise(2 * MIB))
    ended.file("small", b"first")
    ended.keep()
    before = list(Artifact.objects.order_by("id").values_list("id", "filename", "sha256"))
    ended.file("small", b"second")
    ended.keep()
    assert list(Artifact.objects.order_by("id").values_list("id", "filename", "sha256")) == before
    assert ArtifactChunk.objects.count() == 2


def test_a_repetition_completes_what_is_missing(ended, promise):
    promise("data|small")
    ended.file("data", noise(2 * MIB))
    ended.file("small", b"first")
    ended.keep()
    Artifact.objects.filter(filename="data").delete()
    ended.keep()
    assert content(ended.artifacts()["data"]) == noise(2 * MIB)


def test_an_error_in_the_middle_of_a_large_file_leaves_nothing_of_it(ended, promise, monkeypatch):
    promise(".*")
    ended.file("a", noise(4 * MIB))
    ended.file("b", noise(2 * MIB))
    real = os.read
    calls = []

    def failing(descriptor, size):
        calls.append(1)
        if len(calls) == 12:
            raise OSError(5, "Input/output error")
        return real(descriptor, size)

    [kept] = artifacts.build([ended.left])
    monkeypatch.setattr("multiflexi.jobs.sources.os.read", failing)
    artifacts.save([kept])
    assert list(ended.artifacts()) == ["b", "stdout.txt", "stderr.txt"]
    assert set(ArtifactChunk.objects.values_list("artifact__filename", flat=True)) == {"b"}
    assert "a was not kept: Input/output error" in kept.collect_error


def test_deleting_the_job_deletes_everything(ended, promise):
    promise("data")
    ended.file("data", noise(2 * MIB))
    ended.keep()
    ended.job.delete()
    assert not Artifact.objects.exists()
    assert not ArtifactChunk.objects.exists()


def test_a_batch_of_jobs_takes_a_handful_of_statements(make_job, promise, tmp_path, queries):
    promise(".*")
    batch = [Ended(make_job(), tmp_path) for _ in range(100)]
    for ended in batch:
        ended.output(b"some output\n")
        ended.file("a.json", b"{}")
        ended.file("b.csv", b"a;b\n")
    with queries(2):
        kept = artifacts.build([ended.left for ended in batch])
    # One SELECT, the savepoints, and for SQLite an INSERT per 1,000 variables.
    with queries(12):
        artifacts.save(kept)
    assert Artifact.objects.count() == 400


def test_statements_stay_below_the_packet_limit(make_job, promise, tmp_path, monkeypatch):
    sizes = []
    real = Artifact.objects.bulk_create

    def counted(rows, **more):
        sizes.append(sum(row.size for row in rows))
        return real(rows, **more)

    monkeypatch.setattr(storing.Artifact.objects, "bulk_create", counted)
    batch = [Ended(make_job(), tmp_path) for _ in range(8)]
    for number, ended in enumerate(batch):
        ended.output(noise(MIB - 10, number))
    artifacts.save(artifacts.build([ended.left for ended in batch]))
    assert max(sizes) <= 5 * MIB
    assert sum(sizes) == 8 * (MIB - 10)


def test_chunk_size_is_what_offsets_count_in():
    assert CHUNK_BYTES == MIB
