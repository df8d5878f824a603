"""Result files that are complete or not there at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, TypeVar

from .outcome import NotWritten

Result = TypeVar("Result")


def write_whole(path: Path, write: Callable[[TextIO], Result]) -> Result:
    """Writes a UTF-8 text file under a temporary name beside its place and moves it there when it is complete.

    Returns what `write` returned; raises NotWritten with the path and the reason, and leaves nothing behind.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        try:
            with part.open("w", encoding="utf-8", newline="") as stream:
                result = write(stream)
            os.replace(part, path)  # noqa: PTH105
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NotWritten(f"{path} cannot be written ({error.strerror})") from None
    return result
