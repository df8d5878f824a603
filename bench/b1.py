"""B1: how many trivial jobs with full capture one executor process runs in a second."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.report import Report, ratio, rounded, say
from bench.peers import celery, procrastinate
from bench.trivial import PLACES, Trivial

JOBS, QUICK_JOBS = 10_000, 1_000
HISTORY, QUICK_HISTORY = 1_000_000, 50_000
ROUNDS = 3
JOBS_PER_SECOND = 500
WITH_HISTORY = 0.9
RATIOS = {"floor": 0.6, "procrastinate": 1.3}

Found = dict[str, Any]


def measure(place: Installation, options: Options) -> Report:
    """Rounds of all parts in turn, so that a busy minute of the machine meets all of them; then with a history."""
    report = Report()
    work = Trivial(place, report, options.size(JOBS, QUICK_JOBS))
    rounds: dict[str, list[Found]] = {}
    parts = {name: part for name, part in _parts(work, place, report, options).items() if options.wants(name)}
    _take_turns(parts, options.repeats(ROUNDS), rounds)
    if options.wants("history"):
        report.figures["finished_jobs"] = work.make_history(QUICK_HISTORY if options.quick else HISTORY)
        _take_turns({"history": work.by_executor}, options.repeats(ROUNDS), rounds)
    found = {name: summary(each) for name, each in rounds.items()}
    report.figures |= {"jobs": work.number, "places": PLACES} | found
    _judge(report, found)
    return report


def _parts(
    work: Trivial, place: Installation, report: Report, options: Options
) -> dict[str, Callable[[], dict[str, Any]]]:
    parts: dict[str, Callable[[], Found]] = {"executor": work.by_executor}
    if options.database == "pgsql":
        parts["floor"] = work.by_floor
        parts["procrastinate"] = partial(procrastinate.measure, place, report, work.number, PLACES)
    else:
        report.notes.append("The floor and Procrastinate need PostgreSQL.")
    if celery.is_possible():
        parts["celery"] = partial(celery.measure, place, report, work.number, PLACES)
    else:
        report.notes.append("Celery was left out, because there is no redis-server.")
    return parts | {"wrapped": partial(work.bare, "wrapped"), "bare": work.bare}


def _take_turns(parts: dict[str, Callable[[], Found]], times: int, rounds: dict[str, list[Found]]) -> None:
    for _ in range(times):
        for name, run in parts.items():
            rounds.setdefault(name, []).append(run())
            say(f"{name}: {rounds[name][-1]}")


def _judge(report: Report, found: dict[str, Found]) -> None:
    rate = {name: one["jobs_per_second"] for name, one in found.items()}
    cost = {name: one["cpu_ms_per_job"]["all"] for name, one in found.items()}
    ours = rate.get("executor")
    report.at_least("jobs per second of one executor process", ours, JOBS_PER_SECOND)
    for other, bound in RATIOS.items():
        report.at_least(f"executor : {other}", ratio(ours, rate.get(other)), bound)
    report.at_least("with a history : without", ratio(rate.get("history"), ours), WITH_HISTORY)
    report.figures["processor_time_as_a_multiple_of"] = {
        name: rounded(ratio(cost.get("executor"), spent)) for name, spent in cost.items() if name != "executor"
    }


def summary(rounds: list[Found]) -> Found:
    """Medians over the rounds."""
    result = _medians(rounds)
    result["jobs_per_second_of_each_round"] = [one["jobs_per_second"] for one in rounds]
    return result


def _medians(rounds: list[Found]) -> Found:
    return {
        key: _medians([one[key] for one in rounds])
        if isinstance(value, dict)
        else rounded(statistics.median(one[key] for one in rounds))
        for key, value in rounds[0].items()
    }
