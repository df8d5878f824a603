"""The options for limits of jobs, the same for applications and run templates."""

from __future__ import annotations

from multiflexi.cli.declare import Option, value
from multiflexi.cli.values import COUNT


def limit_options() -> list[Option]:
    return [
        value("--time_limit", help="Seconds, 0 = none", type=COUNT),
        value("--memory_limit_mb", help="Memory of a Native job, 0 = none", type=COUNT),
        value("--pids_limit", help="Processes of a job, 0 = none", type=COUNT),
        value("--cpu_limit", help="Processors of a job, e.g. 0.5; 0 = none"),
        value("--file_limit_mb", help="Size of one file, 0 = none", type=COUNT),
        value("--output_limit_mb", help="Output at which a job is stopped, 0 = none", type=COUNT),
    ]
