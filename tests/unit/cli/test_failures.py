"""Errors of the database as the command line tells them: without values and without statements."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError, ProgrammingError

from multiflexi.cli import startup


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            DataError("value too long for type character varying(5): 'hunter22'\nLINE 1: INSERT INTO company"),
            "value_does_not_fit",
        ),
        (DataError(1406, "Data too long for column 'name' at row 1: hunter22 INSERT"), "value_does_not_fit"),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), "value_does_not_fit"),
        (IntegrityError("duplicate key\nDETAIL:  Key (slug)=(hunter22) already exists. INSERT"), "conflict"),
        (
            ProgrammingError("relation does not exist\nLINE 1: INSERT INTO x VALUES ('hunter22')"),
            "database_not_migrated",
        ),
    ],
)
def test_neither_values_nor_statements_are_shown(error: Exception, code: str) -> None:
    failure = startup.failure(error)
    assert failure
    assert (failure.code, failure.exit_code) == (code, 1)
    assert "hunter22" not in failure.message
    assert "INSERT" not in failure.message
    assert "\n" not in failure.message


def test_a_defect_stays_a_defect() -> None:
    assert startup.failure(OverflowError("cannot convert float infinity to integer")) is None
