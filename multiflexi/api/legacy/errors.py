"""Refusals in the words and with the members that clients of this surface know."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions

from multiflexi.api.legacy.bodies import UnusableType
from multiflexi.http.failures import DATABASE_AWAY
from multiflexi.http.idempotency import OtherRequest
from multiflexi.services.errors import (
    BadCredential,
    Conflict,
    Invalid,
    NotFound,
    NotPermitted,
    Refused,
    ServiceError,
    TooMany,
)
from multiflexi.vault.errors import VaultError

log = logging.getLogger(__name__)

# Clients search these texts.
KNOWN_TEXTS = {
    "run_template_not_found": "RunTemplate not found",
    "company_not_found": "Company not found",
    "user_not_found": "User not found",
    "application_not_found": "App not found",
    "job_not_found": "Job not found",
    "credential_not_found": "Credential not found",
    "credential_type_not_found": "Credential Type not found",
    "credential_prototype_not_found": "Credential Prototype not found",
    "topic_not_found": "Topic not found",
    "event_source_not_found": "EventSource not found",
    "event_rule_not_found": "EventRule not found",
    "task_not_found": "Task not found",
    "artifact_not_found": "Artifact not found",
    "queue_entry_not_found": "Schedule not found",
    "audit_log_entry_not_found": "Audit Log entry not found",
    "runtemplate_not_runnable": "RunTemplate is not active",
}
# What is missing in the request rather than in the state of things.
WRONG_REQUESTS = frozenset({"runtemplate_incomplete", "foreign_company", "foreign_credential_type", "unknown_fields"})
BY_KIND: tuple[tuple[type[ServiceError], int], ...] = (
    (OtherRequest, 422),
    (NotFound, 404),
    (NotPermitted, 403),
    (BadCredential, 401),
    (Conflict, 409),
    (TooMany, 429),
    (Invalid, 400),
    (Refused, 409),
    (ServiceError, 400),
)
UNKNOWN_PATH = {"error": "Not Found", "message": "The requested resource does not exist", "success": False}
Refusal = tuple[int, dict[str, Any]]


def told(error: Exception, request_id: str) -> Refusal:
    """Status and document of any exception; whatever is not foreseen is logged and told without its inside."""
    if isinstance(error, ServiceError):
        return _of_service(error)
    if isinstance(error, exceptions.APIException):
        return error.status_code, _document(_text(error))
    if isinstance(error, Http404):
        return 404, UNKNOWN_PATH
    if isinstance(error, PermissionDenied):
        return 403, _document("Forbidden")
    if isinstance(error, RequestDataTooBig):
        return 413, _document("The body is too large; send less at once.")
    if isinstance(error, UnusableType):
        return 415, _document(str(error))
    log.exception("a request failed", extra={"request": request_id})
    if isinstance(error, DATABASE_AWAY):
        return 503, {**_document("The database does not answer; try again later."), "request_id": request_id}
    if isinstance(error, VaultError):
        return 503, {**_document("The data keys of the installation cannot be used now."), "request_id": request_id}
    return 500, {**_document("Internal server error"), "request_id": request_id}


def status_of(error: ServiceError) -> int:
    if error.code in WRONG_REQUESTS:
        return 400
    return next(status for kind, status in BY_KIND if isinstance(error, kind))


def _of_service(error: ServiceError) -> Refusal:
    document = _document(KNOWN_TEXTS.get(error.code, error.message))
    if document["error"] != error.message and not isinstance(error, NotFound):
        document["detail"] = error.message
    field = error.details.get("field")
    if isinstance(error, Invalid):
        document["errors"] = {str(field): [error.details.get("rule", error.message)]} if field else _by_field(error)
    return status_of(error), {**document, "code": error.code, **error.members, **_shown(error)}


def _by_field(error: Invalid) -> dict[str, list[str]]:
    return {name: [rule] for name, rule in error.details.items() if isinstance(rule, str)}


def _shown(error: ServiceError) -> dict[str, Any]:
    """Data beside the message that is for the client."""
    return {
        name: error.details[name] for name in ("missing", "permission", "reasons", "status") if name in error.details
    }


def _document(text: str) -> dict[str, Any]:
    return {"error": text, "message": text, "success": False}


def _text(error: exceptions.APIException) -> str:
    return str(error.detail if not isinstance(error.detail, list | dict) else error.default_detail)
