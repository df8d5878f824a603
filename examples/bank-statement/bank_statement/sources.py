"""Which files a configured path means."""

import glob
from pathlib import Path


def files_at(path: str) -> list[tuple[Path, str]]:
    """The statement files at a path, each with the name it is reported under, in a stable order.

    A file is taken whatever its name; of a directory, the visible *.xml files directly in it; anything else is
    read as a pattern, where ** crosses directories. An empty list means that nothing is there.
    """
    place = Path(path)
    if place.is_file():
        return [(place, place.name)]
    if place.is_dir():
        return [(found, found.name) for found in sorted(place.iterdir()) if _is_statement_file(found)]
    found = sorted(Path(name) for name in glob.glob(path, recursive=True))  # noqa: PTH207
    root = _fixed_part(path)
    return [(file, str(file.relative_to(root))) for file in found if file.is_file()]


def _is_statement_file(path: Path) -> bool:
    return path.suffix.lower() == ".xml" and not path.name.startswith(".") and path.is_file()


def _fixed_part(pattern: str) -> Path:
    """The directory before the first wildcard, so that equal names in different directories stay apart."""
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:fixed])
