"""The queue: numbers, order, repair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from multiflexi.models import AuditEntry, Job, QueueEntry, RunTemplate, User, Worker
from multiflexi.services.presenters.queue import waiting

from .conftest import Cli

NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (30, "30s"),
        (165 * 60, "2h 45m"),
        (1137 * 86400 + 12 * 3600 + 120, "1137d 12h 2m"),
        (86400, "1d"),
        (-3 * 3600, "overdue 3h"),
        (-59, "overdue 59s"),
    ],
)
def test_waiting_times(seconds: int, text: str) -> None:
    assert waiting(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.fixture
def three(cli: Cli, template: RunTemplate) -> list[int]:
    """Jobs due now, in two hours and tomorrow."""
    times = ("now", "+2 hours", "+1 day")
    return [cli("job:create", template.pk, "--scheduled", time, "-f", "json").json["id"] for time in times]


def test_overview(cli: Cli, three: list[int]) -> None:
    QueueEntry.objects.filter(job_id=three[0]).update(after=datetime.now(UTC) - timedelta(minutes=1))
    for name in ("queue:overview", "queue:status", "queue"):
        numbers = cli(*name.split(), "--format=json").json["comprehensive_queue_metrics"]
        assert (numbers["total_jobs_in_queue"], numbers["unique_companies"]) == (3, 1)
        assert numbers["schedule_breakdown"]["overdue_jobs"] == 1
    assert "overdue_jobs" in cli("queue").out


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ([], [0, 1, 2]),
        (["--order=D"], [2, 1, 0]),
        (["--order", "after DESC"], [2, 1, 0]),
        (["--order", "job", "--direction", "D"], [2, 1, 0]),
        (["--order", "nonsense"], [0, 1, 2]),
        (["--direction", "desc"], [2, 1, 0]),
        (["--limit=1", "--offset=1"], [1]),
    ],
)
def test_order(cli: Cli, three: list[int], words: list[str], order: list[int]) -> None:
    rows = cli("schedule:list", *words, "-f", "json").json
    assert [row["job"] for row in rows] == [three[index] for index in order]
    assert cli("queue:list", "--direction", "up").code == 2


def test_entries_tell_interval_and_cause(cli: Cli, three: list[int]) -> None:
    row = cli("queue:list", "-f", "json").json[1]
    assert (row["schedule_type"], row["job_schedule_type"], row["app_name"]) == ("disabled", "CommandLine", "Echo")
    assert row["after"].endswith("(1h 59m)") or row["after"].endswith("(2h)")


def test_truncate_cancels_what_waits_and_keeps_the_cadence(cli: Cli, three: list[int], template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--interv", "d")
    before = RunTemplate.objects.get().next_schedule
    Job.objects.filter(pk=three[1]).update(status="running")
    assert cli("queue:truncate", stdin="n\n").code == 1
    assert cli("queue:truncate", "-f", "json").json["waiting"] == 2
    assert dict(Job.objects.values_list("pk", "status")) == {
        three[0]: "cancelled",
        three[1]: "running",
        three[2]: "cancelled",
    }
    assert RunTemplate.objects.get().next_schedule == before
    assert QueueEntry.objects.get().job_id == three[1]


def test_clear_removes_entries_of_ended_jobs(cli: Cli, three: list[int]) -> None:
    Job.objects.filter(pk=three[0]).update(status="failed", exitcode=1, end=NOW)
    Job.objects.filter(pk=three[1]).update(status="blocked", end=NOW)
    assert cli("queue:clear", "-f", "json").json == {"status": "success", "cleared": 1, "jobs": [three[0]]}
    assert cli("queue:clear", "--blocked", "-f", "json").json["jobs"] == [three[1]]
    assert QueueEntry.objects.get().job_id == three[2]


def test_fix_gives_waiting_jobs_their_row_again(cli: Cli, three: list[int]) -> None:
    assert cli("queue:fix", "-f", "json").json["messages"] == [{"type": "success", "message": "The queue is in order."}]
    after = QueueEntry.objects.get(job_id=three[1]).after
    QueueEntry.objects.filter(job_id=three[1]).delete()
    Job.objects.filter(pk=three[0]).update(status="success", exitcode=0, end=NOW)
    for _ in range(2):
        told = cli("queue:fix", "--dry-run", "-f", "json").json
        assert ([one["type"] for one in told["messages"]], told["dry_run"]) == (["info", "info"], True)
        assert not QueueEntry.objects.filter(job_id=three[1]).exists()
    done = cli("queue:fix", "-f", "json").json
    assert done["messages"] == told["messages"]
    assert QueueEntry.objects.get(job_id=three[1]).after == after
    assert not QueueEntry.objects.filter(job_id=three[0]).exists()
    assert Job.objects.count() == 3
    assert AuditEntry.objects.filter(action="repair").count() == 2


def test_fix_gives_expired_claims_back(cli: Cli, three: list[int]) -> None:
    worker = Worker.objects.create(role="executor", name="gone", host="h", boot_id="b")
    old = datetime.now(UTC) - timedelta(hours=1)
    QueueEntry.objects.filter(job_id__in=three[:2]).update(worker=worker, lease_until=old)
    Job.objects.filter(pk=three[0]).update(status="queued", worker=worker)
    Job.objects.filter(pk=three[1]).update(status="running", worker=worker)
    text = cli("queue:fix").out
    assert f"given back to the queue: {three[0]}." in text
    assert f"[WARNING] Jobs whose executor is silent: {three[1]}" in text
    assert Job.objects.get(pk=three[0]).status == "pending"
    assert QueueEntry.objects.get(job_id=three[0]).worker is None
    assert Job.objects.get(pk=three[1]).status == "running"


def test_fix_recomputes_a_lost_cadence(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--interv", "h")
    RunTemplate.objects.update(next_schedule=None)
    assert "recomputed" in cli("queue:fix").out
    assert RunTemplate.objects.get().next_schedule is not None


def test_a_job_without_run_template_is_reported(cli: Cli, three: list[int]) -> None:
    Job.objects.filter(pk=three[0]).update(runtemplate=None)
    assert f"without run template: {three[0]}" in cli("queue:fix").out
    assert Job.objects.filter(pk=three[0], status="pending").exists()


def test_reading_the_queue_needs_no_author(cli: Cli) -> None:
    before = User.objects.count()
    cli("queue:list")
    cli("queue:overview")
    assert User.objects.count() == before
