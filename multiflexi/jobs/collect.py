"""Finds the result files of an ended job: RESULT_FILE first, then what its definition promises."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.jobs import beneath, inputs
from multiflexi.jobs.promises import Promise
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import ArtifactKind, Job
from multiflexi.vault.masker import Masker

MAX_FILES = 1000
MAX_TOTAL = 256 * 1024 * 1024
RESULT_NOTE = "Result file"
_MAX_ENTRIES = 100_000
_MAX_NAME = 255
_SKIPPED = frozenset({inputs.DIRECTORY})


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory to keep: where it is, and what the artifact is called."""

    root: Path
    entry: beneath.Entry
    filename: str
    kind: ArtifactKind
    note: str
    definition_id: int | None = None


@dataclass
class Collection:
    """What was found for one job, and what could not be kept, in words."""

    masker: Masker
    found: list[Found] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=lambda: {_folded("stdout.txt"), _folded("stderr.txt")})
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _total: int = 0
    _beyond: int = 0

    def add(self, root: Path, entry: beneath.Entry, kind: ArtifactKind, note: str, definition: int | None) -> None:
        """Take a file unless it is known already or does not fit."""
        if entry.identity in self._seen:
            return
        self._seen.add(entry.identity)
        size = _size_of(root, entry)
        shown = {"name": "/".join(entry.parts) or ".", "size": size}
        if size > settings.MULTIFLEXI_ARTIFACT_MAX_BYTES:
            limit = settings.MULTIFLEXI_ARTIFACT_MAX_BYTES
            self.warnings.append(
                _("%(name)s (%(size)d bytes) is too large to be kept; the limit of one file is %(limit)d bytes.")
                % (shown | {"limit": limit})
            )
        elif self._total + size > MAX_TOTAL:
            self.warnings.append(
                _("%(name)s (%(size)d bytes) was not kept; the files of one job may have %(limit)d bytes in total.")
                % (shown | {"limit": MAX_TOTAL})
            )
        elif len(self.found) >= MAX_FILES:
            self._beyond += 1
        else:
            self._total += size
            self.found.append(Found(root, entry, self._free_name(entry), kind, note, definition))

    def finish(self) -> None:
        """Add what is told once for all files."""
        if self._beyond:
            self.warnings.append(
                _("%(count)d more files were not kept; the limit of one job is %(limit)d files.")
                % {"count": self._beyond, "limit": MAX_FILES}
            )

    def _free_name(self, entry: beneath.Entry) -> str:
        base, _spans = self.masker.mask_text(_readable(entry.parts[-1] if entry.parts else "files"))
        name = f"{base}.zip" if entry.is_directory else base
        stem, dot, suffix = name.rpartition(".")
        stem, ending = (stem, dot + suffix) if stem else (name, "")
        for number in range(1, MAX_FILES + 3):
            mark = f" ({number})" if number > 1 else ""
            candidate = stem[: max(_MAX_NAME - len(mark) - len(ending), 1)] + mark + ending
            candidate = candidate[:_MAX_NAME]
            if _folded(candidate) not in self._taken:
                self._taken.add(_folded(candidate))
                return candidate
        raise ValueError(name)


def collect(job: Job, job_dir: Path, resolved: Resolved, promises: Sequence[Promise], masker: Masker) -> Collection:
    """Find the result files of a job in its private directory; never raises for what is found there."""
    collection = Collection(masker)
    if resolved.result_file:
        _add_result_file(collection, job, job_dir, resolved, promises)
    if promises:
        _add_promised(collection, job_dir, promises)
    collection.warnings.extend(promise.warning for promise in promises if promise.warning)
    collection.finish()
    collection.warnings = [masker.mask_text(text)[0] for text in collection.warnings]
    return collection


def members(found: Found) -> Iterator[beneath.Entry]:
    """The regular files of a directory that is kept as an archive."""
    return (one for one in _below(found.root, found.entry.parts) if not one.is_directory)


def _add_result_file(
    collection: Collection, job: Job, job_dir: Path, resolved: Resolved, promises: Sequence[Promise]
) -> None:
    path = resolved.result_file or ""
    place = _place(path, job, job_dir, resolved.directory)
    if place is None:
        collection.warnings.append(
            _(
                "Result file %(path)s lies outside of the job's directory and was not kept. Use a relative name, or "
                "have an administrator allow its directory."
            )
            % {"path": path}
        )
        return
    root, parts = place
    try:
        entry = beneath.entry(root, parts)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        collection.warnings.append(
            _("Result file %(path)s was not kept: %(error)s") % {"path": path, "error": error.strerror or error}
        )
        return
    if root != job_dir and job.begin and entry.modified < job.begin.timestamp() - 1:
        collection.warnings.append(_("Result file %(path)s was not written by this job.") % {"path": path})
        return
    promise = next((one for one in promises if not one.is_directory and one.matches(entry.name)), None)
    note = (promise.note if promise else None) or RESULT_NOTE
    collection.add(root, entry, ArtifactKind.RESULT, note, promise.definition_id if promise else None)


def _place(path: str, job: Job, job_dir: Path, seen_as: str) -> tuple[Path, tuple[str, ...]] | None:
    """The trusted directory that a path lies in, and its parts below; None for a path that lies in none."""
    pure = PurePosixPath(path)
    if ".." in pure.parts or "\0" in path:
        return None
    roots = [(seen_as or str(job_dir), job_dir), *((root, Path(root)) for root in job.app.result_paths or [])]
    for prefix, root in roots:
        if pure.is_relative_to(prefix) and pure != PurePosixPath(prefix):
            return root, pure.relative_to(prefix).parts
    return None


def _add_promised(collection: Collection, job_dir: Path, promises: Sequence[Promise]) -> None:
    archived: tuple[str, ...] | None = None
    whole = [promise for promise in promises if promise.is_directory and promise.pattern == "."]
    if whole:
        everything = beneath.Entry((), True, (0, 0), 0, 0.0)
        note = whole[0].note or RESULT_NOTE
        collection.add(job_dir, everything, ArtifactKind.DEFINITION, note, whole[0].definition_id)
    wanted = [promise for promise in promises if promise not in whole]
    for entry in _below(job_dir, ()):
        inside = archived is not None and entry.parts[: len(archived)] == archived
        fitting = (one for one in wanted if one.is_directory == entry.is_directory and one.matches(entry.name))
        promise = next(fitting, None)
        if promise is None or (entry.is_directory and inside):
            continue
        if entry.is_directory:
            archived = entry.parts
        collection.add(job_dir, entry, ArtifactKind.DEFINITION, promise.note or RESULT_NOTE, promise.definition_id)


def _below(root: Path, start: tuple[str, ...]) -> Iterator[beneath.Entry]:
    for count, entry in enumerate(beneath.walk(root, start, _SKIPPED)):
        if count >= _MAX_ENTRIES:
            return
        yield entry


def _size_of(root: Path, entry: beneath.Entry) -> int:
    if not entry.is_directory:
        return entry.size
    return sum(one.size for one in _below(root, entry.parts))


def _readable(name: str) -> str:
    """A file name as text that every database takes; undecodable bytes become question marks."""
    return name.encode("utf-8", "replace").decode().replace("\0", "")


def _folded(name: str) -> str:
    """What a case- and accent-insensitive collation, as MariaDB's default, sees of a name."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).rstrip()
