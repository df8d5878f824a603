"""Ended jobs that may still hold envelopes, found without reading the table."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

_LIVE = "'pending', 'queued', 'running', 'finishing'"


class EndedWithEnvelopes(models.Func):
    """Whether a job has ended and one of two JSON columns has the word that every envelope has, as few other texts do.

    Words are written out, and without a percent sign: with parameters in their place SQLite would not see that the
    condition is the one of the partial index. The state comes first: it is cheap, and looked at with every change.
    """

    output_field = models.BooleanField()

    def __init__(self, **extra: Any) -> None:
        super().__init__("status", "env", "overrides", **extra)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[Any, ...]]:
        """The condition; it has no parameters."""
        status, *columns = (compiler.compile(one)[0] for one in self.get_source_expressions())
        if connection.vendor == "postgresql":
            found = [f"STRPOS(({column})::text, 'kid')" for column in columns]
        else:
            found = [f"INSTR({column}, 'kid')" for column in columns]
        return f"({status} NOT IN ({_LIVE}) AND ({found[0]} > 0 OR {found[1]} > 0))", ()
