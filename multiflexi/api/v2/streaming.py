"""Server-sent events: what happens to a job as it happens, as long as the caller may see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from multiflexi.api.v2.frame.problems import Busy
from multiflexi.http import health
from multiflexi.http.authentication import counts_still
from multiflexi.http.requests import authority_of
from multiflexi.models import Job, JobHistory, JobStatus, User
from multiflexi.record.actor import Actor
from multiflexi.services import address_list, job_log
from multiflexi.services.errors import NotPermitted
from multiflexi.services.scope import visible

HEARTBEAT, LOOK, CHECK, RETRY_AFTER = 15.0, 0.25, 2.0, 10
MOST_AT_ONCE = 500
MEDIA_TYPE = "text/event-stream"
# Half of the threads stay free for everybody else.
_places = threading.BoundedSemaphore(max(settings.MULTIFLEXI_WEB_THREADS // 2, 1))


@contextmanager
def place() -> Iterator[bool]:
    """Whether this thread may wait; not when half of them wait already."""
    taken = _places.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _places.release()


def opened(request: Request, events: Iterator[str]) -> HttpResponseBase:
    """Events as an answer. Raises Busy."""
    if request.method == "HEAD":
        return HttpResponse(content_type=MEDIA_TYPE)
    _take()
    return _Stream(events)


class Watch:
    """Whether a caller may still see what a stream tells, asked again every other second."""

    def __init__(self, request: Request, actor: Actor) -> None:
        self.actor = actor
        self.presented = request.auth
        self._asked = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._asked >= CHECK

    def renew(self) -> bool:
        """Read the caller's authority anew; False when there is none any more."""
        self._asked = time.monotonic()
        address = self.actor.ip or ""
        if not counts_still(self.presented, self.actor.user_id or 0, address) or not _admitted(address):
            return False
        user = User.objects.filter(pk=self.actor.user_id or 0).first()
        self.actor = replace(self.actor, grants=authority_of(user, self.presented, address))
        return user is not None and user.is_active

    def sees(self, job: Job) -> bool:
        """Whether the caller still sees the job."""
        try:
            return self.renew() and visible(Job, self.actor).filter(pk=job.pk).exists()
        except NotPermitted:
            return False


def job_events(watch: Watch, job: Job, after: int, types: list[str]) -> Iterator[str]:
    """`line`, `status` and at last `end`; a comment where nothing happens.

    A server that stops breaks off, and the client goes on at another one from the last id.
    """
    status, told = "", time.monotonic()
    while True:
        if watch.is_due() and not watch.sees(job):
            yield _event("end", {"reason": "not_permitted"})
            return
        # The state first: what ended before it was read has all of its lines stored.
        job.refresh_from_db(fields=["status", "exitcode"])
        for one in lines_of(job, after, types):
            after, told = one.seq, time.monotonic()
            yield _event("line", line(one), one.seq)
        if job.status != status:
            status, told = job.status, time.monotonic()
            yield _event("status", {"status": status})
        if JobStatus(status).is_final:
            yield _event("end", {"status": status, "exitcode": job.exitcode})
            return
        if health.stopping.is_set():
            return
        if time.monotonic() - told >= HEARTBEAT:
            told = time.monotonic()
            yield ": still here\n\n"
        time.sleep(LOOK)


def changes_of_jobs(watch: Watch, after: int | None) -> Iterator[str]:
    """`job` for each change of the state of a job in the caller's companies, from now or after an id on."""
    newest = JobHistory.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    after, told = newest if after is None else after, time.monotonic()
    yield ": here\n\n"
    while True:
        if health.stopping.is_set() or (watch.is_due() and not watch.renew()):
            return
        try:
            rows = visible(JobHistory, watch.actor).filter(pk__gt=after).select_related("job").order_by("pk")
        except NotPermitted:
            return
        for one in rows[:MOST_AT_ONCE]:
            after, told = one.pk, time.monotonic()
            yield _event("job", _change(one), one.pk)
        if time.monotonic() - told >= HEARTBEAT:
            told = time.monotonic()
            yield ": still here\n\n"
        time.sleep(LOOK)


def need_jobs(actor: Actor) -> None:
    """Raise NotPermitted for who may see no job at all."""
    visible(JobHistory, actor)


def lines_of(job: Job, after: int, types: list[str]) -> Iterator[job_log.Line]:
    """Lines of a job after a number, from its artifacts once the live ones are gone."""
    if JobStatus(job.status).is_final and not job_log.has_lines(job):
        return (one for one in job_log.kept_lines(job) if one.seq > after and (not types or one.type in types))
    return job_log.lines(job, after=after, types=types)


def line(one: job_log.Line) -> dict[str, Any]:
    """A line as it is told."""
    return {"id": one.seq, "seq": one.seq, "type": one.type, "line": one.line, "created_at": one.created_at}


class _Stream(StreamingHttpResponse):
    """Gives its place back however it ends."""

    def __init__(self, events: Iterator[str]) -> None:
        super().__init__(events, content_type=MEDIA_TYPE)
        self["Cache-Control"] = "no-store"
        self["X-Accel-Buffering"] = "no"
        self._held = True

    def close(self) -> None:
        if self._held:
            self._held = False
            _places.release()
        super().close()


def _take() -> None:
    if not _places.acquire(blocking=False):
        raise Busy(_("Half of the threads of this server wait for jobs already; try again."), RETRY_AFTER)


def _admitted(address: str) -> bool:
    try:
        return address_list.admits(address)
    except address_list.Unknown:
        return False


def _change(one: JobHistory) -> dict[str, Any]:
    return {
        "job_id": one.job_id,
        "company_id": one.job.company_id,
        "runtemplate_id": one.job.runtemplate_id,
        "from": one.from_status,
        "to": one.to_status,
        "exitcode": one.job.exitcode,
        "at": one.at,
    }


def _event(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    told = JSONRenderer().render(data).decode()
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {told}\n\n"
