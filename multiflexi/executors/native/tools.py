"""Programs of the system that native starts are made of."""

from __future__ import annotations

import shutil

from multiflexi.executors.contract import StartRefused

# Never the job's PATH: what builds the walls must not come from inside them.
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find(tool: str) -> str | None:
    """Path of a program of the system; None when it is not installed."""
    return shutil.which(tool, path=_SYSTEM_PATH)


def need(tool: str) -> str:
    """Path of a program of the system. Raises StartRefused with 255 when it is not installed."""
    found = find(tool)
    if found is None:
        raise StartRefused(
            255,
            "start_failed",
            f"The program {tool}, which the limits or the sandbox profile of this application need, is not installed "
            "on this host: install it or choose another profile",
        )
    return found
