"""Figures of the installation in the text format of Prometheus.

Finished jobs are counted in hourly sums, so that the figures cost the same however many jobs there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Count, Q, Sum

from multiflexi import __version__
from multiflexi.jobs.queue import backend
from multiflexi.models import LIVE_STATES, Credential, Job, OutcomeRollup, QueueEntry, RunTemplate, Worker
from multiflexi.services.status import ALIVE_WITHIN

Sample = tuple[Mapping[str, str], Any]


def text() -> str:
    """All figures; 7 queries."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    now = backend().now()
    yield from _metric("build_info", "gauge", "Version of MultiFlexi", [({"version": __version__}, 1)])
    outcomes = list(OutcomeRollup.objects.order_by("outcome").values("outcome").annotate(jobs=Sum("count")))
    yield from _metric(
        "jobs_finished_total", "counter", "Ended jobs by outcome", _labelled(outcomes, "outcome", "jobs")
    )
    spent = OutcomeRollup.objects.aggregate(seconds=Sum("duration_sum"))["seconds"]
    yield from _metric("job_seconds_total", "counter", "Time spent by ended jobs", [({}, spent or 0)])
    live = Job.objects.filter(status__in=LIVE_STATES).order_by("status").values("status").annotate(jobs=Count("pk"))
    yield from _metric("jobs_live", "gauge", "Jobs that have not ended", _labelled(live, "status", "jobs"))
    queue = QueueEntry.objects.aggregate(
        waiting=Count("pk", filter=Q(worker=None)), overdue=Count("pk", filter=Q(worker=None, after__lt=now))
    )
    for name, help_text in (("waiting", "Jobs that wait in the queue"), ("overdue", "Waiting jobs that are due")):
        yield from _metric(f"queue_{name}", "gauge", help_text, [({}, queue[name])])
    templates = RunTemplate.objects.filter(archived_at=None).order_by("active").values("active")
    counted = [{"active": str(row["active"]).lower(), "n": row["n"]} for row in templates.annotate(n=Count("pk"))]
    yield from _metric("runtemplates", "gauge", "Run templates", _labelled(counted, "active", "n"))
    known = Credential.objects.order_by("availability").values("availability").annotate(n=Count("pk"))
    yield from _metric("credentials", "gauge", "Credentials by availability", _labelled(known, "availability", "n"))
    yield from _workers(list(Worker.objects.order_by("role", "name")), now)


def _workers(workers: list[Worker], now: Any) -> Iterator[str]:
    def labels(one: Worker) -> dict[str, str]:
        return {"role": one.role, "name": one.name}

    alive = [(labels(one), int(now - one.last_seen_at <= ALIVE_WITHIN)) for one in workers]
    yield from _metric("worker_alive", "gauge", "Whether a daemon gave a sign of life lately", alive)
    for name in ("places", "places_used"):
        samples = [(labels(one), getattr(one, name)) for one in workers if one.places]
        yield from _metric(f"worker_{name}", "gauge", "Jobs an executor can run or runs", samples)


def _labelled(rows: Iterable[Mapping[str, Any]], label: str, value: str) -> list[Sample]:
    return [({label: str(row[label])}, row[value]) for row in rows]


def _metric(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP multiflexi_{name} {help_text}\n# TYPE multiflexi_{name} {kind}\n"
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"multiflexi_{name}{{{told}}} {value}\n" if told else f"multiflexi_{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
