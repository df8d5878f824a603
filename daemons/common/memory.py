"""The daemon's own memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path

MIB = 1 << 20


def resident_mb() -> int:
    """Resident memory of this process in MiB; its peak where the system does not tell the present value."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return pages * os.sysconf("SC_PAGE_SIZE") // MIB
