"""B2: what a scheduler needs for a hundred thousand active run templates."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, F, Max, Model, QuerySet

from bench import baresql
from bench.frame import seed, setwise
from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.report import Report, percentile, ratio, rounded, say, spread
from bench.frame.server import ServerMeter
from daemons.scheduler.loop import SchedulerLoop
from multiflexi.jobs.queue import backend
from multiflexi.models import Interval, Job, JobHistory, QueueEntry, RunTemplate, Task

TEMPLATES, QUICK_TEMPLATES = 100_000, 10_000
COMPANIES = 100
TICKS, QUICK_TICKS = 300, 100
THOUSAND = 1000
MADE = (QueueEntry, JobHistory, Job, Task)
ROUNDS = 3
IDLE_MS, THOUSAND_SECONDS, ALL_SECONDS, OF_BARE = 5.0, 0.25, 20.0, 0.5


def measure(place: Installation, options: Options) -> Report:
    """The scheduler's loop in this process: ticks with nothing to do, with a thousand due, with everything due."""
    report = Report()
    number = options.size(TEMPLATES, QUICK_TEMPLATES)
    templates = make_templates(number + THOUSAND)
    first, others = (
        templates.filter(pk__lte=nth(templates, THOUSAND)),
        templates.filter(pk__gt=nth(templates, THOUSAND)),
    )
    loop = SchedulerLoop("one")
    loop.start()
    report.figures["run_templates"] = number
    idle(loop, report, QUICK_TICKS if options.quick else TICKS)
    scheduler = partial(until_nothing_is_due, loop)
    # Tables that are not empty, as everywhere but on the first day: the planner knows how to find a row in them.
    enqueued(report, "to begin with", first, scheduler, keep=True)
    first.update(active=False, next_schedule=None)
    # The parts in turn, so that a busy minute of the machine meets all of them.
    parts = {
        "thousand_due": (others.filter(pk__lte=nth(others, THOUSAND)), scheduler),
        "all_due": (others, scheduler),
        "bare_sql": (others, partial(baresql.enqueue_all, write=baresql.send)),
        "bare_sql_inside_the_database": (others, partial(baresql.enqueue_all, write=baresql.derive)),
    }
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in parts}
    for turn in range(options.repeats(ROUNDS)):
        for name, (due, enqueue) in parts.items():
            rounds[name].append(enqueued(report, f"{name}, round {turn}", due, enqueue))
            say(f"{name}: {rounds[name][-1]}")
    loop.close()
    report.figures |= {name: medians(found) for name, found in rounds.items()}
    seconds = {name: report.figures[name]["seconds"] for name in parts}
    report.at_most(f"{THOUSAND} due, seconds", seconds["thousand_due"], THOUSAND_SECONDS)
    report.at_most("everything due, seconds", seconds["all_due"], ALL_SECONDS)
    report.at_least("everything due, bare SQL : scheduler", ratio(seconds["bare_sql"], seconds["all_due"]), OF_BARE)
    return report


def nth(templates: QuerySet[Any], number: int) -> int:
    """The id that so many have at most."""
    return list(templates.order_by("pk").values_list("pk", flat=True)[:number])[-1]


def make_templates(number: int) -> QuerySet[Any]:
    """Daily run templates with the usual policies, due in the far future."""
    made = seed.run_templates(seed.application("/bin/true"), COMPANIES, 1)
    companies = [template.company_id for template in made]
    like = RunTemplate(app=made[0].app, name="daily", active=True, complete=True, interv=Interval.DAILY)
    like.next_schedule = backend().now() + timedelta(days=365)
    RunTemplate.objects.all().delete()
    # A recursive table has at most a thousand rows on MariaDB, hence the companies.
    of_each = number // COMPANIES
    source = f"company, numbers WHERE company.id BETWEEN {min(companies)} AND {max(companies)}"
    setwise.insert(like, {"company_id": "company.id"}, source, numbers=of_each)
    seed.settle()
    return RunTemplate.objects.all()


