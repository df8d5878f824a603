"""Files below a directory that a job may have filled with traps: links, pipes, devices, and names that change."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a pipe that nobody writes to must not wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_DEPTH = 32
_MAX_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file or a directory below a root, by its path parts."""

    parts: tuple[str, ...]
    is_directory: bool
    identity: tuple[int, int]
    size: int
    modified: float

    @property
    def name(self) -> str:
        return self.parts[-1]


class Refused(OSError):
    """The path is no regular file, or leads through a link."""


def open_file(root: Path, parts: tuple[str, ...]) -> int:
    """A descriptor of the regular file at `parts` below root, no component followed if it is a link.

    Raises Refused, FileNotFoundError and other OSErrors. The caller closes the descriptor.
    """
    parent = _open_directory(root, parts[:-1])
    try:
        descriptor = os.open(parts[-1], _FILE, dir_fd=parent)
    except OSError as error:
        raise _explained(error, parts) from None
    finally:
        os.close(parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{'/'.join(parts)} is no regular file")
    return descriptor


def entry(root: Path, parts: tuple[str, ...]) -> Entry:
    """What is known of a regular file below root; errors as `open_file`."""
    descriptor = open_file(root, parts)
    try:
        return _entry(parts, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def walk(root: Path, start: tuple[str, ...] = (), skip: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """All directories and regular files below `start`, in the order of their names, a directory before its content.

    Hidden directories (caches of a home directory) and the names in `skip` directly below root are left out, as is
    everything deeper than 32 levels and what cannot be read.
    """
    try:
        descriptor = _open_directory(root, start)
    except OSError:
        return
    try:
        with os.scandir(descriptor) as listed:
            names = sorted(one.name for one in islice(listed, _MAX_NAMES))
        found = [entry for name in names if (entry := _looked_at(descriptor, (*start, name)))]
    finally:
        os.close(descriptor)
    for one in found:
        if one.is_directory and (one.name.startswith(".") or (not start and one.name in skip)):
            continue
        yield one
        if one.is_directory and len(one.parts) < _MAX_DEPTH:
            yield from walk(root, one.parts, skip)


def _looked_at(descriptor: int, parts: tuple[str, ...]) -> Entry | None:
    try:
        status = os.stat(parts[-1], dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return _entry(parts, status)
    return None


def _entry(parts: tuple[str, ...], status: os.stat_result) -> Entry:
    is_directory = stat.S_ISDIR(status.st_mode)
    return Entry(
        parts, is_directory, (status.st_dev, status.st_ino), 0 if is_directory else status.st_size, status.st_mtime
    )


def _open_directory(root: Path, parts: tuple[str, ...]) -> int:
    descriptor = os.open(root, _DIRECTORY)
    for part in parts:
        try:
            deeper = os.open(part, _DIRECTORY, dir_fd=descriptor)
        except OSError as error:
            raise _explained(error, parts) from None
        finally:
            os.close(descriptor)
        descriptor = deeper
    return descriptor


def _explained(error: OSError, parts: tuple[str, ...]) -> OSError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return Refused(f"{'/'.join(parts)} is a link, or leads through one, or is no regular file")
    return error
