"""Commands of the noun "artifact"."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, fields, identifier, listing, value
from multiflexi.cli.output.errors import Failure, Rejected
from multiflexi.cli.output.results import Done, Record, Result, Rows, Written
from multiflexi.cli.values import PATH, Number

NOUN = Noun("artifact", "Files and streams kept from jobs")
COLUMNS = ("id", "job_id", "filename", "content_type", "size", "created_at")
LISTED_CONTENT = 64 * 1024
SHOWN_CONTENT = 16 * 1024 * 1024


@NOUN.command("list", "List artifacts", value("--job_id", "--job", help="Only of this job", type=Number()), listing())
def list_artifacts(call: Call) -> Rows:
    from multiflexi.services import artifact
    from multiflexi.services.presenters.artifact import SORTABLE

    found = call.page.of(artifact.query(call.reader, job_id=call["job_id"]), SORTABLE)
    return Rows(_listed(call, found), COLUMNS, empty="No artifacts found")


def _content(call: Call, found: Any) -> Any:
    """Who reads a secret is recorded; for everything else nobody has to be known."""
    from multiflexi.services import artifact

    return artifact.content(call.actor if found.contains_secret else call.reader, found)


def _listed(call: Call, found: Any) -> Any:
    """Contents are part of the rows while they are small together, or when they are asked for by name."""
    from multiflexi.services import artifact
    from multiflexi.services.presenters.artifact import row

    rows = list(found)
    total = sum(one.size for one in rows)
    wanted = "artifact" in call.fields or (call.format != "text" and not call.fields and total <= LISTED_CONTENT)
    if wanted:
        artifact.load_small(rows)
    return (row(one, b"".join(_content(call, one)) if wanted else None) for one in rows)


@NOUN.command(
    "get",
    "Show an artifact with its content",
    identifier("--id", help="Id"),
    fields(),
    value("--file", "--output", "-o", help="Write the content to this file; - = standard output", type=PATH),
)
def get(call: Call) -> Result:
    if call["file"]:
        return save(call)
    from multiflexi.services import artifact
    from multiflexi.services.presenters.artifact import row

    found = artifact.find(call.reader, call.need("id"))
    if found.size > SHOWN_CONTENT and (not call.fields or "artifact" in call.fields):
        raise Rejected(
            Failure(f"Artifact {found.pk} has {found.size} bytes; write it with artifact:save.", "artifact_too_large")
        )
    return Record(row(found, b"".join(_content(call, found))))


@NOUN.command("show", "Show an artifact without its content", identifier("--id", help="Id"), fields())
def show(call: Call) -> Record:
    from multiflexi.services import artifact
    from multiflexi.services.presenters.artifact import row

    return Record(row(artifact.find(call.reader, call.need("id"))))


@NOUN.command(
    "save",
    "Write the content of an artifact to a file",
    identifier("--id", help="Id"),
    value("--file", "--output", "-o", help="The file; - = standard output", type=PATH),
)
def save(call: Call) -> Result:
    from multiflexi.services import artifact

    found = artifact.find(call.reader, call.need("id"))
    target = call.need("file")
    if target == "-":
        return _printed(call, found)
    _write(Path(target), _content(call, found))
    data = {
        "artifact_id": found.pk,
        "file": target,
        "size": found.size,
        "saved": True,
        "original_filename": found.filename,
        "content_type": found.content_type,
    }
    return Done(data, f"Artifact {found.pk} written to {target}, {found.size} bytes")


@NOUN.command("delete", "Delete an artifact", identifier("--id", help="Id"), dry_run(), changes=True)
def delete(call: Call) -> Done:
    from multiflexi.services import artifact

    found = artifact.find(call.reader, call.need("id"))
    number = found.pk
    if call.dry_run:
        data = {"dry_run": True, "artifact_id": number}
        return Done(data, f"Artifact {number} ({found.filename} of job {found.job_id}) would be deleted")
    artifact.remove(call.actor, found)
    return Done({"deleted": True, "artifact_id": number}, f"Artifact {number} deleted")


def printed(call: Call, job_id: int, name: str) -> Written:
    """The content of a job's artifact on standard output. Raises NotFound."""
    from multiflexi.services import artifact, lookup

    return _printed(call, lookup.by_key(artifact.query(call.reader, job_id=job_id), artifact.NOUN, filename=name))


def _printed(call: Call, found: Any) -> Written:
    sys.stdout.flush()
    for piece in _content(call, found):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return Written()


def _write(path: Path, pieces: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise Rejected(Failure(f"{path} cannot be written: {error.strerror}.", "file_unwritable")) from error
