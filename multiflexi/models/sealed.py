"""Rows whose JSON column may hold envelopes, found without reading the table."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.sql.compiler import SQLCompiler


class MayHoldEnvelopes(models.Func):
    """Whether the text of a JSON column has the word that every envelope has; a few other texts have it, too.

    The word is written out, and without a percent sign: with a parameter in its place SQLite and PostgreSQL would not
    see that the condition is the one of a partial index.
    """

    function = "STRPOS"
    template = "(%(function)s(%(expressions)s, 'kid') > 0)"
    output_field = models.BooleanField()

    def __init__(self, column: str, **extra: Any) -> None:
        super().__init__(column, **extra)

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        template = "(%(function)s((%(expressions)s)::text, 'kid') > 0)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="INSTR", **context)

    as_mysql = as_sqlite


def sealed_index(column: str, name: str) -> models.Index:
    """A partial index over the rows that may hold envelopes; few do, among any number of jobs."""
    return models.Index(fields=("id",), condition=models.Q(MayHoldEnvelopes(column)), name=name)
