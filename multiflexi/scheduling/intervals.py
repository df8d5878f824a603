"""The eight cadence codes of a run template."""

from dataclasses import dataclass


class IntervalError(ValueError):
    """An interval that is none of the eight."""

    def __init__(self, given: object):
        known = ", ".join(f"{interval.code} ({interval.word})" for interval in INTERVALS.values())
        super().__init__(f"Interval {given!r} is not known. Use one of: {known}.")


@dataclass(frozen=True, slots=True)
class Interval:
    """One code with everything that belongs to it.

    `word` is the original's spelling and stored in `job.schedule_type`; `seconds` serves monitoring payloads
    only, because windows follow the calendar; `cron` is None where the code has no fixed expression.
    """

    code: str
    word: str
    cron: str | None
    seconds: int
    emoji: str
    aliases: tuple[str, ...] = ()


INTERVALS: dict[str, Interval] = {
    interval.code: interval
    for interval in (
        Interval("n", "disabled", None, 0, "🔴", ("manual", "manually")),
        Interval("i", "minutly", "* * * * *", 60, "⏳", ("minutely",)),
        Interval("h", "hourly", "0 * * * *", 3600, "🕰️"),
        Interval("d", "daily", "0 0 * * *", 86400, "☀️"),
        Interval("w", "weekly", "0 0 * * 1", 604800, "📅"),
        Interval("m", "monthly", "0 0 1 * *", 2629743, "🌛"),
        Interval("y", "yearly", "0 0 1 1 *", 31556926, "🎆", ("annually",)),
        Interval("c", "custom", None, 0, "🔵"),
    )
}

_BY_NAME = {
    name: interval for interval in INTERVALS.values() for name in (interval.code, interval.word, *interval.aliases)
}


def parse_interval(text: str) -> Interval:
    """The interval of a code or a word, in any letter case. Raises IntervalError."""
    found = _BY_NAME.get(text.strip().lower()) if isinstance(text, str) else None
    if found is None:
        raise IntervalError(text)
    return found


def cron_of(code: str, cron: str | None) -> str | None:
    """The cron expression a code stands for: its own, `cron` for custom ('' when there is none), None when disabled.

    Raises IntervalError for anything but the eight codes; a stored code is never a word.
    """
    interval = INTERVALS.get(code)
    if interval is None:
        raise IntervalError(code)
    return cron or "" if code == "c" else interval.cron
