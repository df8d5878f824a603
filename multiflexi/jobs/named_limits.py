"""Places in named limits: a job holds one in each limit it needs from its claim to its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import Count

from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.needs import needed_limits
from multiflexi.models import JobLimit, NamedLimit


class NamedPlaces:
    """Places left in the limits that some waiting jobs need, counted under a lock of the limits.

    Make it in the transaction of a claim, before its rows are locked. Limits are locked in the order of their ids. The
    first look waits for them: it holds nothing yet, claims are short, and who came away empty would only poll again.
    Later looks must not wait, because of what is held by then. A limit that was not locked, because another claim holds
    it or because it has gone meanwhile, has no place for now.
    """

    def __init__(self, row_ids: Sequence[int], *, wait: bool) -> None:
        self._needs = needed_limits(row_ids)
        wanted = {limit_id for limits in self._needs.values() for limit_id in limits}
        self._left: dict[int, int] = {}
        if not wanted:
            return
        rows = NamedLimit.objects.filter(pk__in=wanted).order_by("pk")
        locked = list(backend().lock_waiting(rows) if wait else backend().lock(rows))
        held = JobLimit.objects.filter(limit__in=[limit.pk for limit in locked]).order_by()
        used = dict(held.values_list("limit").annotate(number=Count("job_id")))
        self._left = {limit.pk: limit.maximum - used.get(limit.pk, 0) for limit in locked}

    def has_place(self, job_id: int) -> bool:
        return all(self._left.get(limit_id, 0) > 0 for limit_id in self._needs.get(job_id, ()))

    def take(self, job_id: int) -> None:
        for limit_id in self._needs.get(job_id, ()):
            self._left[limit_id] -= 1

    def hold(self, job_ids: Collection[int]) -> None:
        """Store the places of jobs that are ours now."""
        JobLimit.objects.bulk_create(
            [
                JobLimit(job_id=job_id, limit_id=limit_id)
                for job_id in job_ids
                for limit_id in self._needs.get(job_id, ())
            ]
        )


def free_places(job_ids: Collection[int]) -> None:
    """Give back what jobs hold that have ended or wait again; call it in the transaction of that change."""
    JobLimit.objects.filter(job_id__in=job_ids).delete()
