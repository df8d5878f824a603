import pytest

from multiflexi.scheduling.cron import CronError, describe


@pytest.mark.parametrize(
    ("expression", "english", "czech"),
    [
        ("* * * * *", "Every minute", "Každou minutu"),
        ("@hourly", "Every hour", "Každou hodinu"),
        ("@daily", "At 00:00", "V 00:00"),
        ("0 0 * * MON", "At 00:00, only on Monday", "V 00:00, jen pondělí"),
        (
            "*/15 9-17 * * MON-FRI",
            "Every 15 minutes, between 09:00 and 17:59, Monday through Friday",
            "Každých 15 minut, mezi 09:00 a 17:59, pondělí až pátek",
        ),
        ("0 6 1 5,9 *", "At 06:00, on day 1 of the month, only in May and September",
         "V 06:00, 1. den v měsíci, jen květen a září"),
        ("0 6 1W * *", "At 06:00, on the first weekday of the month", "V 06:00, první pracovní den v měsíci"),
        ("0 6 15W * *", "At 06:00, on the weekday nearest day 15 of the month",
         "V 06:00, pracovní den nejbližší 15. dni v měsíci"),
        ("0 6 LW * *", "At 06:00, on the last weekday of the month", "V 06:00, poslední pracovní den v měsíci"),
        ("0 6 * * WED#2", "At 06:00, on the second Wednesday of the month", "V 06:00, 2. středa v měsíci"),
        ("0 6 * * FRIL", "At 06:00, on the last Friday of the month", "V 06:00, poslední pátek v měsíci"),
        ("0 6 13 * 5", "At 06:00, on day 13 of the month, or on Friday", "V 06:00, 13. den v měsíci, nebo pátek"),
        ("5/10 * * * *", "Every 10 minutes, starting at 5 minutes past the hour",
         "Každých 10 minut, počínaje v minutě 5"),
    ],
)  # fmt: skip
def test_expressions_in_words(expression, english, czech):
    assert describe(expression, "en") == english
    assert describe(expression, "cs") == czech


@pytest.mark.parametrize(
    "expression", ["0 0 1W,15W * *", "0 0 * * 5#3,1", "0 0 * * 1-5/2", "0 0 */2 * 1", "0 0 L,15 * *"]
)
def test_what_words_would_get_wrong_stays_an_expression(expression):
    assert describe(expression, "cs") == expression


def test_other_languages_get_english():
    assert describe("@daily", "sk") == describe("@daily", "en-GB") == "At 00:00"


def test_a_wrong_expression_is_refused():
    with pytest.raises(CronError):
        describe("0 0 31 2 *", "en")
