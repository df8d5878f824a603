"""Limits of jobs under a real executor: whose limit holds, what becomes of a job above it, what is recorded."""

from __future__ import annotations

import re
from pathlib import Path

from multiflexi.models import Company, FailureReason, JobStatus
from tests.crash.live import Live, ended, running, stored

WITHOUT_GROUPS = {"NATIVE_CONTROL_GROUP": "none"}
MANY = "for n in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo ready; wait"


def test_the_run_templates_limit_counts_before_the_applications_and_the_settings(live: Live, acme: Company) -> None:
    app = live.app("exit 0", memory_limit_mb=100, pids_limit=50, cpu_limit="0.50")
    template = live.template(app, acme, memory_limit_mb=200, pids_limit=0)
    job_id = live.job(template)
    live.executor(MULTIFLEXI_JOB_FILE_MB="8000", MULTIFLEXI_JOB_PROCESSES="7", **WITHOUT_GROUPS)
    limits = ended(job_id).limits
    assert (limits["memory"], limits["processes"], limits["cpus"]) == (200 << 20, None, 0.5)
    assert limits["applied"] == {"memory": "prlimit", "file_size": "prlimit", "cpus": "not enforced"}
    assert [warning.split(" ")[1] for warning in limits["warnings"]] == ["memory", "CPU"]


def test_too_many_processes_end_the_job(live: Live, acme: Company) -> None:
    within = live.run("sleep 3", acme, pids_limit=3)
    job_id = live.run(MANY, acme, pids_limit=5)
    live.executor(**WITHOUT_GROUPS)
    job = ended(job_id)
    assert (job.status, job.failure_reason) == (JobStatus.TERMINATED, FailureReason.PROCESS_LIMIT)
    # The sample may fall into the moment in which it still starts them.
    assert re.search(r"\b([6-9]|10) processes, 5 are allowed", job.reason_detail)
    assert b"ready\n".startswith(stored(job_id))
    assert ended(within).status == JobStatus.SUCCESS


def test_an_adopted_job_keeps_the_limits_it_was_started_with(live: Live, acme: Company) -> None:
    template = live.template(live.app(f"while [ ! -e $MULTIFLEXI_TMP/go ]; do sleep 0.1; done; {MANY}"), acme)
    template.pids_limit = 5
    template.save()
    job_id = live.job(template)
    executor = live.executor(**WITHOUT_GROUPS)
    job = running(job_id)
    executor.crash()
    type(template).objects.update(pids_limit=None)
    live.executor(**WITHOUT_GROUPS)
    Path(job.handle["job_dir"], "go").touch()
    assert ended(job_id).failure_reason == FailureReason.PROCESS_LIMIT


def test_too_large_a_file_ends_the_job_and_as_much_output_does_not(live: Live, acme: Company) -> None:
    large = "head -c 2000000 /dev/zero"
    output = live.run(large, acme, file_limit_mb=1)
    file = live.run(f"mkdir sub; {large} >sub/large; sleep 1000", acme, file_limit_mb=1)
    live.executor(**WITHOUT_GROUPS)
    assert ended(file).failure_reason == FailureReason.FILE_LIMIT
    assert "sub/large has more than 1048576 bytes" in ended(file).reason_detail
    assert (ended(output).status, ended(output).stdout_bytes) == (JobStatus.SUCCESS, 2_000_000)


def test_the_kernel_stops_a_file_where_the_output_limit_lies_below(live: Live, acme: Company) -> None:
    job_id = live.run("exec head -c 8000000 /dev/zero >large", acme, file_limit_mb=3, output_limit_mb=1)
    live.executor(**WITHOUT_GROUPS)
    job = ended(job_id)
    assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.FAILED, 153, FailureReason.FILE_LIMIT)


def test_use_of_resources_is_recorded_also_of_an_adopted_job(live: Live, acme: Company) -> None:
    work = "n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done"
    own = live.run(f"{work}; sleep 1", acme)
    job_id = live.run(f"{work}; echo ready; while [ ! -e $MULTIFLEXI_TMP/go ]; do sleep 0.1; done", acme)
    executor = live.executor(**WITHOUT_GROUPS)
    assert ended(own).wall_seconds >= 1
    assert ended(own).cpu_seconds > 0
    handle = running(job_id).handle
    executor.crash()
    Path(handle["job_dir"], "go").touch()
    live.executor(**WITHOUT_GROUPS)
    job = ended(job_id)
    assert job.status == JobStatus.SUCCESS
    assert job.cpu_seconds > 0
    assert job.wall_seconds > 0
    assert (job.stdout_bytes, job.max_rss_kb) == (6, None)
