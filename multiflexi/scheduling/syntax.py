"""The grammar of cron expressions: five fields in plain numbers out of macros, names and words."""

import re
from dataclasses import dataclass

LONGEST = 255

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_TERM = re.compile(r"(?P<base>\*|(?P<start>\w+)(?:-(?P<end>\w+))?)(?:/(?P<step>\w+))?", re.ASCII)
_NEAREST = re.compile(r"(\d+)W|W(\d+)", re.ASCII)
_LAST_WEEKDAY_OF_MONTH = re.compile(r"(\w+)L", re.ASCII)
_NTH_WEEKDAY = re.compile(r"(\w+)#(\w+)", re.ASCII)


class CronError(ValueError):
    """A cron expression that cannot be used; says which one, the rule it breaks and the way out."""

    def __init__(self, expression: object, rule: str, way_out: str):
        self.expression, self.rule, self.way_out = expression, rule, way_out
        shown = repr(expression if not isinstance(expression, str) or len(expression) <= 80 else expression[:79] + "…")
        super().__init__(f"Cron expression {shown}: {rule}. {way_out}.")


class _Broken(Exception):
    """Rule and way out of a broken field, before it is known which expression it belongs to."""

    def __init__(self, rule: str, way_out: str):
        super().__init__(rule)
        self.rule, self.way_out = rule, way_out


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.names:
            return self.names.index(text) + self.low
        words = f" or {self.names[0]}–{self.names[-1]}" if self.names else ""
        if not (text.isdigit() and self.low <= int(text) <= self.high):
            raise _Broken(
                f"{text!r} does not fit the field {self.name}",
                f"Use {self.low}–{self.high}{words}, with * , - / between them",
            )
        return int(text)


MINUTE = _Field("minute", 0, 59)
HOUR = _Field("hour", 0, 23)
DAY = _Field("day of month", 1, 31)
MONTH = _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
WEEKDAY = _Field("day of week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True, slots=True)
class Fields:
    """Five fields in numbers."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str

    def __str__(self) -> str:
        return f"{self.minute} {self.hour} {self.day} {self.month} {self.weekday}"

    @property
    def nearest(self) -> frozenset[int]:
        """The days n of the terms nW."""
        return frozenset(int(term[:-1]) for term in self.day.split(",") if _is_nearest(term))

    @property
    def day_without_nearest(self) -> str:
        """The day-of-month field without its terms nW; may be empty."""
        return ",".join(term for term in self.day.split(",") if not _is_nearest(term))


def read(expression: str) -> Fields:
    """The five fields of an expression or macro, names replaced by numbers. Raises CronError.

    Accepted beyond numbers, lists, ranges and steps: names of months and weekdays, `L`, `LW` and `nW` as day of
    month, `nL` and `n#k` as day of week, and `?` for `*` in these two.
    """
    if not isinstance(expression, str) or not expression.strip():
        raise CronError(
            expression, "it is empty", "Write five fields such as 0 6 * * MON-FRI, or a macro such as @daily"
        )
    if len(expression) > LONGEST:
        raise CronError(
            expression,
            f"it has {len(expression)} characters and at most {LONGEST} are stored",
            "Shorten it, or split it into two run templates",
        )
    words = _without_macro(expression).upper().split()
    if len(words) != len(FIELDS):
        raise CronError(
            expression,
            f"it has {len(words)} fields instead of five",
            "Write minute, hour, day of month, month and day of week; seconds and years are not supported",
        )
    try:
        texts = [_plain_field(word, field) for word, field in zip(words, FIELDS, strict=True)]
    except _Broken as broken:
        raise CronError(expression, broken.rule, broken.way_out) from None
    return Fields(*texts)


def _is_nearest(term: str) -> bool:
    return term.endswith("W") and term != "LW"


def _without_macro(expression: str) -> str:
    word = expression.strip().lower()
    if not word.startswith("@"):
        return expression
    if word == "@reboot":
        raise CronError(
            expression, "a start of the machine is not a point in time", "Use an event, or a schedule such as @daily"
        )
    if word not in MACROS:
        raise CronError(expression, "there is no such macro", f"Use one of {' '.join(MACROS)}")
    return MACROS[word]


def _plain_field(word: str, field: _Field) -> str:
    if word == "?" and field in (DAY, WEEKDAY):
        return "*"
    return ",".join(_plain_term(term, field) for term in word.split(","))


def _plain_term(term: str, field: _Field) -> str:
    if field is DAY:
        if term in ("L", "LW", "WL"):
            return "L" if term == "L" else "LW"
        if found := _NEAREST.fullmatch(term):
            return f"{field.number(found[1] or found[2])}W"
    if field is WEEKDAY:
        if found := _NTH_WEEKDAY.fullmatch(term):
            return f"{field.number(found[1])}#{_ordinal(found[2])}"
        if found := _LAST_WEEKDAY_OF_MONTH.fullmatch(term):
            return f"{field.number(found[1])}L"
    return _plain_range(term, field)


def _ordinal(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise _Broken(f"{text!r} after # is not a week of a month", "Use 1–5, for example FRI#3 for the third Friday")
    return int(text)


def _plain_range(term: str, field: _Field) -> str:
    found = _TERM.fullmatch(term)
    if not found:
        raise _Broken(
            f"{term!r} cannot be read as {field.name}",
            f"Use numbers {field.low}–{field.high} with * , - / between them, such as */2 or {field.low}-{field.high}",
        )
    step = f"/{_step(found['step'], field)}" if found["step"] else ""
    if found["base"] == "*":
        return f"*{step}"
    start = field.number(found["start"])
    if not found["end"]:
        return f"{start}{step}"
    end = 7 if field is WEEKDAY and found["end"] == "SUN" and start else field.number(found["end"])
    if end < start:
        raise _Broken(
            f"the range {found['base']} of the field {field.name} runs backwards",
            f"Write it as two ranges: {start}-{field.high},{field.low}-{end}",
        )
    return f"{start}-{end}{step}"


def _step(text: str, field: _Field) -> int:
    if not text.isdigit() or int(text) == 0:
        raise _Broken(f"the step /{text} of the field {field.name} is not a number above zero", "Use for example */15")
    return int(text)
