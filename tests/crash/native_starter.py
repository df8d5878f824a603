"""An executor that starts one job, says how it is called, and waits to be killed."""

import json
import sys
import time
from pathlib import Path

from multiflexi.executors.contract import Launch
from multiflexi.executors.native.module import Native
from multiflexi.jobs.spool import SpoolDir

job_id, argv, env, job_dir, spool = json.loads(sys.stdin.readline())
native = Native()
handle = native.start(native.prepare(Launch(job_id, 1, argv, env, Path(job_dir), SpoolDir(spool))))
while handle["pid_started"] is None and native.poll(handle) is None:
    time.sleep(0.01)  # A look of the runner completes the handle.
print(json.dumps(handle), flush=True)
sys.stdin.read()
