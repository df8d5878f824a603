"""Record type "artifact"."""

from __future__ import annotations

import base64
from typing import Any

from multiflexi.models import Artifact
from multiflexi.services.lists import same

SORTABLE = same("id", "job_id", "filename", "content_type", "created_at", "note", "size")


def row(artifact: Artifact, content: bytes | None = None) -> dict[str, Any]:
    """With `content`, the member `artifact` holds it as text, or in base64 when it is no UTF-8."""
    text, encoding = (None, "utf-8") if content is None else as_text(content)
    return {
        "id": artifact.pk,
        "job_id": artifact.job_id,
        "filename": artifact.filename,
        "content_type": artifact.content_type,
        **({} if content is None else {"artifact": text}),
        "created_at": artifact.created_at,
        "note": artifact.note,
        "size": artifact.size,
        **({} if content is None else {"encoding": encoding}),
    }


def as_text(content: bytes) -> tuple[str, str]:
    """Text that stands for the content, and its encoding: `utf-8` or `base64`."""
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii"), "base64"
