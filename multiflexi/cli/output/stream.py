"""Standard output as a place that can go away or be full."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast


class OutputFailed(Exception):
    """Standard output takes no more; `gone` when its reader went away, as `head` does."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to standard output: {error.strerror}")
        self.gone = isinstance(error, BrokenPipeError)


class Output:
    """A stream whose failures cannot be taken for those of files or of the network."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Output:
        return Output(self._stream.buffer)

    def write(self, text: Any) -> Any:
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


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, everything it printed handed over; 1 when standard output takes no more.

    A reader that went away is no failure.
    """
    before = sys.stdout
    output = Output(before)
    sys.stdout = cast(TextIO, output)
    try:
        code = work()
        output.flush()
        return code
    except OutputFailed as failed:
        # The interpreter must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), before.fileno())
        if failed.gone:
            return 0
        sys.stderr.write(f"{failed}\n")
        return 1
    finally:
        sys.stdout = before
