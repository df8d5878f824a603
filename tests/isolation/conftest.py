"""Fixtures of tests that use real daemons and the command line."""

from tests.crash.conftest import live
from tests.integration.cli.conftest import cli

__all__ = ["cli", "live"]
