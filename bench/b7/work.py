"""The jobs of the measurement, and for each of them what must come of it; both follow from its number alone."""

from __future__ import annotations

import hashlib
import signal
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiflexi.models import Application

TEMPLATES = 40
AT_ONCE = 500
MAX_RETRIES = 2
LIMIT = 3
LONG_LINES = 1500

# A second run of the same job fails to make its file; a run that should wait for others finds all their doors taken.
SCRIPT = """#!/bin/sh
set -C
id=$MULTIFLEXI_JOB_ID
place={place}
if ( : > $place/$id ) 2>/dev/null; then :; else echo again >> $place/$id.again; fi
case $MULTIFLEXI_RUNTEMPLATE_NAME in
  serial*) doors=$MULTIFLEXI_RUNTEMPLATE_ID;;
  limited*) doors="{doors}";;
  *) doors=;;
esac
mine=
for door in $doors; do
  if ( : > $place/door-$door ) 2>/dev/null; then mine=$place/door-$door; break; fi
done
if [ -n "$doors" ] && [ -z "$mine" ]; then echo $id >> $place/overlap; fi
echo "job $id begins"
n=0
case $((id % 100)) in
  99) while [ $n -lt {long} ]; do n=$((n+1)); echo "$n {padding}"; done;;
  *) while [ $n -lt 12 ]; do n=$((n+1)); echo "line $n of $id"; done;;
esac
echo "complaint of $id" >&2
case $((id % 20)) in
  0) sleep 3;;
  1|2|3|4|5) sleep 0.$id;;
esac
echo "report of $id" > report.txt
echo "job $id ends"
[ -z "$mine" ] || rm -f $mine
case $((id % 10)) in
  6) exit 1;;
  7) exit 42;;
  8) exit 255;;
  9) kill -9 $$;;
esac
exit 0
"""
PADDING = "x" * 120


@dataclass(frozen=True)
class Expected:
    """What one job must leave."""

    code: int
    signal: int | None
    stdout: bytes
    stderr: bytes
    report: bytes


def expected(number: int) -> Expected:
    """What the job of this number must leave, whoever ran it."""
    last = number % 10
    code = {6: 1, 7: 42, 8: 255, 9: 128 + signal.SIGKILL}.get(last, 0)
    if number % 100 == 99:
        lines = [f"{n} {PADDING}" for n in range(1, LONG_LINES + 1)]
    else:
        lines = [f"line {n} of {number}" for n in range(1, 13)]
    return Expected(
        code,
        int(signal.SIGKILL) if last == 9 else None,
        "".join(f"{line}\n" for line in [f"job {number} begins", *lines, f"job {number} ends"]).encode(),
        f"complaint of {number}\n".encode(),
        f"report of {number}\n".encode(),
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_templates(place: Path) -> list[int]:
    """Companies and their run templates, some serialised, some under a named limit, some with retries; their ids."""
    from multiflexi.models import Company, NamedLimit, Overlap, RunTemplate

    program = place.parent / "job"
    doors = " ".join(f"limit-{n}" for n in range(LIMIT))
    program.write_text(SCRIPT.format(place=place, doors=doors, long=LONG_LINES, padding=PADDING))
    program.chmod(0o755)
    app, limited = _application("b7", program), _application("b7-limited", program)
    NamedLimit.objects.create(name="b7", maximum=LIMIT).users.create(app=limited)
    companies = [Company.objects.create(name=f"Company {n}", slug=f"company-{n}") for n in range(5)]
    made = []
    for n in range(TEMPLATES):
        kind = "serial" if n % 4 == 0 else "limited" if n % 10 == 3 else "parallel"
        made.append(
            RunTemplate.objects.create(
                app=limited if kind == "limited" else app,
                company=companies[n % len(companies)],
                name=f"{kind} {n}",
                active=True,
                overlap=Overlap.QUEUE_ONE if kind == "serial" else Overlap.ALLOW,
                max_retries=MAX_RETRIES if n % 5 == 0 else 0,
                retry_delay=1,
            )
        )
    return [template.pk for template in made]


def _application(code: str, program: Path) -> Application:
    from multiflexi.models import AppArtifact, Application

    app = Application.objects.create(name=code, code=code, uuid=uuid.uuid4(), executable=str(program), version="1")
    AppArtifact.objects.create(app=app, path="report.txt")
    return app


def make_jobs(template_ids: Sequence[int], count: int) -> None:
    """Insert jobs that are due now; run templates whose jobs wait for each other get a tenth of what others get."""
    from multiflexi.jobs.create import NewJob, create_jobs
    from multiflexi.jobs.queue import backend
    from multiflexi.models import RunTemplate, ScheduleType, User
    from multiflexi.record.actor import Actor

    actor = Actor(user_id=User.objects.technical().pk)
    templates = list(RunTemplate.objects.filter(pk__in=template_ids).order_by("pk"))
    ring = [one for one in templates for _ in range(10 if one.name.startswith("parallel") else 1)]
    # Neighbours in the queue shall be of different run templates.
    ring = [one for start in range(10) for one in ring[start::10]]
    for begin in range(0, count, AT_ONCE):
        now = backend().now()
        create_jobs(
            [
                NewJob(ring[n % len(ring)], ScheduleType.ADHOC, actor.user_id or 0, now)
                for n in range(begin, min(count, begin + AT_ONCE))
            ],
            actor=actor,
            now=now,
        )


def executor_command(name: str) -> list[str]:
    return [sys.executable, "-m", "daemons.executor", "--name", name, "--daemon"]
