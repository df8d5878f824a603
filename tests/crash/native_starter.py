"""An executor that starts one job, says how it is called, and waits to be killed."""

import json
import sys
from pathlib import Path

from multiflexi.executors.contract import Launch
from multiflexi.executors.native.module import Native
from multiflexi.jobs.spool import SpoolDir

job_id, argv, env, job_dir, spool = json.loads(sys.stdin.readline())
native = Native()
handle = native.start(native.prepare(Launch(job_id, 1, argv, env, Path(job_dir), SpoolDir(spool))))
print(json.dumps(handle), flush=True)
sys.stdin.read()
