"""The output of a job as lines: live ones while it runs, from its artifacts when those are gone."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Collection, Iterator
from typing import NamedTuple

from multiflexi.jobs import artifacts, output
from multiflexi.models import Artifact, ArtifactKind, Job, JobOutputLine


class Line(NamedTuple):
    """One line without its newline; `seq` runs over both streams."""

    seq: int
    type: str
    line: str
    created_at: object


def lines(
    job: Job, *, after: int = 0, stream: str | None = None, tail: int | None = None, types: Collection[str] = ()
) -> Iterator[Line]:
    """Stored lines with a number above `after`, of one stream, some types or all, at most the last `tail`."""
    rows = JobOutputLine.objects.filter(job=job, seq__gt=after)
    wanted = {stream} if stream else set(types)
    if wanted:
        rows = rows.filter(type__in=wanted)
    found = list(rows.order_by("-seq")[:tail])[::-1] if tail else rows.order_by("seq").iterator()
    for row in found:
        yield Line(row.seq, row.type, row.line, row.created_at)


def has_lines(job: Job) -> bool:
    return JobOutputLine.objects.filter(job=job).exists()


def kept_lines(job: Job, *, stream: str | None = None, tail: int | None = None) -> Iterator[Line]:
    """The lines of the stream artifacts of an ended job, standard output first."""
    kinds = [stream] if stream else [ArtifactKind.STDOUT.value, ArtifactKind.STDERR.value]
    number = 0
    for kind in kinds:
        artifact = Artifact.objects.filter(job=job, kind=kind).first()
        if artifact is None:
            continue
        texts = _texts(artifact)
        for text in deque(texts, maxlen=tail) if tail else texts:
            number += 1
            yield Line(number, kind, text, artifact.created_at)


def _texts(artifact: Artifact) -> Iterator[str]:
    """The lines of an artifact, read piece by piece; bytes that are no UTF-8 are replaced, endless lines are cut."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in artifacts.read(artifact):
        *complete, rest = (rest + decoder.decode(piece)).split("\n")
        for line in complete:
            yield from output.pieces(line)
        # Held back is less than a piece, so that a line as long as the artifact takes no more memory than others.
        *cut, rest = output.pieces(rest)
        yield from cut
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest
