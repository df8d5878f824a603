"""The command "doctor"."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from multiflexi.cli import language
from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Document
from multiflexi.cli.values import Number

NOUN = Noun("", "The health of the installation")
MARKS = {"ok": "ok  ", "warning": "warn", "error": "FAIL", "skipped": "-   "}
WAIT = 10


@NOUN.command(
    "doctor",
    "Look at the health of the installation, with the way out beside each finding",
    value("--only", help="Only these groups, such as database or queue", multiple=True),
    value("--timeout", help="Seconds to wait for each service outside", type=Number(1)),
    database=False,
)
def doctor(call: Call) -> Document:
    from django.utils import translation

    from multiflexi.services import doctor as service

    groups = [name.strip() for one in call["only"] or () for name in one.split(",") if name.strip()]
    for name in groups:
        if name not in service.GROUPS:
            raise wrong_use(f'There is no group "{name}"; use some of {", ".join(service.GROUPS)}.')
    has_settings = _brought_up(call)
    # Broken settings cannot even be asked for languages.
    with translation.override(language.spoken()) if has_settings and call.format == "text" else nullcontext():
        page = service.look(groups, timeout=call["timeout"] or WAIT, has_settings=has_settings)
    wrong = [f"{one['group']}: {one['name']}" for one in page["checks"] if one["state"] == "error"]
    return Document(page, lambda: _text(page), code=1 if wrong else 0, complaint=f"Errors: {'; '.join(wrong)}")


def _brought_up(call: Call) -> bool:
    """Whether the settings are usable; what is wrong with them is among the findings."""
    from multiflexi.cli import startup
    from multiflexi.environ import SettingsError, SettingsFileError

    try:
        startup.prepare(call.get("environment"), verbosity=call.verbose)
    except SettingsFileError:
        raise
    except SettingsError:
        return False
    return True


def _text(page: dict[str, Any]) -> str:
    lines = []
    for one in page["checks"]:
        lines.append(f"{MARKS[one['state']]}  {one['group']}: {one['name']}: {one['message']}")
        if one["hint"]:
            lines.append(f"      -> {one['hint']}")
    return "\n".join([*lines, f"Status: {page['status']}"])
