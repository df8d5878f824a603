"""Error documents and exit codes: one shape for every failure on every command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import click

from multiflexi.cli.output.terminal import shown_on

OK = 0
REFUSED = 1
WRONG_USE = 2
NOT_RUN = 75
WRONG_SETTING = 78
WAITED_TOO_LONG = 124
INTERRUPTED = 130


@dataclass
class Failure:
    """What went wrong, ready to be shown. `extra` holds members beside the five standing ones."""

    message: str
    code: str
    exit_code: int = REFUSED
    status: str = "error"
    details: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "message": self.message,
            "code": self.code,
            "details": dict(self.details),
            **self.extra,
        }

    def show(self, format: str, out: TextIO, err: TextIO) -> None:
        """A document on standard output for programs, one line on standard error for people."""
        err.write(shown_on(err, " ".join(self.message.split("\n"))) + "\n")
        if format == "json":
            out.write(json.dumps(self.document(), indent=4, default=str) + "\n")
        elif format == "yaml":
            import yaml

            out.write(yaml.safe_dump(json.loads(json.dumps(self.document(), default=str)), sort_keys=False))


class Rejected(Exception):
    """A command ends with this failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def wrong_use(message: str, **details: Any) -> Rejected:
    return Rejected(Failure(message, "wrong_use", WRONG_USE, details=details))


def aborted(message: str = "Aborted, nothing was changed.") -> Rejected:
    return Rejected(Failure(message, "aborted"))


def from_click(error: click.ClickException) -> Failure:
    return Failure(error.format_message(), "wrong_use", WRONG_USE)
