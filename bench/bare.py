"""``python -m bench.bare NUMBER PLACES [wrapped]``: start the trivial command so often, so many at once; JSON.

Alone it is what the machine can do at all; wrapped, with the directories and files of a job, what every executor of
this design has to do before the first statement of SQL.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.floor.children import Children, Directories, spawn, spawn_wrapped

ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def main() -> int:
    number, places, wrapped = int(sys.argv[1]), int(sys.argv[2]), "wrapped" in sys.argv
    scratch = Path(tempfile.mkdtemp(prefix="multiflexi-bench-"))
    where: dict[int, Directories] = {}
    children, started, ended, good = Children(), 0, 0, 0
    begun = time.perf_counter()
    while ended < number:
        while started < number and len(children) < places:
            started += 1
            words = ["/bin/echo", str(started)]
            if wrapped:
                directories = Directories(scratch / f"spool-{started}", scratch / f"work-{started}")
                directories.make()
                pid = spawn_wrapped(f"mf-job-{started}-1", words, ENV, directories)
                where[pid] = directories
            else:
                pid = spawn(words, ENV)
            children.add(pid)
        for end in children.ended(60):
            ended, good = ended + 1, good + (end.code == 0)
            if wrapped:
                where.pop(end.pid).remove()
    seconds = time.perf_counter() - begun
    shutil.rmtree(scratch)
    own, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    spent = {"itself": own.ru_utime + own.ru_stime, "children": below.ru_utime + below.ru_stime}
    print(json.dumps({"seconds": seconds, "good": good, "cpu_seconds": spent, "pid": os.getpid()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
