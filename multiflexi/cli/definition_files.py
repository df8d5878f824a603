"""Definition files on the command line: read, judged, imported and written the same way for every kind."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.errors import REFUSED, WRONG_USE, Failure, Rejected, wrong_use
from multiflexi.cli.output.results import Document, Done, Result, Written
from multiflexi.cli.progress import counted

if TYPE_CHECKING:
    from multiflexi.manifests.reports import ImportReport, RemovalReport

SUFFIX = ".json"
Shape = Callable[["ImportReport"], dict[str, Any]]


def read(name: str, most: int | None = None) -> bytes:
    """The bytes of a regular file, `-` meaning standard input.

    Raises Rejected with exit code 2 when it is unreadable, with 1 when it has more than `most` bytes, by default those
    that a definition may have.
    """
    from multiflexi.manifests.reading import MAX_FILE_BYTES

    most = most or MAX_FILE_BYTES
    if name == "-":
        data = _from_input(most + 1)
    else:
        try:
            data = _from_file(name, most + 1)
        except OSError as error:
            raise _unreadable(name, f"{name} cannot be read: {error.strerror}.") from error
    if len(data) > most:
        shown = "Standard input" if name == "-" else name
        message = f"{shown} has more than {most} bytes, which is more than it may have."
        raise Rejected(Failure(message, "file_too_large", details={"file": name}))
    return data


def _from_input(most: int) -> bytes:
    return sys.stdin.buffer.read(most) if hasattr(sys.stdin, "buffer") else sys.stdin.read(most).encode()


def _from_file(name: str, most: int) -> bytes:
    # Opening a pipe without O_NONBLOCK would wait for somebody who writes into it.
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _unreadable(name, f"{name} is not a regular file; name one, or give - for standard input.")
        return file.read(most)


def _unreadable(name: str, message: str) -> Rejected:
    return Rejected(Failure(message, "file_unreadable", WRONG_USE, details={"file": name}))


def expanded(names: list[str]) -> Iterator[str]:
    """The names, a directory standing for its JSON files in the order of their names."""
    for name in names:
        if name != "-" and Path(name).is_dir():
            yield from (str(path) for path in sorted(Path(name).glob(f"*{SUFFIX}")))
        else:
            yield name


def validate(call: Call, kind: str) -> Document:
    """Judge one file strictly: exit code 0 when it satisfies the schema, else 1."""
    from multiflexi.manifests.validation import validate as judge

    name = call.need("file")
    try:
        data = read(name)
    except Rejected as error:
        # A missing file is an invalid one for the tools that check whole directories.
        error.failure.exit_code = 1
        raise
    report = judge(data, name, kind)
    text = "\n".join([report.message, *report.violations]) if not report.valid else f"OK: {report.message}"
    return Document(report.as_dict(), lambda: text, code=0 if report.valid else 1, complaint=report.message)


def import_files(call: Call, importer: Callable[[bytes, str, Path | None], ImportReport], shape: Shape) -> Result:
    """Import every file, going on after a rejected one; several give an array.

    Exit code 1 when a file was rejected, unless `--keep-going`; 2 when one was unreadable.
    """
    names = list(expanded([name for name in call["file"] or [] if name]))
    if not names:
        raise wrong_use("Option --file is required; a directory stands for its JSON files.")
    outcomes: list[FileOutcome] = []
    with counted(call, f"of {len(names)} files read") as progress:
        for number, name in enumerate(names, start=1):
            outcomes.append(_import(name, importer, shape))
            if progress and len(names) > 1:
                progress(number)
    for outcome in outcomes:
        call.warn(*outcome.remarks)
    code = max(outcome.code for outcome in outcomes)
    if code == REFUSED and call["keep_going"]:
        code = 0
    data = [outcome.data for outcome in outcomes]
    shown = [outcome.line for outcome in outcomes if outcome.line]
    return Document(data[0] if len(data) == 1 else data, lambda: "\n".join(shown), code=code)


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    data: dict[str, Any]
    line: str
    remarks: list[str]
    code: int = 0


def _import(name: str, importer: Callable[[bytes, str, Path | None], ImportReport], shape: Shape) -> FileOutcome:
    try:
        content = read(name)
    except Rejected as error:
        document = {**error.failure.document(), "file": name}
        return FileOutcome(document, "", [error.failure.message], error.failure.exit_code)
    path = None if name == "-" else Path(name).absolute()
    report = importer(content, str(path or "standard input"), path)
    found = [f"{name}: {finding.sentence}" for finding in report.errors]
    remarks = [f"Warning: {name}: {finding.sentence}" for finding in report.warnings]
    violations = [finding.as_dict() for finding in report.errors]
    data = {
        "status": "success" if report.accepted else "error",
        "message": f"{name}: {report.result.value}" if report.accepted else "; ".join(found),
        "file": name,
        "result": report.result.value,
        **shape(report),
        "warnings": [finding.as_dict() for finding in report.warnings],
        "violations": violations,
        **({"dry_run": True} if report.dry_run else {}),
    }
    if not report.accepted:
        return FileOutcome(data, "", [*remarks, *found], REFUSED)
    for template in report.incomplete:
        remarks.append(f"Warning: run template {template.pk} ({template.name}) lacks a required value now")
    label = report.record or name
    return FileOutcome(data, f"{label}: {report.result.value}", remarks)


def remove_files(call: Call, remover: Callable[[bytes, str], RemovalReport]) -> Result:
    """Remove what the files define. A file that matches nothing is told, but no failure without `--strict`.

    Package scripts hand in every JSON file they ship; a failure would block the removal of the package.
    """
    names = list(expanded([name for name in call["file"] or [] if name]))
    if not names:
        raise wrong_use("Option --file is required; a directory stands for its JSON files.")
    reports = [(name, remover(read(name), name)) for name in names]
    for name, report in reports:
        if not report.removed:
            call.warn(f"Warning: {name}: {report.message}")
    data = [
        {
            "removed": one.removed,
            "file": name,
            "result": one.result.value,
            "message": one.message,
            **({"dry_run": True} if call.dry_run else {}),
        }
        for name, one in reports
    ]
    refused = any(one.result == "refused" or (call["strict"] and not one.removed) for _, one in reports)
    lines = "\n".join(f"{name}: {one.message}" for name, one in reports if one.removed)
    return Document(data[0] if len(data) == 1 else data, lambda: lines, code=REFUSED if refused else 0)


def write(call: Call, text: str, name: str) -> Result:
    """Write an exported definition to the file, `-` meaning standard output, and tell the outcome."""
    if name == "-":
        sys.stdout.write(text)
        return Written()
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Rejected(Failure(f"{name} cannot be written: {error.strerror}.", "file_unwritable")) from error
    data = {"status": "success", "exported": True, "file": name, "message": f"Written to {name}"}
    return Done(data, f"Written to {name}")
