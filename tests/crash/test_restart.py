"""An executor that is stopped and started while a job speaks: nothing of the job is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from multiflexi.models import Company, Job, JobHistory, JobStatus
from tests.crash.live import Live, ended, lines_of, running, stored, until

# Each line waits for its turn, so that the test knows what was said before the stop, during it and behind the start.
SPEAKER = """
number=0
while [ $number -lt {lines} ]; do
  number=$((number + 1))
  while [ ! -e "{turns}/$number" ]; do sleep 0.02; done
  echo "line $number"
done
exit 7
"""
LINES = 60


@pytest.mark.parametrize("ending", ["detach", "drain over", "crash"])
def test_a_job_keeps_its_lines_and_exit_code(live: Live, acme: Company, tmp_path: Path, ending: str) -> None:
    turns = tmp_path / "turns"
    turns.mkdir()

    def speak(first: int, last: int) -> None:
        for number in range(first, last + 1):
            (turns / str(number)).touch()

    job_id = live.run(SPEAKER.format(lines=LINES, turns=turns), acme)
    mode = {"detach": "detach", "drain over": "drain", "crash": "detach"}[ending]
    first = live.executor(MULTIFLEXI_STOP_MODE=mode, MULTIFLEXI_SHUTDOWN_GRACE="0.5")
    before = running(job_id)
    speak(1, 20)
    until(lambda: len(lines_of(job_id)) == 20, "the first lines")
    if ending == "crash":
        first.crash()
    else:
        assert first.stop(signal.SIGTERM) == 0
    speak(21, 40)
    said = until(lambda: list(live.spool.glob(f"one/job-{job_id}*/stdout")), "its spool file")[0]
    until(lambda: said.read_text().count("\n") == 40, "the lines in between")
    assert len(lines_of(job_id)) == 20
    live.executor()
    until(lambda: len(lines_of(job_id)) == 40, "the lines that were said meanwhile")
    speak(41, LINES)
    job = ended(job_id)
    expected = [f"line {number}" for number in range(1, LINES + 1)]
    assert (job.status, job.exitcode, job.pid) == (JobStatus.FAILED, 7, before.pid)
    assert lines_of(job_id) == expected
    assert stored(job_id).decode().splitlines() == expected
    assert Job.objects.count() == 1
    assert JobHistory.objects.filter(job_id=job_id, to_status=JobStatus.RUNNING).count() == 2
