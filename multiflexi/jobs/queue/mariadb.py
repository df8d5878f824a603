"""The queue backend of MariaDB and MySQL."""

from __future__ import annotations

from django.db import DatabaseError

from multiflexi.jobs.queue.base import Backend

# Codes of the server that say nothing about the statement: too many connections, shut down, out of space, lost
# connection, read only, lock wait timeout, deadlock, killed. Codes from 2000 are those of the client library.
PASSING = frozenset(
    {1020, 1021, 1037, 1040, 1041, 1042, 1053, 1078, 1079, 1114, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1203}
    | {1205, 1206, 1213, 1223, 1226, 1290, 1317, 1792, 1836, 1927, 1969, 3024, 4031}
)
CLIENT_CODES = range(2000, 3000)


class MariaDB(Backend):
    clock_sql = "SELECT UTC_TIMESTAMP(6)"
    rollup_conflict = "ON DUPLICATE KEY UPDATE"

    # The driver calls every code it does not know operational, those of wrong values included.
    def is_passing(self, error: DatabaseError) -> bool:
        code = error.args[0] if error.args else None
        return code in PASSING or (isinstance(code, int) and code in CLIENT_CODES)

    def incoming(self, column: str) -> str:
        return f"VALUES({column})"