def idle(loop: SchedulerLoop, report: Report, ticks: int) -> None:
    """Ticks while nothing is due, each with its look at elapsed windows and for the next slot."""
    times, processor = [], time.process_time()
    for _ in range(ticks):
        begun = time.perf_counter()
        loop.run_once()
        times.append((time.perf_counter() - begun) * 1000)
    spent = (time.process_time() - processor) * 1000 / ticks
    report.figures["idle_tick_ms"] = spread(times) | {"own_cpu": rounded(spent)}
    report.at_most("idle tick, milliseconds, 95th percentile", percentile(times, 95), IDLE_MS)
    report.check("nothing was enqueued while nothing was due", Job.objects.count(), 0)


class Fresh:
    """The rows that are made from now on."""

    def __init__(self) -> None:
        self._last = {model: model._default_manager.aggregate(last=Max("pk"))["last"] or 0 for model in MADE}

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        return model._default_manager.filter(pk__gt=self._last[model])

    def remove(self) -> None:
        for model in MADE:
            self.rows(model)._raw_delete("default")


def enqueued(
    report: Report, what: str, due: QuerySet[Any], enqueue: Callable[[datetime], None], *, keep: bool = False
) -> dict[str, Any]:
    """Let the run templates be due, enqueue them, check what was made and remove it."""
    slot = backend().now()
    far = due.values_list("next_schedule", flat=True).first()
    due.update(next_schedule=slot)
    seed.settle()
    found: dict[str, Any] = {}
    fresh = Fresh()
    with measured(found):
        enqueue(slot)
    check(report, what, due, slot, fresh)
    if not keep:
        fresh.remove()
    due.update(next_schedule=far, last_schedule=None)
    return found


def until_nothing_is_due(loop: SchedulerLoop, _slot: datetime) -> None:
    while loop.run_once() == 0.0:
        pass


@contextmanager
def measured(found: dict[str, Any]) -> Iterator[None]:
    server = ServerMeter(with_own_connection=True)
    processor, begun = time.process_time(), time.perf_counter()
    yield
    found["seconds"] = rounded(time.perf_counter() - begun)
    found["own_cpu_seconds"] = rounded(time.process_time() - processor)
    found["server_cpu_seconds"] = rounded(sum(server.seconds().values()))


def check(report: Report, what: str, due: QuerySet[Any], slot: datetime, fresh: Fresh) -> None:
    """One task, one job, one queue row, one line of history per run template; the cadence has moved on."""
    number = due.count()
    one_each = Count("pk"), Count("runtemplate", distinct=True)
    jobs = fresh.rows(Job).filter(slot=slot, task__window_start=slot, task__runtemplate=F("runtemplate"))
    tasks = fresh.rows(Task).filter(window_start=slot)
    rows: dict[str, Callable[[], Any]] = {
        "jobs": lambda: tuple(jobs.aggregate(n=one_each[0], of=one_each[1]).values()),
        "tasks": lambda: tuple(tasks.aggregate(n=one_each[0], of=one_each[1]).values()),
    }
    for name, count in rows.items():
        report.check(f"{what}: one of the {name} for each slot", count(), (number, number))
    report.check(f"{what}: no other jobs", fresh.rows(Job).count(), number)
    report.check(f"{what}: every job is in the queue", fresh.rows(QueueEntry).filter(after=slot).count(), number)
    report.check(f"{what}: every job has its history", fresh.rows(JobHistory).count(), number)
    moved = due.filter(last_schedule=slot, next_schedule__gt=slot, next_schedule__lte=slot + timedelta(hours=25))
    report.check(f"{what}: every cadence has moved on", moved.count(), number)


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {key: rounded(statistics.median(one[key] for one in rounds)) for key in rounds[0]}
    return result | {"seconds_of_each_round": [one["seconds"] for one in rounds]}
