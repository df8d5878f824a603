"""Texts of definitions in the language of the caller: by `?lang=`, else by `Accept-Language`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from rest_framework.request import Request

from multiflexi.services.errors import BadQuery

MAIN = "en"
EVERY = "*"
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})?")


def spoken(request: Request) -> str:
    """The language asked for, `*` for all of them. Raises BadQuery."""
    told = request.query_params.get("lang")
    if told is None:
        return _accepted(request.headers.get("Accept-Language", ""))
    if told != EVERY and not _TAG.fullmatch(told):
        raise BadQuery('lang: use a language such as "cs", or * for all of them.', "unknown_language")
    return told.lower().replace("_", "-")


def own_language(language: str) -> str:
    """The language of messages: the one asked for where MultiFlexi speaks it, else the main one."""
    base = language.partition("-")[0]
    return base if base in dict(settings.LANGUAGES) else MAIN


def text(main: Any, translations: Iterable[Any], name: str, language: str) -> Any:
    """A text in the language, else the main one; for `*` all of them by language."""
    found = {one.lang: getattr(one, name) for one in translations if getattr(one, name)}
    if language == EVERY:
        return found or {MAIN: main}
    return found.get(language) or found.get(language.partition("-")[0]) or main


def _accepted(header: str) -> str:
    best, weight = MAIN, 0.0
    for part in header.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            asked = float(quality or 1)
        except ValueError:
            continue
        if _TAG.fullmatch(tag) and asked > weight:
            best, weight = tag.lower().replace("_", "-"), asked
    return best
