"""Commands of the noun "user-erasure"; `-f` is --force here, the format is chosen by `-F`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, flag, identifier, listing, optional, value
from multiflexi.cli.field_options import is_terminal
from multiflexi.cli.output.errors import Failure, Rejected, wrong_use
from multiflexi.cli.output.results import Document, Done, Rows
from multiflexi.cli.values import FORMAT, PATH, Word

if TYPE_CHECKING:
    from multiflexi.models import ErasureRequest

NOUN = Noun("user-erasure", "Requests to erase the data of a person")
COLUMNS = (
    "id",
    "target_user_login",
    "deletion_type",
    "status",
    "request_date",
    "requested_by_login",
    "reviewed_by_login",
)
STATES = Word("pending", "approved", "scheduled", "rejected", "completed", "cancelled")
KINDS = Word("soft", "hard", "anonymize")
EXPORTED = ("Date", "Table", "Record ID", "Action", "Reason", "Performed By")


def _format(*more: str) -> Option:
    """`more` = "-f" where it does not mean --force."""
    return optional("--format", "-F", *more, help="text, json, yaml, csv, ndjson or table", type=FORMAT, default="text")


def _request() -> Option:
    return identifier("--request-id", "-r", "--id", help="Id of the request")


def _force() -> Option:
    return flag("--force", "-f", help="Do not ask")


@NOUN.command(
    "list",
    "List requests for erasure",
    value("--status", "-s", help="State", type=STATES),
    listing(),
    output=value("--format", "-F", "-f", help="text, json, yaml, csv, ndjson or table", type=FORMAT, default="text"),
)
def list_requests(call: Call) -> Rows:
    from multiflexi.services import erasure
    from multiflexi.services.presenters.erasure import SORTABLE, row

    found = call.page.of(erasure.query(call.reader, status=call["status"]), SORTABLE)
    return Rows(map(row, found.iterator()), COLUMNS, empty="No requests found.")


@NOUN.command(
    "create",
    "Ask for the erasure of an account",
    identifier("--user-id", "-u", help="Account: id, login or e-mail"),
    value("--user-login", "-l", help="Account: sign-in name"),
    value("--deletion-type", "-t", help="soft, hard or anonymize", type=KINDS, default="soft"),
    value("--reason", help="Why"),
    _force(),
    output=_format(),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.services import erasure, user

    found = user.find(call.reader, call.need("user_id", "user_login"))
    _ask(call, f"Ask for the erasure of user {found.login}?")
    made = erasure.create(call.actor, found, deletion_type=call["deletion_type"], reason=call["reason"])
    message = f"Request to erase user {found.login} created, ID: {made.pk}"
    return Done({"status": "success", "message": message, "request_id": made.pk, "id": made.pk}, message)


@NOUN.command(
    "approve",
    "Approve a request; it is due seven days later",
    _request(),
    value("--notes", help="Remark on the decision"),
    _force(),
    output=_format(),
    changes=True,
)
def approve(call: Call) -> Done:
    from multiflexi.services import erasure

    found = _selected(call)
    _ask(call, f"Approve the erasure of user {found.user_login}?")
    erasure.approve(call.actor, found, call["notes"])
    return _decided(found, "approved; user-erasure:process carries it out at once")


@NOUN.command(
    "reject",
    "Reject a request",
    _request(),
    value("--reason", help="The ground of the rejection"),
    _force(),
    output=_format(),
    changes=True,
)
def reject(call: Call) -> Done:
    from multiflexi.services import erasure

    found = _selected(call)
    _ask(call, f"Reject the erasure of user {found.user_login}?")
    erasure.reject(call.actor, found, call["reason"])
    return _decided(found, "rejected")


@NOUN.command("process", "Carry out an approved request now", _request(), dry_run(), output=_format("-f"), changes=True)
def process(call: Call) -> Done:
    from multiflexi.cli.progress import working
    from multiflexi.services import erasure

    found = _selected(call)
    data: dict[str, Any] = {"request_id": found.pk, "id": found.pk}
    if call.dry_run:
        steps = erasure.plan(call.reader, found)
        lines = [f"{one['table']}: {one['rows']} {one['action']}" for one in steps]
        return Done({"dry_run": True, **data, "plan": steps}, "\n".join(lines) or "Nothing is left to do.")
    # Programs cannot answer; what they ask for has been approved by a person before.
    if found.status == "approved" and (call.get("no_interaction") or is_terminal()):
        call.confirm(f"Erase the data of user {found.user_login} for ever?")
    with working(call, f"Erasing the data of user {found.user_login}"):
        done = erasure.process(call.actor, found)
    message = f"Erasure request {found.pk} {'carried out' if done else 'was carried out before'}"
    return Done({"status": "success", "message": message, **data, "processed": done}, message)


@NOUN.command(
    "audit",
    "Show what an erasure did, and whether that record is intact",
    _request(),
    optional("--export-audit", "-e", help="Write the steps to this file as CSV", type=PATH),
    output=_format("-f"),
)
def audit(call: Call) -> Document:
    from multiflexi.cli.output.plain import plain
    from multiflexi.services import erasure
    from multiflexi.services.presenters.erasure import step

    found = _selected(call)
    steps = [step(one) for one in found.steps.select_related("performed_by").order_by("pk")]
    verdict = erasure.verdict(found)
    shown = [plain(one, lambda: call.zone) for one in steps]
    if call["export_audit"]:
        _export(call["export_audit"], shown)
    data = {"status": "success", "request_id": found.pk, "integrity": verdict, "steps": steps}

    def text() -> str:
        rows = [[str(one[name] or "") for name in ("date", "table", "record_id", "action", "reason", "performed_by")]
                for one in shown]  # fmt: skip
        return "\n".join([*("  ".join(row).rstrip() for row in rows), f"Integrity: {verdict}"])

    complaint = f"The record of erasure request {found.pk} is not what was written when it was carried out."
    return Document(data, text, code=1 if verdict == "changed" else 0, complaint=complaint)


@NOUN.command("cleanup", "Delete evidence older than 2555 days", dry_run(), output=_format("-f"), changes=True)
def cleanup(call: Call) -> Done:
    from datetime import UTC, datetime

    from multiflexi.services import erasure

    now = datetime.now(UTC)
    number = erasure.clean_up(call.reader, now, dry_run=True)
    if number and not call.dry_run:
        call.confirm(f"Delete {number} steps older than {erasure.EVIDENCE_KEPT.days} days?", default=True)
        number = erasure.clean_up(call.actor, now)
    message = f"{number} steps {'would be deleted' if call.dry_run else 'deleted'}"
    data = {"status": "success", "message": message, "deleted": number}
    return Done({**data, **({"dry_run": True} if call.dry_run else {})}, message)


def _selected(call: Call) -> ErasureRequest:
    from multiflexi.services import erasure

    return erasure.find(call.reader, call.need("request_id"))


def _ask(call: Call, question: str) -> None:
    if not call["force"]:
        call.confirm(question, default=True)


def _decided(found: ErasureRequest, how: str) -> Done:
    message = f"Erasure request {found.pk} {how}"
    return Done({"status": "success", "message": message, "request_id": found.pk, "id": found.pk}, message)


def _export(name: str, steps: list[dict[str, Any]]) -> None:
    import csv
    from pathlib import Path

    if name == "-":
        raise wrong_use("--export-audit takes the name of a file; standard output holds the record itself.")
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(EXPORTED)
            for one in steps:
                writer.writerow(
                    one[member] for member in ("date", "table", "record_id", "action", "reason", "performed_by")
                )
    except OSError as error:
        raise Rejected(Failure(f"{name} cannot be written: {error.strerror}.", "file_unwritable")) from error
