"""What the file may say of a company, a credential type, a credential and a run template, and of which kind it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from multiflexi.jobs.fields import parse_bool
from multiflexi.services.blueprint.tree import Spot

FORMAT = "multiflexi/1"
Reader = Callable[[Spot], Any]


def text(spot: Spot) -> str:
    """A text; null is the empty one."""
    if isinstance(spot.content, str | None):
        return spot.content or ""
    raise spot.error(_("give a text."))


def truth(spot: Spot) -> bool:
    try:
        return parse_bool(_word(spot))
    except ValueError:
        raise spot.error(_("give true or false.")) from None


def number(spot: Spot) -> int:
    word = _word(spot)
    if not (word.isascii() and word.removeprefix("-").isdigit() and len(word) < 19):
        raise spot.error(_("give a whole number."))
    return int(word)


def optional_number(spot: Spot) -> int | None:
    return None if spot.content is None else number(spot)


def number_or_nothing(spot: Spot) -> int | str:
    """A whole number; null empties the column."""
    return "" if spot.content is None else number(spot)


def decimal(spot: Spot) -> Decimal:
    try:
        return Decimal(_word(spot))
    except InvalidOperation:
        raise spot.error(_("give a number.")) from None


def decimal_or_nothing(spot: Spot) -> Decimal | str:
    return "" if spot.content is None else decimal(spot)


def moment(spot: Spot) -> datetime:
    try:
        found = parse_datetime(_word(spot))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise spot.error(_("give a time with its zone, such as 2026-03-01T08:00:00+01:00."))
    return found


def words(spot: Spot) -> list[str]:
    if spot.content is None:
        return []
    if not isinstance(spot.content, list):
        raise spot.error(_("give a list."))
    return [text(one) for one in spot.content]


def codes(spot: Spot) -> list[int] | str:
    if spot.content is None:
        return ""
    return sorted({number(one) for one in listed(spot)})


def document(spot: Spot) -> Any:
    """Any JSON as a text."""
    if not isinstance(spot.content, str | None):
        raise spot.error(_("give the JSON as a text between single quotes."))
    try:
        return json.loads(spot.content) if spot.content else None
    except ValueError:
        raise spot.error(_("this text is no JSON; correct it.")) from None


def listed(spot: Spot | None) -> list[Spot]:
    """The members of a list; an absent one has none."""
    if spot is None or spot.content is None:
        return []
    if not isinstance(spot.content, list):
        raise spot.error(_("give a list: one entry per line, each beginning with a dash."))
    return spot.content


def members(spot: Spot, known: Mapping[str, Any] | set[str], what: str) -> dict[str, Spot]:
    """The members of a mapping. Raises Invalid for one that does not exist there."""
    if not isinstance(spot.content, dict):
        raise spot.error(_("here is %(what)s; write NAME: value lines.") % {"what": what})
    for name, one in spot.content.items():
        if name not in known:
            raise one.error(
                _("%(what)s has no %(name)s; possible are %(known)s.")
                % {"what": what, "name": name, "known": ", ".join(sorted(known))},
                "unknown_member",
            )
    return spot.content


def columns(found: Mapping[str, Spot], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Typed values of the members that are plain columns."""
    return {name: reader(found[name]) for name, reader in readers.items() if name in found}


def needed(found: Mapping[str, Spot], name: str, spot: Spot) -> str:
    """The text of a member that has to be there. Raises Invalid."""
    if name in found and (given := text(found[name]).strip()):
        return given
    raise spot.error(_("%(name)s is missing; give it.") % {"name": name})


def _word(spot: Spot) -> str:
    return spot.content.strip() if isinstance(spot.content, str) else ""


COMPANY: dict[str, Reader] = {
    "name": text,
    "slug": text,
    "enabled": truth,
    "ic": text,
    "dic": text,
    "email": text,
    "phone": text,
    "zabbix_host": text,
    "timezone": text,
    "language": text,
    "color": text,
    "max_running": optional_number,
    "settings": document,
    "logo": text,
}
COMPANY_PARTS = {"environment", "applications", "credential_types", "credentials", "run_templates"}

TYPE: dict[str, Reader] = {"name": text, "url": text, "gate_on_degraded": truth}
TYPE_PARTS = {"kind", "values", "fixed"}

CREDENTIAL: dict[str, Reader] = {"name": text, "note": text}
CREDENTIAL_PARTS = {"kind", "type", "values"}

TEMPLATE: dict[str, Reader] = {
    "name": text,
    "note": text,
    "active": truth,
    "executor": text,
    "interval": text,
    "cron": text,
    "timezone": text,
    "delay": number,
    "jitter": number,
    "valid_from": moment,
    "valid_to": moment,
    "skip_days": words,
    "catch_up": text,
    "overlap": text,
    "max_parallel": number_or_nothing,
    "priority": number,
    "deadline_offset": text,
    "allow_late": truth,
    "manual_fulfils": truth,
    "max_retries": number,
    "retry_delay": number,
    "retry_backoff": text,
    "retry_on_exit_codes": codes,
    "time_limit": number_or_nothing,
    "kill_grace": number_or_nothing,
    "memory_limit_mb": number_or_nothing,
    "pids_limit": number_or_nothing,
    "file_limit_mb": number_or_nothing,
    "output_limit_mb": number_or_nothing,
    "cpu_limit": decimal_or_nothing,
    "slow_factor": decimal,
}
TEMPLATE_PARTS = {"application", "values", "credentials"}
# The file says it in words; the column has an older name.
COLUMN_OF = {"interval": "interv"}
