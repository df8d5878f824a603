"""Whether the executors can do their work on this host; needs no database."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from multiflexi import __version__
from multiflexi.executors import registry
from multiflexi.executors.contract import Check
from multiflexi.services.errors import invalid_field


def check(names: Sequence[str], further: Sequence[Check] = ()) -> list[dict[str, Any]]:
    """Try the named executors, else those this installation serves; `further` are findings about Native.

    Raises Invalid for an unknown name.
    """
    try:
        wanted = [registry.canonical(name) for name in names or settings.MULTIFLEXI_EXECUTORS or registry.names()]
    except registry.UnknownExecutor as error:
        raise invalid_field("executor", f"{error}.") from None
    return [_report(name, further if name == "Native" else ()) for name in dict.fromkeys(wanted)]


def _report(name: str, further: Sequence[Check]) -> dict[str, Any]:
    found = [*registry.get(name).self_check(), *further]
    return {
        "executor": name,
        "usable": all(one.level != "error" for one in found),
        "host": socket.gethostname(),
        "version": __version__,
        "checks": [
            {
                "name": one.name,
                "ok": one.level == "ok",
                "level": one.level,
                "message": one.message,
                "hint": one.hint,
            }
            for one in found
        ],
    }
