"""What a job is doing that an executor has taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from multiflexi.models import Job, JobStatus, QueueEntry
from multiflexi.services.explain.reason import Reason


def doing(job: Job, now: datetime) -> Iterator[Reason]:
    """Where it runs, whether its end was asked for, and whether its executor still shows signs of life."""
    entry = QueueEntry.objects.select_related("worker").filter(job=job).first()
    name = entry.worker.name if entry and entry.worker else "?"
    yield _phase(job, name)
    if entry and entry.stop_level:
        text = _("Its end was asked for: %(reason)s") % {"reason": entry.stop_reason or "–"}
        yield Reason("stop", text, since=entry.stop_at)
    if entry and entry.lease_until and entry.lease_until < now:
        text = _("Executor %(name)s is silent; what became of the job is decided by what it left behind.")
        yield Reason("silent", text % {"name": name}, since=entry.lease_until)


def _phase(job: Job, name: str) -> Reason:
    if job.status == JobStatus.QUEUED:
        text = _("Executor %(name)s has taken it and starts it when a place is free.") % {"name": name}
        return Reason("claimed", text, since=job.queued_at)
    if job.status == JobStatus.RUNNING:
        text = _("Executor %(name)s runs it on %(host)s.") % {"name": name, "host": job.host or "?"}
        return Reason("running", text, since=job.begin)
    return Reason("finishing", _("The application has ended; its output and files are being stored."))
