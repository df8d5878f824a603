"""Run templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multiflexi.api.legacy.answers import Answer, Row, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import operation
from multiflexi.api.legacy.fields import EXIT_CODES, IDS, NUMBER, REQUIRED_TEXT, TEXT, TRUTH, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.api.legacy.nouns.job import moment_of
from multiflexi.models import RunTemplate
from multiflexi.services import application, company, run_template, run_template_run
from multiflexi.services.errors import Invalid, ServiceError, invalid_field
from multiflexi.services.lookup import is_id
from multiflexi.services.presenters import run_template as presenter

MEMBERS = (
    "id", "app_id", "company_id", "interv", "prepared", "success", "fail", "name", "delay", "executor", "active",
    "cron", "last_schedule", "next_schedule", "note", "DatCreate", "DatSave", "successfull_jobs_count",
    "failed_jobs_count", "deadline_offset", "max_attempts", "retry_backoff", "retry_min_gap", "allow_late",
    "max_retries", "retry_delay", "retry_on_exit_codes",
)  # fmt: skip
FIELDS = {
    "name": Field(REQUIRED_TEXT),
    "active": Field(TRUTH),
    "interval": Field(TEXT, "interv"),
    "interv": Field(TEXT),
    "cron": Field(TEXT),
    "delay": Field(NUMBER),
    "executor": Field(TEXT),
    "note": Field(TEXT),
    "deadline_offset": Field(TEXT),
    "allow_late": Field(TRUTH),
    "retry_backoff": Field(TEXT),
    "max_retries": Field(NUMBER),
    "retry_delay": Field(NUMBER),
    "retry_on_exit_codes": Field(EXIT_CODES),
    "max_attempts": Field(NUMBER),
    "retry_min_gap": Field(NUMBER),
}
CREATE_FIELDS = {**FIELDS, "app_id": Field(NUMBER), "company_id": Field(NUMBER)}
# A change by POST repeats the id, which is compared before anything is read.
PUBLISHED_FIELDS = {"id": Field(NUMBER), **CREATE_FIELDS}
BULK_FIELDS = {"runtemplate_ids": Field(IDS)}
RECONFIGURE_FIELDS = {**BULK_FIELDS, "config_key": Field(REQUIRED_TEXT), "config_value": Field(REQUIRED_TEXT)}
EXECUTE_FIELDS = {**BULK_FIELDS, "when": Field(TEXT), "executor": Field(TEXT)}
MOST_AT_ONCE = 500


def _row(one: RunTemplate) -> Row:
    known = presenter.row(one)
    return {name: known[name] for name in MEMBERS} | {"app_name": one.app.name, "company_name": one.company.name}


def _detail(call: Call, one: RunTemplate) -> Row:
    return _row(one) | {"missing": [] if one.complete else run_template.missing(one)}


def _create(call: Call) -> RunTemplate:
    given = call.given(CREATE_FIELDS)
    for name in ("name", "app_id", "company_id"):
        if not given.get(name):
            raise invalid_field(name, "a run template needs it; give it.")
    app = application.find(call.actor, given.pop("app_id"))
    owner = company.find(call.actor, given.pop("company_id"))
    return run_template.create(call.actor, app=app, company=owner, **given)


def _update(call: Call, found: RunTemplate) -> None:
    received = call.body.get("id")
    told = "id" in call.body or call.request.method == "POST"
    if told and str(received) != str(found.pk):
        raise Invalid(
            "ID mismatch", "id_mismatch",
            members={"expected": found.pk, "received": int(str(received)) if is_id(received) else None},
        )  # fmt: skip
    given: dict[str, Any] = call.given(FIELDS)
    run_template.update(call.actor, found, **given)


def _made(noun: Noun, call: Call) -> Answer:
    """An id in the address alone says which one is meant."""
    if "id" not in call.body and call.query.get(noun.key):
        call.body["id"] = call.query[noun.key]
    return noun.made(call)


NOUN = Noun(
    one="runtemplate",
    many="runtemplates",
    key="runTemplateId",
    name=run_template.NOUN,
    schema="RunTemplate",
    item="runtemplate",
    query=run_template.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable={name: presenter.SORTABLE[name] for name in MEMBERS if name in presenter.SORTABLE},
    find=run_template.find,
    detail=_detail,
    filters={
        "company_id": Filter(NUMBER),
        "app_id": Filter(NUMBER),
        "active": Filter(TRUTH),
        "enabled": Filter(TRUTH, "active"),
        "search": Filter(TEXT),
    },
    keyed=True,
    fields=PUBLISHED_FIELDS,
    required=("name", "app_id", "company_id"),
    create=_create,
    update=_update,
    remove=lambda call, found: run_template.remove(call.actor, found),
    ids={
        "list": "listRunTemplates",
        "get": "getRunTemplateById",
        "set": "setRunTemplateById",
        "update": "updateRunTemplateById",
    },
    slash=False,
    save=_made,
)
NOUN.declare()


def _for_all(call: Call, ids: list[int], work: Callable[[RunTemplate], Any]) -> tuple[list[Any], list[Row]]:
    """What came of the work for each, and why it did not for the others."""
    if not ids or len(ids) > MOST_AT_ONCE:
        raise invalid_field("runtemplate_ids", f"give 1 to {MOST_AT_ONCE} ids.")
    done, failed = [], []
    for number in dict.fromkeys(ids):
        try:
            done.append(work(run_template.find(call.actor, number)))
        except ServiceError as error:
            failed.append({"runtemplate_id": number, "error": error.message})
    return done, failed


def _outcome(name: str, number: int, failed: list[Row], **more: Any) -> Answer:
    message = f"{number} of {number + len(failed)} run templates {name}"
    document = {"success": number > 0, name: number, **more, "errors": failed, "message": message}
    return record(document if number else document | {"error": message}, status=200 if number else 400)


@operation(
    "POST", "runtemplates/bulk-reconfigure", id="reconfigureRunTemplates", schema="BulkResult", slash=False,
    rate="bulk",
    body=RECONFIGURE_FIELDS, required=tuple(RECONFIGURE_FIELDS), tag="runtemplate",
)  # fmt: skip
def reconfigure(call: Call) -> Answer:
    """Set one variable of several run templates"""
    given = call.given(RECONFIGURE_FIELDS)
    if not given.get("config_key"):
        raise invalid_field("config_key", "give the name of the variable.")
    config = {given["config_key"]: given.get("config_value", "")}
    done, failed = _for_all(
        call, given.get("runtemplate_ids", []), lambda one: run_template.update(call.actor, one, config=config)
    )
    return _outcome("updated", len(done), failed)


@operation(
    "POST", "runtemplates/bulk-execute", id="executeRunTemplates", schema="BulkResult", slash=False,
    rate="bulk",
    body=EXECUTE_FIELDS, required=("runtemplate_ids",), tag="runtemplate",
)  # fmt: skip
def execute(call: Call) -> Answer:
    """Run several run templates once"""
    given = call.given(EXECUTE_FIELDS)
    after = moment_of(given.get("when"))

    def run(one: RunTemplate) -> int:
        executor = given.get("executor") or None
        return run_template_run.schedule(call.actor, one, after=after, executor=executor, among_many=True).pk

    done, failed = _for_all(call, given.get("runtemplate_ids", []), run)
    return _outcome("scheduled", len(done), failed, job_ids=done)
