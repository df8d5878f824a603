"""Values as they are recorded."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils.translation import gettext_lazy

from multiflexi.models import Company, JobStatus
from multiflexi.record.plain import clean_text, plain

PRAGUE_SUMMER = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (1.5, 1.5),
        (5.0, 5),
        (-0.0, 0),
        (1e22, "1e+22"),
        (1e-7, "1e-07"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("a\0b", "a�b"),
        ("\ud800", "?"),
        (datetime(2025, 3, 30, 3, 0, tzinfo=PRAGUE_SUMMER), "2025-03-30T01:00:00.000000+00:00"),
        (datetime(2025, 3, 30, 3, 0, 0, 5, tzinfo=UTC), "2025-03-30T03:00:00.000005+00:00"),
        (date(2025, 3, 30), "2025-03-30"),
        (Decimal("1.10"), "1.10"),
        (Path("/tmp"), "/tmp"),
        (gettext_lazy("Failed"), "Failed"),
        (JobStatus.FAILED, "failed"),
        (Company(pk=3), 3),
        ({"b", "a"}, ["a", "b"]),
        ((1, {"x": (2,)}), [1, {"x": [2]}]),
        ({1: "one"}, {"1": "one"}),
    ],
)
def test_plain(value, recorded):
    result = plain(value)
    assert result == recorded
    assert type(result) is type(recorded)


def test_ordinary_text_is_not_touched():
    assert clean_text("Příliš žluťoučký 𝄞\r\n") == "Příliš žluťoučký 𝄞\r\n"
