"""Conditional requests: which state of a record a caller has seen.

A tag is the hash of the whole record; an answer in another shape or language has a suffix, which `If-Match` ignores.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from multiflexi.api.v2.frame.problems import PreconditionFailed

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def tag_of(whole: Any) -> str:
    """The tag of a record in its whole shape, without quotes."""
    return hashlib.sha256(JSONRenderer().render(whole)).hexdigest()[:32]


def variant(request: Request, language: str) -> str:
    """What an answer's tag adds to that of the record; empty for the whole record in the main language."""
    asked = {name: request.query_params[name] for name in ("fields", "omit", "expand") if name in request.query_params}
    if not asked and language == "en":
        return ""
    return "-" + hashlib.sha256(repr((sorted(asked.items()), language)).encode()).hexdigest()[:8]


def demand(request: Request, tag: str) -> None:
    """Raise PreconditionFailed unless the caller has seen the present record (`If-Match`) or does not care."""
    told = request.headers.get("If-Match")
    if told is None or told.strip() == "*":
        return
    # A weak tag never matches here (RFC 9110, 13.1.1).
    strong = [one for one in told.split(",") if not one.strip().startswith("W/")]
    seen = {found.partition("-")[0] for one in strong for found in _TAG.findall(one)}
    if tag not in seen:
        raise PreconditionFailed(_("Somebody else changed the record; read it again and repeat your change."))
