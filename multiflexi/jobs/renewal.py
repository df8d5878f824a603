"""When an executor instance last renewed its leases: readable without the database, also by the next process."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_SIZE = 256


@dataclass(frozen=True)
class Renewal:
    """All leases of the instance hold until `boot_seconds + lease` at least, by the boot clock of that boot.

    `boot_seconds` is an instant before the renewal was asked for, so that what is told is never longer than the truth.
    """

    boot_id: str
    boot_seconds: float
    lease: float

    @property
    def ends(self) -> float:
        """Boot clock at the end of the leases."""
        return self.boot_seconds + self.lease


def note(path: Path, renewal: Renewal) -> None:
    """Overwrite the note in its place, so that it needs no space on a full disk once it is there. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, json.dumps(asdict(renewal)).ljust(_SIZE - 1).encode("ascii") + b"\n", 0)
    finally:
        os.close(descriptor)


def read(path: Path) -> Renewal | None:
    """Read the note; None when there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Renewal(**json.loads(path.read_bytes()))
    return None
