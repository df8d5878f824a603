"""What every database keeps: texts without NUL and halves of characters, numbers of 64 bits, all of it bounded."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.services.errors import invalid_field

DEPTH = 32
# A body of a few megabytes would else keep a process busy for half a minute.
MOST = 100_000
LARGEST = 2**63
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def check(value: Any) -> None:
    """Raise ValueError, with the rule, for a value of JSON that some database does not keep or that has too many."""
    waiting, seen = [(value, 0)], 1
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            check_text(one)
        elif isinstance(one, int | float):
            if not (math.isfinite(one) if isinstance(one, float) else -LARGEST <= one < LARGEST):
                raise ValueError(_("a number is too large."))
        elif isinstance(one, dict | list):
            seen += len(one)
            if depth == DEPTH or seen > MOST:
                raise ValueError(
                    _("at most %(depth)d levels and %(most)d values are read.") % {"depth": DEPTH, "most": MOST}
                )
            for name in one if isinstance(one, dict) else ():
                check_text(name)
            waiting += ((inner, depth + 1) for inner in (one.values() if isinstance(one, dict) else one))


def check_text(text: str) -> None:
    """Raise ValueError, with the rule, for a text that some database does not keep."""
    if _UNSTORABLE.search(text):
        raise ValueError(_("a text contains characters that cannot be stored; leave them out."))


def settings(value: Any) -> Any:
    """Settings that may be given as JSON text, as the JSON value. Raises Invalid."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise invalid_field("settings", "the text is no JSON; give a JSON object or leave it empty.") from None
    try:
        check(found)
    except ValueError as error:
        raise invalid_field("settings", str(error)) from None
    return found
