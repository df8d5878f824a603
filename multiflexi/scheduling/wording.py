"""Cron expressions in words, by cron-descriptor, with the gaps of its Czech catalogue filled."""

import calendar
import re
from functools import lru_cache

from cron_descriptor import ExpressionDescriptor, Options

# The library's Czech lacks the names of days and months and some phrases, and takes weekdays for weekends. These
# forms keep every name in the nominative, because the library puts one name into all of them.
_CZECH = {
    "At": "V",
    "At ": "V ",
    ", only on {0}": ", jen {0}",
    ", or on {0}": ", nebo {0}",
    ", only in {0}": ", jen {0}",
    ", {0} through {1}": ", {0} až {1}",
    ", month {0} through month {1}": ", {0} až {1}",
    ", hour {0} through hour {1}": ", hodina {0} až {1}",
    ", minute {0} through minute {1}": ", minuta {0} až {1}",
    ", on day {0} of the month": ", {0}. den v měsíci",
    ", between day {0} and {1} of the month": ", {0}. až {1}. den v měsíci",
    ", on the {0} of the month": ", {0} v měsíci",
    ", on the last {0} of the month": ", poslední {0} v měsíci",
    ", on the last day of the month": ", poslední den v měsíci",
    ", on the last weekday of the month": ", poslední pracovní den v měsíci",
    ", on the ": ", ",
    " {0} of the month": " {0} v měsíci",
    "first": "1.",
    "second": "2.",
    "third": "3.",
    "fourth": "4.",
    "fifth": "5.",
    "first weekday": "první pracovní den",
    "weekday nearest day {0}": "pracovní den nejbližší {0}. dni",
    "starting {0}": "počínaje {0}",
    ", starting {0}": ", počínaje {0}",
}
_CZECH_NAMES = (
    *("pondělí", "úterý", "středa", "čtvrtek", "pátek", "sobota", "neděle"),
    *("leden", "únor", "březen", "duben", "květen", "červen"),
    *("červenec", "srpen", "září", "říjen", "listopad", "prosinec"),
)
_ENGLISH_NAMES = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LOCALES = {"en": "en_US", "cs": "cs_CZ"}


class _Czech(ExpressionDescriptor):
    def translate(self, message: str) -> str:
        return _CZECH.get(message) or super().translate(message)


@lru_cache(maxsize=1024)
def words_for(expression: str, language: str) -> str:
    """The meaning of a checked five-field expression; the expression itself where words would mislead."""
    if _words_would_mislead(expression):
        return expression
    language = language[:2].lower()
    options = Options(locale_code=_LOCALES.get(language, "en_US"), use_24hour_time_format=True)
    if language == "cs":
        return _named(_Czech(expression, options).get_full_description(), _CZECH_NAMES)
    return _named(ExpressionDescriptor(expression, options).get_full_description(), _ENGLISH_NAMES)


def _words_would_mislead(expression: str) -> bool:
    """Forms that the library reads otherwise than cron does: lists with L, W and #, weekday steps, starred days."""
    _, _, day, _, weekday = expression.split()
    special_in_list = any("," in field and re.search(r"[LW#]", field) for field in (day, weekday))
    both_must_match = weekday != "*" and day.startswith("*/")
    return special_in_list or "/" in weekday or both_must_match


def _named(sentence: str, names: tuple[str, ...]) -> str:
    # The library takes the names from the locale of the process, whatever language it was asked for.
    local = (*calendar.day_name, *list(calendar.month_name)[1:])
    translated = dict(zip(local, names, strict=True))
    return re.sub(r"\w+", lambda word: translated.get(word[0], word[0]), sentence)
