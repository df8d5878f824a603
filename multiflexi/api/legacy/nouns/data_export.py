"""Exports of one's own data."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import get_script_prefix
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from multiflexi.api.legacy.answers import Answer, Row, raw, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Parameter, operation
from multiflexi.api.legacy.fields import TEXT, Field, word_of
from multiflexi.api.legacy.formats.html import BASE
from multiflexi.compliance.reading import written
from multiflexi.models import DataExport, DataExportFormat
from multiflexi.services import data_export
from multiflexi.services.errors import Invalid

REQUEST, DOWNLOAD = "data-export", "data-export-download"
ACTIONS = ("export", "status")
FIELDS = {"action": Field(word_of(*ACTIONS)), "format": Field(word_of(*DataExportFormat.values))}
PARAMETERS = tuple(Parameter(name, one.kind) for name, one in FIELDS.items())
SCHEMA = "DataExportResponse|DataExportStatusResponse"
KNOWN: dict[str, Any] = {"slash": False, "tag": "gdpr", "successor": "data-exports"}


@operation("GET", REQUEST, id="requestDataExport", schema=SCHEMA, parameters=PARAMETERS, **KNOWN)
def request(call: Call) -> Answer:
    """Ask for an export of one's own data, or for those of late"""
    return _answered(call, call.query)


@operation("POST", REQUEST, id="requestDataExportPost", schema=SCHEMA, body=FIELDS, required=("action",), **KNOWN)
def request_by_body(call: Call) -> Answer:
    """Ask for an export of one's own data, or for those of late"""
    return _answered(call, {**call.query, **call.body})


@operation(
    "GET", DOWNLOAD, id="downloadDataExport", shape="file", schema="DataExportData",
    parameters=(Parameter("token", TEXT),), **KNOWN,
)  # fmt: skip
def download(call: Call) -> Answer:
    """Download an export, once"""
    token = str(call.query.get("token") or "")
    if call.request.method == "HEAD":
        data_export.check(call.actor, token)
        return raw(HttpResponse())
    file = data_export.download(call.actor, token)
    headers = {
        "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return raw(HttpResponse(file.content, content_type=file.media_type, headers=headers))


def _answered(call: Call, given: dict[str, Any]) -> Answer:
    action = given.get("action")
    if action not in ACTIONS:
        raise Invalid("Invalid action", "invalid_action", members={"available_actions": list(ACTIONS)})
    # Whoever asks for headers only changes nothing.
    if action == "status" or call.request.method == "HEAD":
        return _told({"success": True, "exports": [_row(one) for one in data_export.recent(call.actor)]}, "Status")
    made = data_export.ask(call.actor, format=given.get("format") or DataExportFormat.JSON)
    found = {
        "success": True,
        "download_url": f"{get_script_prefix()}{BASE}{DOWNLOAD}?token={made.token}",
        "format": made.export.format,
        "generated_at": written(made.export.created_at),
        "expires_at": written(made.export.expires_at),
        # The answer has the link already.
        "notification_sent": False,
    }
    return _told(found, "")


def _told(document: Row, kind: str) -> Answer:
    return record(document, schema=f"DataExport{kind}Response", title=_("Export of personal data"))


def _row(one: DataExport) -> Row:
    address = one.ip_address or _("an unknown address")
    return {
        "id": one.pk,
        "message": _("Export of personal data asked for as %(format)s from %(address)s")
        % {"format": one.format, "address": address},
        "requested_at": written(one.created_at),
        "state": one.state.value,
        "format": one.format,
        "expires_at": written(one.expires_at),
    }
