"""Figures of obligations on the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from multiflexi.access.authority import of_user
from multiflexi.models import Application, Company, RunTemplate, Task, TaskState, User
from multiflexi.record.actor import Actor
from multiflexi.services import task
from tests.integration.cli.conftest import Cli

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def windows(template: RunTemplate, *states: str, start: datetime = JUNE) -> None:
    hour = timedelta(hours=1)
    Task.objects.bulk_create(
        Task(
            runtemplate=template,
            company_id=template.company_id,
            window_start=start + number * hour,
            window_end=start + (number + 1) * hour,
            deadline=start + (number + 1) * hour,
            state=state,
        )
        for number, state in enumerate(states)
    )


@pytest.fixture
def day(template: RunTemplate) -> RunTemplate:
    windows(template, *[TaskState.FULFILLED] * 23, TaskState.FULFILLED_LATE)
    windows(template, TaskState.MISSED, start=JUNE + timedelta(days=1))
    return template


@pytest.fixture
def foreign(globex: Company, echo: Application) -> RunTemplate:
    theirs = RunTemplate.objects.create(company=globex, app=echo, name="Theirs")
    windows(theirs, TaskState.FAILED, TaskState.OPEN)
    return theirs


def test_a_day_in_a_sentence(cli: Cli, day: RunTemplate) -> None:
    found = cli("task:summary", "--from", "2026-06-01T00:00Z", "--to", "2026-06-02T00:00Z", "-f", "json").json
    assert [(one["runtemplate_id"], one["text"]) for one in found] == [(day.pk, "23/24 fulfilled, 1 late")]
    assert (found[0]["total"], found[0]["fulfilled"], found[0]["fulfilled_late"], found[0]["missed"]) == (24, 23, 1, 0)
    assert cli("task:summary", "--from", "2026-06-02T00:00Z", "--to", "2026-06-03T00:00Z", "-f", "json").json[0][
        "text"
    ] == ("0/1 fulfilled, 1 missed")


def test_one_company_one_run_template_and_all(cli: Cli, day: RunTemplate, foreign: RunTemplate) -> None:
    june = ("--from", "2026-06-01", "--to", "2026-07-01", "-f", "json")
    assert len(cli("task:summary", *june).json) == 2
    assert [one["text"] for one in cli("task:summary", "--company", "globex", *june).json] == [
        "0/2 fulfilled, 1 failed, 1 open"
    ]
    assert [one["total"] for one in cli("task:summary", "--runtemplate", day.pk, *june).json] == [25]
    assert "23/27 fulfilled, 1 late, 1 failed, 1 missed, 1 open" in cli("task:summary", *june[:4]).err


def test_wrong_times_and_empty_ones(cli: Cli, day: RunTemplate) -> None:
    wrong = cli("task:summary", "--from", "soon")
    assert (wrong.code, "--from" in wrong.err) == (2, True)
    assert cli("task:summary", "--from", "2020-01-01", "--to", "2020-02-01").out.strip() == "No windows in this time."


def test_people_see_their_companies_only(
    queries: Callable[..., object],
    alice: User,
    bob: User,
    carol: User,
    root: User,
    day: RunTemplate,
    foreign: RunTemplate,
) -> None:
    def seen(user: User) -> set[int]:
        someone = Actor(user_id=user.pk, origin="web", grants=of_user(user))
        with queries(1):
            rows = task.summary(someone, start=JUNE, end=JUNE + timedelta(days=30))
        return {row["runtemplate_id"] for row in rows}

    assert seen(alice) == seen(bob) == {day.pk}
    assert seen(carol) == {foreign.pk}
    assert seen(root) == {day.pk, foreign.pk}
