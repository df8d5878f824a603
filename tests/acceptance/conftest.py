"""Fixtures of tests that use real daemons."""

from tests.crash.conftest import live

__all__ = ["live"]
