"""The MIME type of a file: by its content, and by its name where the content says no more than text or bytes."""

from __future__ import annotations

import mimetypes
from functools import lru_cache
from importlib import import_module

SAMPLE = 64 * 1024
TEXT, BYTES = "text/plain", "application/octet-stream"
_VAGUE = frozenset({TEXT, BYTES, "application/x-empty", "inode/x-empty"})
# Python's table alone, without the host's files, so that a name means the same everywhere.
_BY_NAME = mimetypes.MimeTypes(filenames=())
for _type, _suffix in (
    ("application/json", ".json"),
    ("application/x-ndjson", ".ndjson"),
    ("application/yaml", ".yaml"),
    ("application/yaml", ".yml"),
    ("text/csv", ".csv"),
    ("text/markdown", ".md"),
    ("text/plain", ".log"),
):
    _BY_NAME.add_type(_type, _suffix)


def detect(name: str, sample: bytes) -> str:
    """The MIME type of a file from its name and its first bytes (`SAMPLE` of them suffice)."""
    by_content = _by_content(sample)
    if by_content not in _VAGUE:
        return by_content
    by_name, encoding = _BY_NAME.guess_type(name, strict=False)
    if by_name and not encoding:
        return by_name
    return BYTES if by_content == BYTES else TEXT


def _by_content(sample: bytes) -> str:
    if not sample:
        return TEXT
    library = _library()
    if library is None:
        return BYTES if b"\0" in sample else TEXT
    try:
        return library.from_buffer(sample[:SAMPLE])
    except ValueError:
        return BYTES


@lru_cache(maxsize=1)
def _library() -> _Detector | None:
    """libmagic with its database, loaded at the first result file; None where it is missing."""
    try:
        # Makes the bundled library known to the import of the binding.
        import_module("pylibmagic")
        return _Detector()
    except (ImportError, OSError):
        return None


class _Detector:
    """The binding of libmagic, with its error turned into a ValueError."""

    def __init__(self) -> None:
        import magic

        self._magic = magic.Magic(mime=True)
        self._error = magic.MagicException

    def from_buffer(self, data: bytes) -> str:
        try:
            return str(self._magic.from_buffer(data))
        except self._error as error:
            raise ValueError(str(error)) from None
