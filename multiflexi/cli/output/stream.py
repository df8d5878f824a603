"""Standard output as a place that can go away or be full."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO, cast


class OutputFailed(Exception):
    """Standard output takes no more; `gone` when its reader went away, as `head` does."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to standard output: {error.strerror}")
        self.gone = isinstance(error, BrokenPipeError)


class Output:
    """A stream whose failures cannot be taken for those of files or of the network."""

    def __init__(self, stream: Any, above: Output | None = None) -> None:
        self._stream = stream
        self._above = above
        self.used = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Output:
        return Output(self._stream.buffer, self)

    def write(self, text: Any) -> Any:
        for one in (self, self._above):
            if one is not None and text:
                one.used = True
        return self._checked(self._stream.write, text)

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._checked(self._stream.flush)

    @staticmethod
    def _checked(step: Callable[..., Any], *given: Any) -> Any:
        try:
            return step(*given)
        except OSError as error:
            raise OutputFailed(error) from error


def is_used() -> bool:
    """Whether something stands on standard output already."""
    return bool(getattr(sys.stdout, "used", False))


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, everything it printed handed over; 1 when standard output takes no more.

    A reader that went away is no failure, and neither is a stream that the caller has closed.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    before = sys.stdout
    output = Output(before)
    sys.stdout = cast(TextIO, output)
    code = 0
    try:
        code = work()
        output.flush()
        return code
    except OutputFailed as failed:
        # The interpreter must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), before.fileno())
        if failed.gone:
            return code
        sys.stderr.write(f"{failed}\n")
        return code or 1
    finally:
        sys.stdout = before
