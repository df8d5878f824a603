"""Processor time of the database server's processes, where the server runs on this host."""

from __future__ import annotations

from pathlib import Path

from django.db import connection

from bench.frame.processes import cpu


class ServerMeter:
    """Measures from its making on: seconds for our database, and of processes that all databases share.

    On PostgreSQL each connection has a process, so ours are told from those of others; a process that ended meanwhile
    is not counted. MariaDB is one process, which counts whole. An embedded database has no process of its own.
    The process of this program's own connection counts only on demand.
    """

    def __init__(self, *, with_own_connection: bool = False) -> None:
        self._with_own_connection = with_own_connection
        self._begin = self._snapshot()

    def seconds(self) -> dict[str, float]:
        """Seconds of `ours` and `shared` processes since the begin."""
        spent = {"ours": 0.0, "shared": 0.0}
        for (group, pid), seconds in self._snapshot().items():
            spent[group] += seconds - self._begin.get((group, pid), 0.0)
        return spent

    def _snapshot(self) -> dict[tuple[str, int], float]:
        return {(group, pid): cpu(pid)[0] for group, pid in _processes(self._with_own_connection)}


def _processes(with_own_connection: bool) -> list[tuple[str, int]]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT CASE WHEN datname = current_database() THEN 'ours' ELSE 'shared' END, pid FROM pg_stat_activity"
                " WHERE (%s OR pid <> pg_backend_pid()) AND (datname = current_database() OR datname IS NULL)",
                [with_own_connection],
            )
            found = [(group, pid) for group, pid in cursor.fetchall()]
        return [(group, pid) for group, pid in found if _is(pid, "postgres")]
    if connection.vendor == "mysql":
        return [("shared", int(one.name)) for one in Path("/proc").iterdir() if one.name.isdigit() and _is_mysql(one)]
    return []


def _is_mysql(entry: Path) -> bool:
    return any(_is(int(entry.name), name) for name in ("mariadbd", "mysqld"))


def _is(pid: int, name: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == name
    except OSError:
        return False
