"""Ended jobs that may still hold envelopes, found without reading the table."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.sql.compiler import SQLCompiler

_LIVE = "'pending', 'queued', 'running', 'finishing'"


class EndedWithEnvelopes(models.Func):
    """Whether a job has ended and one of two JSON columns has the word that every envelope has, as few other texts do.

    Words are written out, and without a percent sign: with parameters in their place SQLite would not see that the
    condition is the one of the partial index. The state comes first: it is cheap, and looked at with every change.
    """

    template = f"(%(status)s NOT IN ({_LIVE}) AND (%(first)s > 0 OR %(second)s > 0))"
    output_field = models.BooleanField()

    def __init__(self, **extra: Any) -> None:
        super().__init__("status", "env", "overrides", **extra)

    def as_sql(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        """The condition; it has no parameters."""
        status, *columns = (compiler.compile(one)[0] for one in self.get_source_expressions())
        if connection.vendor == "postgresql":
            found = [f"STRPOS(({column})::text, 'kid')" for column in columns]
        else:
            found = [f"INSTR({column}, 'kid')" for column in columns]
        return self.template % {"status": status, "first": found[0], "second": found[1]}, []
