"""A one-shot run that is killed leaves its job to the executors of its host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from multiflexi.models import Company, JobStatus
from tests.crash.live import Live, ended, running, stored, until

RUN = "import sys; from multiflexi.cli.main import main; sys.exit(main(['job:run', sys.argv[1]]))"


def test_the_job_of_a_killed_one_shot_run_keeps_its_result(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    os.mkfifo(flag)
    job_id = live.run(f"echo started; read line < {flag}; echo $line; exit 4", acme)
    one_shot = subprocess.Popen([sys.executable, "-c", RUN, str(job_id)], env=live.environment)
    try:
        running(job_id)
        until(lambda: list(live.spool.glob("*/job-*/start")), "the start of the job")
    finally:
        one_shot.send_signal(signal.SIGKILL)
        one_shot.wait()
    live.executor()
    flag.write_text("on its own\n")
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.FAILED, 4)
    assert stored(job_id) == b"started\non its own\n"
    until(lambda: not list(live.spool.glob("*/job-*")), "the removal of the spool directory")
