"""Many finished jobs, made by copying real ones inside the database with all that is kept of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from django.core.management.color import no_style
from django.db import connection, models

from bench.frame import seed
from bench.frame.setwise import NUMBERS
from multiflexi.jobs.completion import FINISHED
from multiflexi.models import Artifact, AuditEntry, Job, JobHistory, JobOutputLine


def multiply(ids: Sequence[int], wanted: int) -> int:
    """Copy the finished jobs with these consecutive ids until there are so many copies; how many were made."""
    times = math.ceil(wanted / len(ids))
    beyond = Job.objects.aggregate(last=models.Max("pk"))["last"] + 1 - ids[0]
    shift = f" + {beyond} + n * {len(ids)}"
    span = f"BETWEEN {ids[0]} AND {ids[-1]}"
    _copy(Job, {"id": shift}, f"id {span}", times)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Job]):
            cursor.execute(statement)
    # Or each row below would look its job up in a table that is thought to be small.
    seed.settle()
    for model in (JobHistory, Artifact, JobOutputLine):
        _copy(model, {"job_id": shift}, f"job_id {span}", times)
    _copy(AuditEntry, {"entity_id": shift}, f"event_type = '{FINISHED}' AND entity_id {span}", times)
    return times * len(ids)


def _copy(model: type[models.Model], shifted: Mapping[str, str], which: str, times: int) -> None:
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or field.column in shifted]
    into = ", ".join(quote(field.column) for field in fields)
    values = ", ".join(quote(field.column) + shifted.get(field.column, "") for field in fields)
    table = quote(model._meta.db_table)
    source = f"{NUMBERS.format(last=times - 1)} SELECT {values} FROM {table}, numbers WHERE {which}"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({into}) {source}")
