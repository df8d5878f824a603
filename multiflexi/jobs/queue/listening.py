"""PostgreSQL's notifications, heard on a connection of their own that needs no thread."""

from __future__ import annotations

import psycopg
from django.db import DatabaseError, connection

from multiflexi.jobs.queue.hints import Topic


class Notifications:
    """LISTEN on the database of the default connection. All methods raise DatabaseError when the connection is lost."""

    def __init__(self, *topics: Topic) -> None:
        parameters = connection.get_connection_params()
        try:
            self._connection = psycopg.connect(**parameters | {"autocommit": True})
        except psycopg.Error as error:
            raise DatabaseError(str(error)) from error
        try:
            for topic in topics:
                self._connection.execute(f"LISTEN {topic}")
        except psycopg.Error as error:
            self.close()
            raise DatabaseError(str(error)) from error

    def fileno(self) -> int:
        return self._connection.fileno()

    def heard(self) -> set[Topic]:
        try:
            return {Topic(one.channel) for one in self._connection.notifies(timeout=0)}
        except psycopg.Error as error:
            raise DatabaseError(str(error)) from error

    def close(self) -> None:
        self._connection.close()
