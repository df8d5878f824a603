"""What a job leaves behind: live lines, artifacts and their chunks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.application import AppArtifact
from multiflexi.models.base import TenantModel, one_of
from multiflexi.models.job import Job

CHUNK_BYTES = 1024 * 1024


class LineType(models.TextChoices):
    """Stream, or kind of a message of the platform, that a line belongs to."""

    STDOUT = "stdout", _("Standard output")
    STDERR = "stderr", _("Standard error")
    INFO = "info", _("Information")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")
    DEBUG = "debug", _("Debug")


class JobOutputLine(TenantModel):
    """One masked line of a job's output without its newline, at most 16 KiB; `seq` runs over both streams."""

    company_path: ClassVar[str] = "job__company_id"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="output_lines", db_index=False)
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=16, choices=LineType.choices, default=LineType.STDOUT)
    line = models.TextField(default="", blank=True)
    continued = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "job_output_lines"
        indexes = (models.Index(fields=("job", "id"), name="job_output_lines_job"),)
        constraints = (models.UniqueConstraint(fields=("job", "seq"), name="job_output_lines_seq"),)

    def __str__(self) -> str:
        return self.line


class ArtifactKind(models.TextChoices):
    """Where an artifact comes from."""

    STDOUT = "stdout", _("Standard output")
    STDERR = "stderr", _("Standard error")
    RESULT = "result", _("Result file")
    DEFINITION = "definition", _("Promised file")


class ArtifactStorage(models.TextChoices):
    """Where the content lies."""

    ROW = "row", _("In the row")
    CHUNKS = "chunks", _("In chunks")
    SHARED = "shared", _("In shared storage")


class Artifact(TenantModel):
    """A file or stream kept from a job; content up to one chunk lies in the row."""

    company_path: ClassVar[str] = "job__company_id"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="artifacts", db_index=False)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255, default="text/plain")
    kind = models.CharField(max_length=12, choices=ArtifactKind.choices, default=ArtifactKind.DEFINITION)
    app_artifact = models.ForeignKey(AppArtifact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.TextField(null=True, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, null=True, blank=True)
    storage = models.CharField(max_length=8, choices=ArtifactStorage.choices, default=ArtifactStorage.ROW)
    artifact = models.BinaryField(null=True)
    storage_path = models.TextField(null=True, blank=True)
    masked_spans = models.PositiveIntegerField(default=0)
    contains_secret = models.BooleanField(default=False)
    truncated = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "artifacts"
        constraints = (
            models.UniqueConstraint(fields=("job", "filename"), name="artifacts_filename"),
            one_of("storage", ArtifactStorage.values, "artifacts"),
            one_of("kind", ArtifactKind.values, "artifacts"),
        )

    def __str__(self) -> str:
        return self.filename


class ArtifactChunk(TenantModel):
    """A piece of a large artifact: 1 MiB, the last one shorter; offset = seq × 1 MiB."""

    company_path: ClassVar[str] = "artifact__job__company_id"

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    seq = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "artifact_chunks"
        constraints = (models.UniqueConstraint(fields=("artifact", "seq"), name="artifact_chunks_seq"),)

    def __str__(self) -> str:
        return f"{self.artifact_id}/{self.seq}"
