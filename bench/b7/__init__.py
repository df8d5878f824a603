"""B7: executors that are killed, and a database that goes away, lose and double no job."""

from bench.b7.measurement import measure

__all__ = ["measure"]
