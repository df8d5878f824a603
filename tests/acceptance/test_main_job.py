"""The main job of the platform: a due run template becomes a job, and all of its results are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.models import (
    Company,
    Interval,
    JobHistory,
    JobStatus,
    QueueEntry,
    RunTemplate,
    ScheduleType,
    Task,
    TaskState,
    Worker,
)
from tests.crash.live import Live, ended, lines_of, path_through, stored, until

PRINTS = r"""
printf 'one\n\ttwo \303\241\n\n'
printf 'no newline at the end'
printf 'a warning\r\nsecond\n' >&2
printf '{"ok": true}' > "$RESULT_FILE"
"""


@pytest.mark.slow
def test_a_due_slot_becomes_a_finished_job_with_all_its_results(live: Live, acme: Company) -> None:
    app = live.app(PRINTS, resultfile="RESULT_FILE")
    app.fields.create(keyname="RESULT_FILE", defval="result.json")
    template = live.template(app, acme, interv=Interval.MINUTELY)
    activated = timezone.now()
    schedulable.refresh([template.pk], now=activated)
    slot = RunTemplate.objects.get(pk=template.pk).next_schedule
    assert slot is not None
    assert timedelta(0) < slot - activated <= timedelta(seconds=60)
    live.scheduler()
    live.executor()

    job = until(template.jobs.first, "the job of the slot", 75)
    job = ended(job.pk)

    assert (job.status, job.exitcode, job.slot, job.schedule_type) == (
        JobStatus.SUCCESS,
        0,
        slot,
        ScheduleType.MINUTELY,
    )
    assert slot <= job.created_at <= job.queued_at <= job.begin <= job.end
    assert job.begin - slot < timedelta(seconds=5)
    assert path_through(job.pk) == ["pending", "queued", "running", "finishing", "success"]
    scheduler, executor = (Worker.objects.get(role=role) for role in ("scheduler", "executor"))
    actors = list(JobHistory.objects.filter(job=job).order_by("pk").values_list("actor", flat=True))
    assert actors == [f"worker:{scheduler.pk}", *[f"worker:{executor.pk}"] * 4]
    kept = {one.filename: one.content_type for one in job.artifacts.all()}
    assert kept == {"stdout.txt": "text/plain", "stderr.txt": "text/plain", "result.json": "application/json"}
    assert stored(job.pk) == b"one\n\ttwo \xc3\xa1\n\nno newline at the end"
    assert stored(job.pk, "stderr.txt") == b"a warning\r\nsecond\n"
    assert stored(job.pk, "result.json") == b'{"ok": true}'
    assert job.stdout == "one\n\ttwo á\n\nno newline at the end"
    out = job.output_lines.filter(type="stdout").order_by("seq").values_list("line", flat=True)
    assert list(out) == ["one", "\ttwo á", "", "no newline at the end"]
    assert set(lines_of(job.pk)) - set(out) == {"a warning", "second"}
    assert not QueueEntry.objects.filter(job=job).exists()
    assert Task.objects.get(pk=job.task_id).state == TaskState.FULFILLED
    template.refresh_from_db()
    assert (template.successfull_jobs_count, template.failed_jobs_count, template.running_job) == (1, 0, None)
    assert template.last_schedule == slot
    assert template.next_schedule > slot
    assert not list(live.spool.glob("*/job-*"))
