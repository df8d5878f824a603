"""What daemons have to do with it that nothing happens: none alive, none that serves a module, no free place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from multiflexi.jobs import workers
from multiflexi.models import QueueEntry, Worker, WorkerRole
from multiflexi.services.explain.reason import Reason

HEARTBEATS_MISSED = 3


def living() -> list[Worker]:
    """Executors and schedulers that gave a sign of life lately."""
    within = settings.MULTIFLEXI_HEARTBEAT_SECONDS * HEARTBEATS_MISSED
    return workers.alive([WorkerRole.EXECUTOR, WorkerRole.SCHEDULER], within_seconds=within)


def no_executor(module: str, workers: Sequence[Worker]) -> Iterator[Reason]:
    """Why no executor among the living takes a due job of a module now; nothing when one could."""
    alive = [one for one in workers if one.role == WorkerRole.EXECUTOR]
    if not alive:
        yield Reason("executor", _("No executor is alive; start multiflexi-executor."))
        return
    serving = [one for one in alive if not one.modules or module in one.modules]
    claiming = [one for one in serving if not one.not_claiming_reason]
    if not serving:
        yield Reason("module", _("No executor that is alive serves %(module)s.") % {"module": module})
    elif not claiming:
        told = ", ".join(sorted(f"{one.name}: {one.not_claiming_reason}" for one in serving))
        yield Reason("not_claiming", _("No executor takes jobs now (%(reasons)s).") % {"reasons": told})
    elif _are_full(claiming):
        yield Reason("place", _("Every place of the executors is taken."))


def no_scheduler(workers: Sequence[Worker]) -> Iterator[Reason]:
    """Nothing when a scheduler is among the living."""
    if not any(one.role == WorkerRole.SCHEDULER for one in workers):
        yield Reason("scheduler", _("No scheduler is alive, so no job is made when it is due; start it."))


def _are_full(executors: Sequence[Worker]) -> bool:
    """Whether each of them has taken as many jobs as it has places; 0 places are any number."""
    rows = QueueEntry.objects.filter(worker__in=executors).order_by().values_list("worker")
    taken = dict(rows.annotate(number=Count("pk")))
    return all(one.places and taken.get(one.pk, 0) >= one.places for one in executors)
