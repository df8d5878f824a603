"""The executor with a provider whose mood stands in a file, and that writes down when it is asked.

`MOOD` names the file with a state; beside it, `MOOD.log` gets a line at the beginning and the end of each check.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from daemons.executor.__main__ import main
from multiflexi import faults

MOOD = "MOOD"
CHECK_SECONDS = 0.2


class Moody:
    """Says what the file says."""

    code = "Bank"

    def __init__(self, mood: Path) -> None:
        from multiflexi.credentials.common.provider import Common

        self.mood = mood
        self.definition, self.resolve, self.expires = Common().definition, Common().resolve, Common().expires

    def check(self, given: object) -> object:
        from multiflexi.credentials.contract import Result
        from multiflexi.models import Availability

        self._note("begin")
        time.sleep(CHECK_SECONDS)
        state = self.mood.read_text()
        self._note("end")
        return Result(Availability(state), f"the bank is {state}", 1.0)

    def _note(self, word: str) -> None:
        with self.mood.with_suffix(".log").open("a") as log:
            log.write(f"{word}\n")


def register(_point: faults.Point) -> None:
    """At the first claim, because the registry cannot be had before the settings are there."""
    from multiflexi.credentials import registry

    moody = Moody(Path(os.environ[MOOD]))
    registry.get = lambda _code: moody  # type: ignore[assignment]


if __name__ == "__main__":
    faults.install(register)
    sys.exit(main(sys.argv[1:]))
