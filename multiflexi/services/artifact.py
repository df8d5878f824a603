"""Files and streams kept from jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs import artifacts
from multiflexi.models import Artifact, ArtifactChunk, ArtifactStorage
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup
from multiflexi.services.rights import need
from multiflexi.services.scope import visible

NOUN = "Artifact"


def query(actor: Actor, *, job_id: int | None = None) -> QuerySet[Artifact]:
    """Artifacts without their content."""
    rows = visible(Artifact, actor).defer("artifact")
    return rows.filter(job_id=job_id) if job_id is not None else rows


def find(actor: Actor, reference: Any) -> Artifact:
    return lookup.by_id(query(actor), NOUN, reference)


def content(actor: Actor, artifact: Artifact) -> Iterator[bytes]:
    """The bytes in pieces of at most one chunk, wherever they lie; audited when there is a secret in them.

    Raises NotPermitted.
    """
    allow(actor, artifact)
    return part(artifact)


def part(artifact: Artifact, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from `start` up to, not including, `end`, of an artifact that `allow` has let pass."""
    return iter(artifacts.read(artifact, start, end))


def allow(actor: Actor, artifact: Artifact) -> None:
    """Let the content pass, and leave an audit entry when there is a secret in it. Raises NotPermitted."""
    need(actor, "artifacts.reveal" if artifact.contains_secret else "artifacts.read", artifact.job.company_id)
    if artifact.contains_secret:
        audit.write(
            actor,
            "download",
            artifact,
            company_id=artifact.job.company_id,
            severity="high",
            event_type="credential_revealed",
            data={"filename": artifact.filename, "job_id": artifact.job_id},
        )


def load_small(found: Sequence[Artifact]) -> None:
    """Fetch the content that lies in the rows, of all of them in one query."""
    ids = [one.pk for one in found if one.storage == ArtifactStorage.ROW]
    contents = dict(Artifact.objects.filter(pk__in=ids).values_list("pk", "artifact"))
    for one in found:
        if one.pk in contents:
            one.artifact = contents[one.pk]


def remove(actor: Actor, artifact: Artifact) -> None:
    need(actor, "jobs.delete", artifact.job.company_id)
    with transaction.atomic():
        audit.write(
            actor,
            "delete",
            artifact,
            company_id=artifact.job.company_id,
            changes=changes.for_audit({"filename": (artifact.filename, None)}),
            data={"job_id": artifact.job_id},
        )
        ArtifactChunk.objects.filter(artifact=artifact).delete()
        artifact.delete()
