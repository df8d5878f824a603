"""Commands of the noun "audit"."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, listing, value
from multiflexi.cli.output.errors import Failure, Rejected
from multiflexi.cli.output.results import Document, Done, Result, Rows, Written
from multiflexi.cli.values import PATH, Number, Word

NOUN = Noun("audit", "Who changed what, and the proof that nothing of it was altered")
COLUMNS = ("id", "created_at", "user_id", "origin", "action", "entity_type", "entity_id", "severity")
TIMES = [
    value("--from", help="Entries written then or later"),
    value("--to", help="Entries written earlier than that"),
]


@NOUN.command(
    "list",
    "List audit entries, newest first",
    value("--user", help="Id of the account that acted", type=Number()),
    value("--company", "--company_id", help="Company: id or slug"),
    value("--entity_type", help="Class of the record, such as RunTemplate"),
    value("--entity_id", help="Id of the record", type=Number()),
    value("--action", help="What was done, such as create, update or delete"),
    value("--severity", help="Weight", type=Word("low", "medium", "high", "critical")),
    TIMES,
    listing(),
)
def list_entries(call: Call) -> Rows:
    from multiflexi.services import audit_trail, company
    from multiflexi.services.presenters.audit import SORTABLE, row

    found = audit_trail.query(
        call.reader,
        start=call.moment("from"),
        end=call.moment("to"),
        user_id=call["user"],
        company_id=company.find(call.reader, call["company"]).pk if call["company"] else None,
        entity_type=call["entity_type"],
        entity_id=call["entity_id"],
        action=call["action"],
        severity=call["severity"],
    )
    page = call.page._replace(order=call.page.order or "D")
    return Rows(map(row, page.of(found, SORTABLE).iterator()), COLUMNS, empty="No audit entries found.")


@NOUN.command(
    "verify",
    "Check that no audit entry was changed, removed or slipped in",
    TIMES,
    value("--seals", help="File with seals noted earlier, written by audit:export or audit:verify", type=PATH),
)
def verify(call: Call) -> Document:
    from multiflexi.services import audit_trail

    known = audit_trail.noted_seals(_json(call["seals"])) if call["seals"] else None
    found = audit_trail.verify(call.reader, start=call.moment("from"), end=call.moment("to"), known=known)
    data: dict[str, Any] = {
        "status": "error" if found.broken else "success",
        "checked": found.checked,
        "unsealed": found.unsealed,
        "first": found.first,
        "last": found.last,
        "broken": [one._asdict() for one in found.broken],
        "seal": {"id": found.seal[0], "hash": found.seal[1]} if found.seal else None,
    }
    complaint = f"The audit trail is broken in {len(found.broken)} places" if found.broken else ""
    if found.broken:
        complaint += f", first at {found.broken[0].id}: {found.broken[0].reason}"
    return Document(data, lambda: _text(data), code=1 if found.broken else 0, complaint=complaint)


@NOUN.command(
    "export",
    "Write the audit trail to a file; the export is recorded",
    TIMES,
    value("--output", "-o", help="The file; - = standard output", type=PATH),
    changes=True,
)
def export(call: Call) -> Result:
    from multiflexi.cli.output.plain import plain
    from multiflexi.services import audit_trail

    found = audit_trail.export(call.actor, start=call.moment("from"), end=call.moment("to"))
    entries = [plain(one, lambda: call.zone) for one in found]
    if call.format == "csv":
        text = _csv(entries)
    elif call.format == "ndjson":
        text = "".join(f"{json.dumps(one)}\n" for one in entries)
    else:
        text = json.dumps({"entries": entries, "seals": audit_trail.exported_seals()}, indent=2) + "\n"
    target = call["output"] or "-"
    if target == "-":
        sys.stdout.write(text)
        return Written()
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Rejected(Failure(f"{target} cannot be written: {error.strerror}.", "file_unwritable")) from error
    return Done({"status": "success", "file": target, "entries": len(entries)}, f"{len(entries)} entries in {target}")


def _csv(entries: list[dict[str, Any]]) -> str:
    from multiflexi.cli.output.plain import cell
    from multiflexi.services.presenters.audit import MEMBERS

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(MEMBERS)
    writer.writerows([cell(one[name]) for name in MEMBERS] for one in entries)
    return out.getvalue()


def _json(file: str) -> Any:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Rejected(Failure(f"{file} cannot be read as JSON: {error}", "unreadable_file")) from None


def _text(data: dict[str, Any]) -> str:
    head = f"{data['checked']} entries checked, {data['unsealed']} of them not sealed yet"
    broken = [f"Entry {one['id']}: {one['reason']}" for one in data["broken"]]
    return "\n".join([head, *(broken or ["The audit trail is whole."])])
