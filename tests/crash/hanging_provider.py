"""The executor with a provider that is asked and does not answer."""

from __future__ import annotations

import sys
import threading

from daemons.executor.__main__ import main
from multiflexi import faults


class Hanging:
    """Waits for ever in its check."""

    code = "Bank"
    supplies = False

    def __init__(self) -> None:
        from multiflexi.credentials.common.provider import Common

        self.definition, self.resolve, self.expires = Common().definition, Common().resolve, Common().expires

    def check(self, given: object) -> object:
        return threading.Event().wait()


def register(_point: faults.Point) -> None:
    """At the first claim, because the registry cannot be had before the settings are there."""
    from multiflexi.credentials import registry

    registry.get = lambda _code: Hanging()  # type: ignore[assignment]


if __name__ == "__main__":
    faults.install(register)
    sys.exit(main(sys.argv[1:]))
