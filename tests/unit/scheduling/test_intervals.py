import pytest

from multiflexi.scheduling.intervals import INTERVALS, IntervalError, cron_of, parse_interval


def test_eight_codes_carry_everything_that_belongs_to_them():
    assert {(i.code, i.word, i.cron, i.seconds, i.emoji) for i in INTERVALS.values()} == {
        ("n", "disabled", None, 0, "🔴"),
        ("i", "minutly", "* * * * *", 60, "⏳"),
        ("h", "hourly", "0 * * * *", 3600, "🕰️"),
        ("d", "daily", "0 0 * * *", 86400, "☀️"),
        ("w", "weekly", "0 0 * * 1", 604800, "📅"),
        ("m", "monthly", "0 0 1 * *", 2629743, "🌛"),
        ("y", "yearly", "0 0 1 1 *", 31556926, "🎆"),
        ("c", "custom", None, 0, "🔵"),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((interval.code, interval.code) for interval in INTERVALS.values()),
        *((interval.word, interval.code) for interval in INTERVALS.values()),
        ("minutely", "i"),
        ("manual", "n"),
        ("manually", "n"),
        ("annually", "y"),
        (" Daily ", "d"),
        ("H", "h"),
    ],
)
def test_codes_and_words_are_understood(text, code):
    assert parse_interval(text).code == code


@pytest.mark.parametrize("text", ["", "x", "fortnightly", "dd", None, 5])
def test_anything_else_is_refused_with_the_words_that_work(text):
    with pytest.raises(IntervalError, match=r"d \(daily\)"):
        parse_interval(text)


def test_expression_of_a_code():
    assert cron_of("w", "ignored") == "0 0 * * 1"
    assert cron_of("c", "5 4 * * *") == "5 4 * * *"
    assert cron_of("n", "5 4 * * *") is None


def test_a_custom_interval_without_an_expression_is_not_a_disabled_one():
    assert cron_of("c", None) == ""


def test_a_stored_word_is_not_a_code():
    with pytest.raises(IntervalError, match="'daily'"):
        cron_of("daily", None)
