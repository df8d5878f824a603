"""What people change about schedules: nothing fires for a past boundary, nothing that is due gets lost."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from multiflexi.jobs import enqueue
from multiflexi.models import Application, Company, Job, RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.services import application, company, run_template
from multiflexi.services.errors import Invalid
from tests.integration.jobs.builders import NOON, Clock, robot, wall
from tests.integration.jobs.conftest import clock  # noqa: F401

Change = Callable[[Actor, RunTemplate], Any]
LATER = timedelta(hours=26, minutes=10)  # 14:10 of the next day: many hours and one midnight have passed.

# What is done before the boundaries pass, what is done after them, and the first slot that may fire then.
STARTS: dict[str, tuple[Change, Change, str]] = {
    "activated again": (
        lambda a, t: run_template.update(a, t, active=False),
        lambda a, t: run_template.update(a, t, active=True),
        "2026-06-16 15:00",
    ),
    "company enabled again": (
        lambda a, t: company.update(a, t.company, enabled=False),
        lambda a, t: company.update(a, t.company, enabled=True),
        "2026-06-16 15:00",
    ),
    "application enabled again": (
        lambda a, t: application.update(a, t.app, enabled=False),
        lambda a, t: application.update(a, t.app, enabled=True),
        "2026-06-16 15:00",
    ),
    "complete again": (
        lambda a, t: run_template.update(a, t, config={"TARGET": ""}),
        lambda a, t: run_template.update(a, t, config={"TARGET": "y"}),
        "2026-06-16 15:00",
    ),
    "other interval": (
        lambda a, t: None,
        lambda a, t: run_template.update(a, t, interv="d"),
        "2026-06-17 00:00",
    ),
    "manual and back": (
        lambda a, t: run_template.update(a, t, interv="n"),
        lambda a, t: run_template.update(a, t, interv="h"),
        "2026-06-16 15:00",
    ),
    "edited expression": (
        lambda a, t: run_template.update(a, t, cron="0 14 * * *"),
        lambda a, t: run_template.update(a, t, cron="5 14 * * *"),
        "2026-06-17 14:05",
    ),
    "other zone": (
        lambda a, t: None,
        lambda a, t: run_template.update(a, t, timezone="Asia/Kathmandu"),
        "2026-06-16 14:15",
    ),
    "other zone of the company": (
        lambda a, t: None,
        lambda a, t: company.update(a, t.company, timezone="Asia/Kathmandu"),
        "2026-06-16 14:15",
    ),
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_or_edit_fires_nothing_for_a_past_boundary(kind, template, operator: Actor, clock: Clock) -> None:
    before, after, first = STARTS[kind]
    run_template.update(operator, template, interv="h")
    before(operator, RunTemplate.objects.get())
    clock.forward(seconds=LATER.total_seconds())

    after(operator, RunTemplate.objects.select_related("company", "app").get())

    assert RunTemplate.objects.get().next_schedule == wall(first)
    assert enqueue.run_pass(robot()).due == 0
    clock.set(wall(first))
    assert enqueue.run_pass(robot()).jobs == 1
    assert Job.objects.get().slot == wall(first)


def test_a_new_one_waits_for_its_first_boundary(template, clock: Clock) -> None:
    assert template.next_schedule == wall("2026-06-16 00:00")
    assert enqueue.run_pass(robot()).due == 0


@pytest.mark.parametrize(
    "change",
    [
        {"delay": 90},
        {"deadline_offset": "+3h"},
        {"allow_late": True},
        {"catch_up": "all"},
        {"interv": "h"},
        {"config": {"TARGET": "y"}},
        {"name": "Renamed"},
    ],
)
def test_another_change_keeps_the_slot_that_is_due(change, template, operator: Actor, clock: Clock) -> None:
    run_template.update(operator, template, interv="h")
    clock.forward(minutes=70)
    run_template.update(operator, template, **change)
    assert RunTemplate.objects.get().next_schedule == wall("2026-06-15 13:00")


def test_the_zone_of_the_company_moves_only_those_without_one_of_their_own(
    template, operator: Actor, clock: Clock
) -> None:
    run_template.update(operator, template, timezone="Europe/Prague")
    clock.set(wall("2026-06-16 00:00"))
    company.update(operator, template.company, timezone="Asia/Tokyo")
    assert RunTemplate.objects.get().next_schedule == clock.instant
    assert enqueue.run_pass(robot()).jobs == 1


@pytest.mark.parametrize(
    "repair", [{"deadline_offset": "+3h"}, {"interv": "h"}, {"config": {"TARGET": "y"}}, {"note": "looked at"}]
)
def test_saving_lets_the_scheduler_try_again_at_once(repair, template, operator: Actor, clock: Clock) -> None:
    RunTemplate.objects.update(deadline_offset="+3 moons")
    clock.set(wall("2026-06-16 00:00"))
    assert enqueue.run_pass(robot()).failed == 1
    run_template.update(operator, RunTemplate.objects.get(), **repair)
    one = RunTemplate.objects.get()
    assert (one.schedule_error, one.schedule_failures, one.schedule_retry_at) == (None, 0, None)
    if "deadline_offset" in repair:
        assert enqueue.run_pass(robot()).jobs == 1


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        *((rule, rule) for rule in ("+3h", "+1d12h", "+90min", "+90m", "+3 hours", "+1 day", "+2w", "+45s", "08:00")),
        (" +3h ", "+3h"),
        ("", None),
    ],
)
def test_a_deadline_that_can_be_read_is_stored(given, stored, template, operator: Actor) -> None:
    RunTemplate.objects.update(deadline_offset="+5h")
    run_template.update(operator, RunTemplate.objects.get(), deadline_offset=given)
    assert RunTemplate.objects.get().deadline_offset == stored


@pytest.mark.parametrize("rule", ["3h", "+3", "+0h", "-3h", "24:00", "8", "+3 months", "+1h1h", "+400d", "soon"])
def test_a_deadline_that_cannot_is_refused_when_saving(
    rule, template, operator: Actor, acme: Company, app: Application
) -> None:
    with pytest.raises(Invalid, match="deadline_offset"):
        run_template.update(operator, template, deadline_offset=rule)
    with pytest.raises(Invalid, match="deadline_offset"):
        run_template.create(operator, name="New", app=app, company=acme, deadline_offset=rule)
    assert RunTemplate.objects.get().deadline_offset is None


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "* * * * * *", "", "  ", "garbage", "@reboot"])
def test_an_expression_without_use_is_refused_when_saving(
    cron, template, operator: Actor, acme: Company, app: Application
) -> None:
    with pytest.raises(Invalid, match="cron"):
        run_template.update(operator, template, interv="c", cron=cron)
    with pytest.raises(Invalid, match="cron"):
        run_template.create(operator, name="New", app=app, company=acme, interv="c", cron=cron)
    assert (RunTemplate.objects.get().interv, RunTemplate.objects.get().cron) == ("d", None)


@pytest.mark.parametrize("macro", ["@daily", "@hourly", "@weekly", "@monthly", "@yearly"])
def test_a_macro_is_accepted_when_saving(macro, template, operator: Actor, clock: Clock) -> None:
    run_template.update(operator, template, cron=macro)
    one = RunTemplate.objects.get()
    assert (one.interv, one.cron) == ("c", macro)
    assert one.next_schedule > NOON
