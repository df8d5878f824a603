"""Daemons, queue, credentials and clocks: is the work going on?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi import __version__
from multiflexi.jobs import schedulable, workers
from multiflexi.jobs.queue import backend
from multiflexi.models import Availability, Credential, QueueEntry, RunTemplate, WorkerRole
from multiflexi.services import native_sharing
from multiflexi.services.doctor.finding import Finding, State, broken, doubtful, well
from multiflexi.services.explain.daemons import HEARTBEATS_MISSED, living, no_executor, no_scheduler

WAITING_TOO_LONG = timedelta(minutes=5)
LARGEST_DIFFERENCE = 2.0
SHOWN = 5


def daemons(timeout: float) -> Iterator[Finding]:
    """Schedulers and executors: at least one of each has to live."""
    for role in (WorkerRole.SCHEDULER, WorkerRole.EXECUTOR):
        alive = workers.alive([role], within_seconds=settings.MULTIFLEXI_HEARTBEAT_SECONDS * HEARTBEATS_MISSED)
        if not alive:
            yield broken(
                role.value,
                _("none shows signs of life"),
                _("systemctl start multiflexi-%(role)s, then journalctl -u multiflexi-%(role)s") % {"role": role.value},
            )
        for one in alive:
            name = f"{role.value} {one.name}"
            if one.version != __version__:
                told = _("runs version %(theirs)s, here is %(ours)s") % {"theirs": one.version, "ours": __version__}
                yield doubtful(name, told, _("restart it"))
            elif one.not_claiming_reason:
                told = _("takes no jobs: %(reason)s") % {"reason": one.not_claiming_reason}
                yield doubtful(name, told, _("see multiflexi-cli worker:list"))
            else:
                yield well(name, one.get_state_display())


def queue(timeout: float) -> Iterator[Finding]:
    """Jobs that wait beyond reason, leases nobody renews, and schedules nobody looks at."""
    now = backend().now()
    found = [*_waiting(now), *_abandoned(now), *_overdue(now), *_unreadable()]
    yield from found or [well("queue", _("%(number)d jobs, none stuck") % {"number": QueueEntry.objects.count()})]


def _waiting(now: datetime) -> Iterator[Finding]:
    late = QueueEntry.objects.filter(worker=None, after__lt=now - WAITING_TOO_LONG, deferrals=0)
    for module in late.order_by("executor").values_list("executor", flat=True).distinct():
        reasons = [one.detail for one in no_executor(module, living())]
        if reasons:
            number = late.filter(executor=module).count()
            told = _("%(number)d jobs of executor %(module)s have been due for more than 5 minutes")
            yield doubtful("waiting", told % {"number": number, "module": module}, " ".join(reasons))


def _abandoned(now: datetime) -> Iterator[Finding]:
    lapsed = now - timedelta(seconds=2 * settings.MULTIFLEXI_LEASE_SECONDS)
    number = QueueEntry.objects.filter(worker__isnull=False, lease_until__lt=lapsed).count()
    if number:
        yield doubtful(
            "leases",
            _("%(number)d jobs belong to an executor that no longer renews its lease") % {"number": number},
            _("start that executor again, so that it takes its jobs back; see queue:list"),
        )


def _overdue(now: datetime) -> Iterator[Finding]:
    number = RunTemplate.objects.filter(archived_at=None, next_schedule__lt=now - WAITING_TOO_LONG).count()
    if number:
        reasons = [one.detail for one in no_scheduler(living())] or [_("see the log of multiflexi-scheduler")]
        told = _("%(number)d run templates have been due for more than 5 minutes") % {"number": number}
        yield doubtful("schedules", told, " ".join(reasons))


def _unreadable() -> Iterator[Finding]:
    rows = RunTemplate.objects.filter(archived_at=None).exclude(schedule_error=None).exclude(schedule_error="")
    for one in rows.order_by("pk")[:SHOWN]:
        name = _("run template %(name)s (%(id)d)") % {"name": one.name, "id": one.pk}
        yield doubtful(name, str(one.schedule_error), _("correct it with run-template:update"))


def credentials(timeout: float) -> Iterator[Finding]:
    """Credentials whose last check says that they cannot be used."""
    bad = Credential.objects.filter(availability__in=(Availability.UNAVAILABLE, Availability.MISCONFIGURED))
    for one in bad.select_related("company").order_by("pk")[:SHOWN]:
        name = _("credential %(name)s of %(company)s") % {"name": one.name, "company": one.company.name}
        told = f"{one.get_availability_display()}: {one.availability_message or '-'}"
        yield doubtful(name, told, _("credential:check --id %(id)d --refresh tries again") % {"id": one.pk})
    number = bad.count()
    if number > SHOWN:
        told = _("%(number)d more cannot be used") % {"number": number - SHOWN}
        yield doubtful("credentials", told, _("credential:list shows all of them"))
    elif not number:
        yield well("credentials", _("none is known to be unusable"))


def isolation(timeout: float) -> Iterator[Finding]:
    """Whether companies that share native jobs are walled off from each other."""
    found = native_sharing.look()
    if found:
        yield Finding("native jobs", State(found.level), found.message, found.hint)
    else:
        yield well("native jobs", _("no two companies share jobs without walls"))


def clocks(timeout: float) -> Iterator[Finding]:
    """This host's clock beside the database's, and the time zone that schedules are read in."""
    difference = (datetime.now(UTC) - backend().now()).total_seconds()
    if abs(difference) > LARGEST_DIFFERENCE:
        yield doubtful(
            "clock",
            _("this host's clock differs from that of the database by %(seconds).1f seconds") % {"seconds": difference},
            _("let both hosts take the time from the same source (NTP); the database's clock decides"),
        )
    else:
        yield well("clock", _("agrees with that of the database"))
    yield well("time zone", schedulable.installation_zone().key)
