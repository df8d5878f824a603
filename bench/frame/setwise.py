"""INSERT … SELECT with the values a model would give, for rows that are made inside the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models

NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"


def values_of(like: models.Model) -> dict[str, Any]:
    """What an unsaved row would write, by column; without its key and without nulls."""
    values = {
        field.column: field.get_db_prep_save(field.pre_save(like, add=True), connection)
        for field in like._meta.concrete_fields
        if not field.primary_key
    }
    return {column: value for column, value in values.items() if value is not None}


def insert(like: models.Model, expressions: Mapping[str, str], source: str, *, numbers: int = 0) -> None:
    """Insert a row like the given unsaved one for each row of `source`.

    `expressions` are SQL by column name. `source` is what follows FROM; with `numbers` it may use a table `numbers`
    of n = 0, 1, 2 … so many.
    """
    quote = connection.ops.quote_name
    given = {column: value for column, value in values_of(like).items() if column not in expressions}
    columns = ", ".join(map(quote, [*expressions, *given]))
    values = ", ".join([*expressions.values(), *["%s"] * len(given)])
    before = NUMBERS.format(last=numbers - 1) + " " if numbers else ""
    sql = f"INSERT INTO {quote(like._meta.db_table)} ({columns}) {before}SELECT {values} FROM {source}"
    with connection.cursor() as cursor:
        cursor.execute(sql, list(given.values()))
