"""Scheduled and evented jobs for many companies at once."""

__version__ = "3.0.0.dev0"
