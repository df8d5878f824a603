"""Jobs: looking at them, making, ending and deleting them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from multiflexi.api.legacy import clock, fields
from multiflexi.api.legacy.answers import Answer, Row, listing, record, wrapped
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Parameter, operation, suffixed
from multiflexi.api.legacy.fields import MOMENT, NUMBER, OBJECT, TEXT, TRUTH, Field, Kind
from multiflexi.api.legacy.formats import LISTS, RECORDS
from multiflexi.api.legacy.formats import plain as written
from multiflexi.api.legacy.lists import Filter, arguments
from multiflexi.api.legacy.noun import Noun
from multiflexi.api.legacy.nouns.artifact import row as artifact_row
from multiflexi.http import idempotency
from multiflexi.models import Job, JobStatus, StopLevel
from multiflexi.scheduling import moments
from multiflexi.services import artifact, job, job_cleanup, job_log, job_query, job_stop, run_template, run_template_run
from multiflexi.services.errors import Invalid, Refused, invalid_field
from multiflexi.services.presenters import job as presenter

MOST_VARIABLES, LONGEST_VALUE = 256, 128 * 1024
MOST_LINES = 10_000
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FIELDS = {
    "runtemplate_id": Field(NUMBER),
    "scheduled": Field(TEXT),
    "executor": Field(TEXT),
    "env": Field(OBJECT),
}
STOP_FIELDS = {"reason": Field(TEXT), "level": Field(TEXT)}
REMOVAL_FILTERS = {
    "runtemplate_id": Filter(NUMBER),
    "from": Filter(MOMENT, "begin__gte"),
    "to": Filter(MOMENT, "begin__lte"),
}
STATUS = Kind(
    lambda value: [word for word in str(value).split(",") if word.strip()],
    {"type": "string", "description": "failed, success, running, pending, completed or a stored state"},
)


def row(one: Job) -> Row:
    known = presenter.row(one)
    for name in ("retention_until", "marked_for_deletion"):
        del known[name]
    return known | {
        "block_reason": one.block_reason,
        "blocked_at": one.blocked_at,
        "status_label": str(JobStatus(one.status).label),
        "duration": (one.end - one.begin).total_seconds() if one.begin and one.end else None,
    }


def _detail(call: Call, one: Job) -> Row:
    found = row(one)
    if call.flag("output", True):
        found |= {"stdout": one.stdout or "", "stderr": one.stderr or "", "output_truncated": one.output_truncated}
    if call.flag("lines", False):
        found["output_lines"] = [line._asdict() | {"id": line.seq} for line in job_log.lines(one, tail=MOST_LINES)]
    return found


def _query(actor: Any, **asked: Any) -> Any:
    return job_query.query(actor, **asked).defer("stdout", "stderr")


def _remove(call: Call, found: Job) -> None:
    if call.flag("cancel", False) and found.status in job_stop.NOT_BEGUN:
        job_stop.cancel(call.actor, found, "deleted on request")
    job.remove(call.actor, found)


NOUN = Noun(
    one="job",
    many="jobs",
    key="jobId",
    name=job_query.NOUN,
    schema="Job",
    item="job",
    query=_query,
    rows=lambda call, found: [row(one) for one in found],
    sortable=presenter.SORTABLE,
    find=job_query.find,
    detail=_detail,
    filters={
        "status": Filter(STATUS),
        "runtemplate_id": Filter(NUMBER),
        "company_id": Filter(NUMBER),
        "app_id": Filter(NUMBER),
        "search": Filter(TEXT),
        "executor": Filter(TEXT, "executor__exact"),
        "from": Filter(MOMENT, "begin__gte"),
        "to": Filter(MOMENT, "begin__lte"),
    },
    keyed=True,
    remove=_remove,
    ids={"list": "listjobs", "get": "getjobById", "delete": "deletejobById"},
    more={
        "GET": (Parameter("output", TRUTH), Parameter("lines", TRUTH)),
        "DELETE": (Parameter("cancel", TRUTH),),
    },
)
NOUN.declare()


@operation("GET", "job", id="plainJob", schema="Job", shape="array", tag="job", successor="jobs")
def plain(call: Call) -> Answer:
    """List jobs"""
    return NOUN.list_plainly(call)


@operation(
    "POST", "job", id="setjobById", rate="job-create", schema="Job", status=201, body=FIELDS,
    required=("runtemplate_id",), tag="job", successor="jobs",
)  # fmt: skip
def schedule(call: Call) -> Answer:
    """Run a run template, now or later"""
    request = call.request._request
    key = idempotency.key_of(request)
    if key is None or call.user is None:
        return record(_scheduled(call))
    answer = idempotency.once(
        call.user.pk,
        key,
        idempotency.fingerprint_of(call.request),
        lambda: idempotency.Answer(201, written(_scheduled(call))),
    )
    told = record(answer.body, status=answer.status)
    if answer.replayed:
        told.headers[idempotency.REPLAYED] = "true"
    return told


@suffixed(
    "POST", "jobs", id="createJob", rate="job-create", schema="Job", status=201, body=FIELDS,
    required=("runtemplate_id",), tag="job", successor="jobs",
)  # fmt: skip
def create(call: Call) -> Answer:
    """Run a run template, now or later"""
    return schedule(call)


def _scheduled(call: Call) -> Row:
    if call.body.get("runtemplate_id", call.query.get("runtemplate_id")) in (None, ""):
        raise Invalid("Missing runtemplate_id", "missing_value", details={"field": "runtemplate_id"})
    given = call.given(FIELDS)
    after = moment_of(given.get("scheduled"))
    template = run_template.find_to_run(call.actor, given["runtemplate_id"])
    made = run_template_run.schedule(
        call.actor,
        template,
        after=after,
        executor=given.get("executor") or None,
        overrides=_variables(given.get("env") or {}),
    )
    return row(made) | {"job_id": made.pk, "scheduled": made.schedule, "schedule_type": made.schedule_type}


def moment_of(text: str | None) -> datetime | None:
    """The instant that a request means, None for at once. Raises Invalid."""
    if text is None or text.strip().lower() in ("", "now"):
        return None
    try:
        return moments.parse(text, zone=clock.zone())
    except ValueError as error:
        raise Invalid(
            "Invalid scheduled value", "invalid_value", details={"field": "scheduled", "rule": str(error)}
        ) from None


def _variables(given: dict[str, Any]) -> dict[str, str]:
    if len(given) > MOST_VARIABLES:
        raise invalid_field("env", f"at most {MOST_VARIABLES} variables are taken.")
    return {name: _variable(name, value) for name, value in given.items()}


def _variable(name: str, value: Any) -> str:
    if not VARIABLE.fullmatch(name):
        raise invalid_field("env", f'"{name}" cannot be a variable; use letters, digits and underscores.')
    if isinstance(value, dict | list):
        raise invalid_field("env", f"{name}: write a text, a number or a boolean.")
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    if len(text.encode()) > LONGEST_VALUE:
        raise invalid_field("env", f"{name}: a value has at most {LONGEST_VALUE} bytes.")
    return text


@operation(
    "DELETE",
    "jobs",
    id="deletejobs",
    suffixes=RECORDS,
    schema="JobsDeleted",
    parameters=(
        *(Parameter(name, one.kind) for name, one in REMOVAL_FILTERS.items()),
        Parameter("dry_run", TRUTH),
    ),
    tag="job",
    successor="jobs",
)
def remove_many(call: Call) -> Answer:
    """Delete finished jobs of a run template or of a time"""
    asked, looked_up = arguments(call, REMOVAL_FILTERS)
    if not asked and not looked_up:
        raise Invalid(
            "Give at least one of runtemplate_id, from, to.", "missing_value", details={"field": "runtemplate_id"}
        )
    jobs = job_cleanup.finished(job_query.query(call.actor, **asked).filter(**looked_up))
    job_cleanup.need_removal(call.actor, jobs)
    ids = list(jobs.order_by("pk").values_list("pk", flat=True))
    dry = call.flag("dry_run", False)
    facts = {name: call.query[name] for name in REMOVAL_FILTERS if name in call.query}
    deleted = 0 if dry else job_cleanup.remove_batches(call.actor, ids, facts)["jobs"]
    return record({"dry_run": dry, "matched": len(ids), "deleted": deleted, "job_ids": ids})


@suffixed("GET", "jobs/status", id="getJobsStatus", schema="JobsStatus", shape="wrapper", tag="job", successor="status")
def totals(call: Call) -> Answer:
    """Count jobs by what became of them"""
    found = job_query.totals(call.actor)
    states = job_query.by_status(call.actor)
    more = {
        "running_jobs": states.get(JobStatus.RUNNING, 0) + states.get(JobStatus.FINISHING, 0),
        "cancelled_jobs": states.get(JobStatus.CANCELLED, 0),
        "quee_length": found["queue_length"],
    }
    return wrapped("jobsStatus", {"timestamp": clock.now(), **found, **more})


@operation(
    "GET", "job/{jobId}/artifacts", id="listJobArtifacts", suffixes=LISTS, schema="Artifact", shape="array", tag="job",
    successor="jobs",
)  # fmt: skip
def artifacts(call: Call) -> Answer:
    """List what a job left behind"""
    found = artifact.query(call.actor, job_id=NOUN.select(call).pk).order_by("pk")
    return listing([artifact_row(one) for one in found], item="artifact", title="artifacts")


@operation(
    "POST", "job/{jobId}/cancel", id="cancelJob", schema="Job", slash=False, tag="job", body={}, successor="jobs"
)
def cancel(call: Call) -> Answer:
    """Take out a job that has not begun"""
    found = NOUN.select(call)
    job_stop.cancel(call.actor, found)
    return record(_detail(call, NOUN.select(call)))


@operation(
    "POST", "job/{jobId}/stop", id="stopJob", schema="Job", status=202, slash=False, tag="job", body=STOP_FIELDS,
    successor="jobs",
)  # fmt: skip
def stop(call: Call) -> Answer:
    """Ask for the end of a job that runs"""
    given = call.given(STOP_FIELDS)
    level = fields.one("level", fields.word_of(*StopLevel.values), given.get("level") or StopLevel.STOP.value)
    found = NOUN.select(call)
    if found.status in job_stop.NOT_BEGUN:
        raise Refused(
            f"Job {found.pk} has not begun; cancel it instead.", "job_not_begun", details={"status": found.status}
        )
    job_stop.request_stop(call.actor, found, level=level, reason=given.get("reason"))
    return record(_detail(call, NOUN.select(call)))


@operation(
    "POST", "job/{jobId}/retry", id="retryJob", schema="Job", status=201, slash=False, tag="job", body={},
    successor="jobs",
)  # fmt: skip
def retry(call: Call) -> Answer:
    """Repeat an ended job as a new one"""
    made = job.retry(call.actor, NOUN.select(call))
    return record(row(made) | {"job_id": made.pk})
