"""The executor with an accident arranged for it: `faulty_executor POINT NTH SIGNAL [arguments of the executor]`.

The process sends itself the signal when it comes to the point for the n-th time, so it is hit nowhere else.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

from daemons.executor.__main__ import main
from multiflexi import faults

point, nth, name, *arguments = sys.argv[1:]
passes = itertools.count(1)


def hook(reached: faults.Point) -> None:
    if reached == point and next(passes) == int(nth):
        os.kill(os.getpid(), signal.Signals[name])


faults.install(hook)
sys.exit(main(arguments))
