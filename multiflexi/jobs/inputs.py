"""Input files: uploads of `file-path` fields, written into the job's directory before the start."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from multiflexi.models import FileStore
from multiflexi.vault import envelope
from multiflexi.vault.names import CREDENTIALS

DIRECTORY = "inputs"
_UNSAFE = re.compile(r"[^\w.+ ()@=,-]")
_MAX_NAME_BYTES = 150
_MASKED_AT_MOST = 16 * 1024


def safe_name(name: str) -> str:
    """A file name without directories, control characters and leading dots or dashes; never empty."""
    base = _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".-").strip()
    stem, dot, last = base.rpartition(".")
    stem, suffix = (stem, dot + last) if stem else (base, "")
    room = _MAX_NAME_BYTES - len(suffix.encode())
    if room < 1:
        stem, suffix, room = base, "", _MAX_NAME_BYTES
    return stem.encode()[:room].decode(errors="ignore") + suffix or "file"


def input_path(directory: str, variable: str, file_name: str) -> str:
    """Where the file of a variable lies below a job's directory, as that directory is seen by the process."""
    return str(PurePosixPath(directory) / _below(variable, file_name))


def sealed_content(content: bytes, record: int, company_id: int | None = None) -> bytes:
    """What to store in `file_data` of a secret upload; the row gets its id first."""
    text = base64.b64encode(content).decode()
    sealed = envelope.seal(
        text, key=CREDENTIALS, table="file_store", field="file_data", record=record, company_id=company_id
    )
    return sealed.encode()


def content(upload: FileStore) -> bytes:
    """The plain content of an upload; raises DecryptionFailed for a secret one that does not open."""
    data = bytes(upload.file_data or b"")
    if not upload.secret or not data:
        return data
    sealed = data.decode(errors="replace")
    text = envelope.open_sealed(sealed, table="file_store", field="file_data", record=upload.pk)
    return base64.b64decode(text)


def secret_texts(uploads: Iterable[FileStore]) -> set[str]:
    """What is to be masked of secret uploads: their whole content; larger ones than keys and certificates are left out.

    Raises DecryptionFailed.
    """
    return maskable(content(upload) for upload in uploads if upload.secret)


def maskable(contents: Iterable[bytes]) -> set[str]:
    """The texts to look for of secret files, as far as they are not too large for that."""
    return {data.decode("utf-8", "surrogateescape") for data in contents if 0 < len(data) <= _MASKED_AT_MOST}


def secrets_of(upload_ids: Iterable[int]) -> set[str]:
    """What is to be masked of these uploads, as far as they are still stored. Raises DecryptionFailed."""
    return secret_texts(FileStore.objects.filter(pk__in=list(upload_ids), secret=True))


def write(uploads: Mapping[str, FileStore], job_dir: Path) -> list[Path]:
    """Write the upload of each variable below a fresh job directory, mode 0600; existing files are never overwritten.

    The variable and not the field names the place, because two credentials may bring files for one field.
    """
    return [_write_one(upload, job_dir / _below(variable, upload.file_name)) for variable, upload in uploads.items()]


def _write_one(upload: FileStore, path: Path) -> Path:
    path.parent.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content(upload))
    return path


def _below(variable: str, file_name: str) -> str:
    return f"{DIRECTORY}/{safe_name(variable)}/{safe_name(file_name)}"
