"""One call of a command: its options, who calls, and how to ask and warn."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any

from multiflexi.cli.output.errors import aborted, wrong_use
from multiflexi.cli.output.terminal import shown_on

if TYPE_CHECKING:
    from multiflexi.record.actor import Actor
    from multiflexi.services.lists import Page


class Call:
    """Options by their canonical name. None means "not given"; an empty text is a value."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        asked = options.get("format") or "text"
        self.format: str = "text" if asked in ("txt", "md") else asked
        self.verbose: int = options.get("verbose") or 0
        self.dry_run: bool = bool(options.get("dry_run"))

    def __getitem__(self, name: str) -> Any:
        return self.options[name]

    def get(self, name: str) -> Any:
        return self.options.get(name)

    def given(self, *names: str) -> dict[str, Any]:
        """The options among `names` that were given, with their values."""
        return {name: self.options[name] for name in names if self.options.get(name) not in (None, (), [])}

    def need(self, *names: str) -> Any:
        """The first given option of `names`; none given is wrong use."""
        for name in names:
            if self.options.get(name) not in (None, "", (), []):
                return self.options[name]
        shown = " or ".join(f"--{name}" for name in names)
        raise wrong_use(f"Option {shown} is required.")

    @property
    def fields(self) -> tuple[str, ...]:
        text = self.options.get("fields") or ""
        return tuple(name for name in (part.strip() for part in text.split(",")) if name)

    @property
    def page(self) -> Page:
        from multiflexi.services.lists import Page

        return Page(limit=self.get("limit"), offset=self.get("offset"), order=self.get("order"))

    @cached_property
    def actor(self) -> Actor:
        """Who changes something; asks the database for the account of the operating-system login."""
        from multiflexi.cli.identity import actor

        return actor()

    @cached_property
    def reader(self) -> Actor:
        """Who reads: the installation itself, so that reading creates no account."""
        from multiflexi.record.actor import Actor

        return Actor(user_id=None, origin="cli")

    @cached_property
    def zone(self) -> tzinfo:
        from multiflexi.cli.startup import installation_zone

        return installation_zone()

    def moment(self, name: str) -> datetime | None:
        """The time given by an option, with a zone; wrong use when it is none."""
        from multiflexi.scheduling import moments

        text = self.options.get(name)
        if not text:
            return None
        try:
            return moments.parse(text, zone=self.zone)
        except ValueError as error:
            raise wrong_use(f"--{name}: {error}") from error

    def text_or_input(self, name: str) -> str:
        """The option's text; a lone dash means standard input, without its last newline."""
        text = str(self.options[name])
        if text != "-":
            return text
        try:
            return sys.stdin.read().removesuffix("\n")
        except UnicodeDecodeError as error:
            raise wrong_use(f"--{name}: standard input is not UTF-8 text; convert it.") from error

    def pairs(self, name: str) -> dict[str, str]:
        return dict(self.options.get(name) or ())

    def warn(self, *messages: str) -> None:
        for message in messages:
            sys.stderr.write(f"{shown_on(sys.stderr, message)}\n")

    def warn_all(self, messages: Iterable[str]) -> None:
        self.warn(*(f"Warning: {message}" for message in messages))

    def confirm(self, question: str, *, default: bool = False) -> None:
        """Go on only with consent; `-y` gives it, `-n` takes the default answer."""
        if self.get("yes"):
            return
        if self.get("no_interaction") or not _can_answer():
            answer = default
        else:
            sys.stderr.write(f"{question} [{'Y/n' if default else 'y/N'}] ")
            sys.stderr.flush()
            given = sys.stdin.readline()
            if not given:
                # Nobody has ended the line of the question.
                sys.stderr.write("\n")
            line = given.strip().lower()
            answer = default if not line else line in ("y", "yes")
        if not answer:
            raise aborted(f"Aborted, nothing was changed. Answer the question with --yes: {question}")


def _can_answer() -> bool:
    return sys.stdin is not None and not sys.stdin.closed
