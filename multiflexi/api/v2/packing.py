"""Archives that are made while they are sent."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from multiflexi.models import Artifact
from multiflexi.record.actor import Actor
from multiflexi.services import artifact
from multiflexi.services.errors import NotPermitted

LEFT_OUT = "LEFT-OUT.txt"


def packed(actor: Actor, found: Sequence[Artifact]) -> Iterator[bytes]:
    """A ZIP archive of the artifacts, piece by piece; one that the actor may not have is only named.

    Raises NotPermitted at once for an actor who may download none of them.
    """
    allowed, refused = [], []
    for one in found:
        try:
            artifact.allow(actor, one)
            allowed.append(one)
        except NotPermitted as error:
            refused.append((one, error))
    if refused and not allowed:
        raise refused[0][1]
    return _pieces(allowed, [one.filename for one, _error in refused])


def _pieces(found: Sequence[Artifact], refused: Sequence[str]) -> Iterator[bytes]:
    sink: Any = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in found:
            with archive.open(_entry(one), "w", force_zip64=True) as target:
                for piece in artifact.part(one):
                    target.write(piece)
                    yield sink.taken()
        if refused:
            archive.writestr(LEFT_OUT, "".join(f"{name}\n" for name in refused))
    yield sink.taken()


def _entry(one: Artifact) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(one.filename.lstrip("/").replace("..", "_"), one.created_at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class _Sink:
    """A file that nobody can seek in, emptied as it fills."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, piece: Any) -> int:
        self._held += piece
        return len(piece)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        piece = bytes(self._held)
        self._held.clear()
        return piece
