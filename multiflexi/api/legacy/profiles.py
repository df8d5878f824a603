"""Which shape of answers a client reads: generated ones of some versions insist on another."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.http import HttpRequest

COMPAT = "X-MultiFlexi-Compat"
VARY = f"User-Agent, {COMPAT}"
_GENERATED = re.compile(r"OpenAPI-Generator/(\d+)\.(\d+)")


@dataclass(frozen=True)
class Profile:
    """`strict`: values outside of the published types are brought into them; `arrays`: lists are never objects."""

    strict: bool = False
    arrays: bool = False


DEFAULT, SDK, SDK_1_1 = Profile(), Profile(strict=True), Profile(strict=True, arrays=True)
_BY_NAME = {"1.1": SDK_1_1, "1.4": SDK, "off": DEFAULT}


def of(request: HttpRequest) -> Profile:
    """The profile that the client names, else the one that its program is known to need."""
    named = _BY_NAME.get(request.headers.get(COMPAT, "").strip().lower())
    if named is not None:
        return named
    found = _GENERATED.match(request.headers.get("User-Agent", ""))
    if found is None:
        return DEFAULT
    return SDK_1_1 if (int(found[1]), int(found[2])) <= (1, 1) else SDK
