"""Commands of the noun "executor"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, value
from multiflexi.cli.output.results import Document

if TYPE_CHECKING:
    from multiflexi.executors.contract import Check

NOUN = Noun("executor", "Where applications run")
MARKS = {"ok": "ok  ", "warning": "warn", "error": "FAIL"}


@NOUN.command(
    "check",
    "Try out on this host what executors need",
    value("--executor", help="Only this one; default: those this installation serves", multiple=True),
    database=False,
)
def check(call: Call) -> Document:
    from multiflexi import pageless

    further = _sharing(call)
    pageless.set_up()
    from multiflexi.services import executor_check

    reports = executor_check.check(call["executor"] or (), further)
    unusable = [one["executor"] for one in reports if not one["usable"]]
    complaint = f"Not usable on this host: {', '.join(unusable)}"
    return Document(reports, lambda: _text(reports), code=1 if unusable else 0, complaint=complaint)


def _sharing(call: Call) -> list[Check]:
    """What only the database knows; without one the host is checked all the same."""
    from django.db import DatabaseError

    from multiflexi.cli import startup
    from multiflexi.environ import SettingsError

    try:
        startup.prepare(call.get("environment"), verbosity=call.verbose)
        from multiflexi.services import native_sharing

        found = native_sharing.look()
    except (SettingsError, DatabaseError) as error:
        call.warn(f"Warning: the database was not asked: {str(error).splitlines()[0]}")
        return []
    return [found] if found else []


def _text(reports: list[dict[str, Any]]) -> str:
    lines = []
    for report in reports:
        lines.append(f"{report['executor']} on {report['host']}: {'usable' if report['usable'] else 'not usable'}")
        for one in report["checks"]:
            lines.append(f"  {MARKS[one['level']]}  {one['name']}: {one['message']}")
            if one["hint"]:
                lines.append(f"        {one['hint']}")
    return "\n".join(lines)
