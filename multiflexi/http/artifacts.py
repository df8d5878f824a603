"""The content of an artifact as an answer, the same on every surface."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from multiflexi.http import ranges
from multiflexi.models import Artifact
from multiflexi.record.actor import Actor
from multiflexi.services import artifact


def sent(request: HttpRequest, actor: Actor, found: Artifact, *, inline: bool = False) -> HttpResponseBase:
    """The file, parts of it, 304 or 416. Raises NotPermitted."""
    artifact.allow(actor, found)
    if found.size:
        artifact.load_small([found])
    file = ranges.File(
        name=found.filename,
        media_type=found.content_type,
        size=found.size,
        tag=found.sha256 or f"{found.pk}-{found.size}",
        modified=found.created_at,
        read=lambda start, end: artifact.part(found, start, end),
        inline=inline,
    )
    return ranges.sent(request, file)
