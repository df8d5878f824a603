"""Help and `doctor` speak the language of the caller's locale; the rest is English, because programs search it."""

from __future__ import annotations

import os
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path

ENGLISH = "en"
_CATALOGUES = Path(__file__).parents[1] / "locale"
# Of them, the first that is set and not empty names the locale (POSIX).
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def spoken() -> str:
    """The first language of the locale that there is, or English; LANGUAGE comes before a locale that is not C."""
    locale = next(filter(None, map(os.environ.get, _LOCALE)), "")
    if locale.partition(".")[0] in ("", "C", "POSIX"):
        return ENGLISH
    wanted = (each[:2].lower() for each in [*os.environ.get("LANGUAGE", "").split(":"), locale])
    return next((one for one in wanted if one == ENGLISH or (one and (_CATALOGUES / one).is_dir())), ENGLISH)


def gettext(text: str) -> str:
    """The text for people, without Django, which help does not load."""
    return _catalogue(spoken()).gettext(text) if text else text


@cache
def _catalogue(language: str) -> NullTranslations:
    return translation("django", _CATALOGUES, [language], fallback=True)
