"""The queue backend of MariaDB and MySQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connection, models

from multiflexi.jobs.queue.base import Backend, Fields

# Codes of the server that say nothing about the statement: too many connections, shut down, out of space, lost
# connection, read only, lock wait timeout, deadlock, killed. Codes from 2000 are those of the client library.
PASSING = frozenset(
    {1020, 1021, 1037, 1040, 1041, 1042, 1053, 1078, 1079, 1114, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1203}
    | {1205, 1206, 1213, 1223, 1226, 1290, 1317, 1792, 1836, 1927, 1969, 3024, 4031}
)
CLIENT_CODES = range(2000, 3000)
# Characters of a statement; what the server takes at most (max_allowed_packet) is 16 MiB by default.
STATEMENT_AT_MOST = 3 << 20


class MariaDB(Backend):
    clock_sql = "SELECT UTC_TIMESTAMP(6)"
    rollup_conflict = "ON DUPLICATE KEY UPDATE"

    def statement_clock(self) -> tuple[str, list[Any]]:
        return "UTC_TIMESTAMP(6)", []

    # The driver calls every code it does not know operational, those of wrong values included.
    def is_passing(self, error: DatabaseError) -> bool:
        code = error.args[0] if error.args else None
        return code in PASSING or (isinstance(code, int) and code in CLIENT_CODES)

    def incoming(self, column: str) -> str:
        return f"VALUES({column})"

    # The rows travel as one document. STRAIGHT_JOIN and FORCE INDEX: the other order, or a scan, which the planner
    # prefers for a small table, would lock the whole table, and wait for whoever holds any of its rows.
    def update_stored(self, table: str, written: Fields, compared: Fields, rows: Sequence[Sequence[Any]]) -> int:
        document = json.dumps(rows, ensure_ascii=False, default=str)
        if len(document) > STATEMENT_AT_MOST and len(rows) > 1:
            half = len(rows) // 2
            return sum(self.update_stored(table, written, compared, part) for part in (rows[:half], rows[half:]))
        columns = [*written, *compared]
        quote = connection.ops.quote_name
        types = [
            f"v{number} {_type_of(field)} PATH '$[{number}]' ERROR ON ERROR" for number, field in enumerate(columns)
        ]
        assignments = [f"old.{quote(str(field.column))} = new.v{number}" for number, field in enumerate(written)]
        conditions = [
            self.equal(field, f"new.v{number}", of="old.") for number, field in enumerate(compared, len(written))
        ]
        sql = (
            f"UPDATE JSON_TABLE(%s, '$[*]' COLUMNS ({', '.join(types)})) AS new "  # noqa: S608
            f"STRAIGHT_JOIN {table} AS old FORCE INDEX (PRIMARY) ON {' AND '.join(conditions)} "
            f"SET {', '.join(assignments)}"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [document])
            return int(cursor.rowcount)


def _type_of(field: models.Field[Any, Any]) -> str:
    """A type that holds every value: JSON_TABLE silently cuts what does not fit, an assignment refuses it."""
    kind = str(field.rel_db_type(connection))
    if kind.startswith("datetime"):
        return kind
    return "bigint" if kind == "bool" or "int" in kind else "longtext"
