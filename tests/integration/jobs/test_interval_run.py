"""A job for every run template of one interval, now."""

from __future__ import annotations

from datetime import timedelta

from multiflexi.jobs.interval_run import enqueue_interval
from multiflexi.models import Application, Company, Job, QueueEntry, RunTemplate, Task
from multiflexi.record.actor import Actor
from tests.integration.jobs import builders
from tests.integration.jobs.builders import Clock


def test_every_run_template_that_could_run_gets_a_job(
    acme: Company, globex: Company, app: Application, robot: Actor, clock: Clock
) -> None:
    hourly = [
        builders.template(acme, app, interv="h", active=True),
        builders.template(globex, app, interv="h", active=True, delay=90),
    ]
    builders.template(acme, app, interv="d", active=True)
    builders.template(acme, app, interv="h", active=False)
    builders.template(acme, app, interv="h", active=True, complete=False, archived_at=clock())
    cadence = list(RunTemplate.objects.order_by("pk").values_list("next_schedule", "last_schedule"))
    assert enqueue_interval("h", robot) == 2
    jobs = list(Job.objects.order_by("pk"))
    assert [(job.runtemplate_id, job.slot, job.task_id, job.schedule_type) for job in jobs] == [
        (one.pk, None, None, "hourly") for one in hourly
    ]
    assert list(QueueEntry.objects.order_by("pk").values_list("after", flat=True)) == [
        clock(),
        clock() + timedelta(seconds=90),
    ]
    assert not Task.objects.exists()
    assert list(RunTemplate.objects.order_by("pk").values_list("next_schedule", "last_schedule")) == cadence
    assert enqueue_interval("y", robot) == 0
