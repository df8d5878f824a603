"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from multiflexi.http import failures
from multiflexi.http.idempotency import OtherRequest
from multiflexi.services import errors
from multiflexi.vault.errors import VaultError

# The member of records whose values have names of their own.
VALUES = "set_values"
MEDIA_TYPE = "application/problem+json"
# Rules about values rather than states, although services refuse them by the record's state.
UNPROCESSABLE = frozenset({"runtemplate_incomplete"})
# The services tell the rule; this is how the way out is called here.
WAYS_OUT = {"company_has_dependants": "cascade=true deletes them, too."}
STATUS: tuple[tuple[type[errors.ServiceError], int], ...] = (
    (errors.BadCredential, 401),
    (errors.TooMany, 429),
    (errors.NotFound, 404),
    (errors.NotPermitted, 403),
    (errors.BadQuery, 400),
    (errors.Invalid, 422),
    (OtherRequest, 422),
    (errors.Refused, 409),
    (errors.Conflict, 409),
)

log = logging.getLogger(__name__)


class PreconditionFailed(exceptions.APIException):
    """The record is not the one that the caller has seen."""

    status_code = 412
    default_code = "precondition_failed"


class TooLarge(exceptions.APIException):
    """The body of the request is longer than allowed."""

    status_code = 413
    default_code = "too_large"


class Busy(exceptions.APIException):
    """There is no room for one more of these; `wait` are seconds."""

    status_code = 503
    default_code = "busy"

    def __init__(self, detail: str, wait: int) -> None:
        super().__init__(detail)
        self.wait = wait


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to a request that failed; what nobody foresaw is logged and told without its inside."""
    if isinstance(error, errors.ServiceError):
        told = " ".join(filter(None, (error.message, WAYS_OUT.get(error.code))))
        refused = _problem(
            context,
            status_of(error),
            told,
            error.code,
            found=list(_of_service(error, context)),
            details=error.details,
        )
        if isinstance(error, errors.TooMany):
            refused["Retry-After"] = str(error.retry_after)
        return refused
    if isinstance(error, VaultError):
        return _problem(context, 503, str(error), "encryption_unusable")
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(*error.args)
    if not isinstance(error, exceptions.APIException):
        log.error("a request failed", exc_info=error, extra={"request_id": _request_id(context)})
        if isinstance(error, failures.DATABASE_AWAY):
            away = _problem(context, 503, failures.database_is_away(), "database_unavailable")
            away["Retry-After"] = str(failures.RETRY_SECONDS)
            return away
        return _problem(context, 500, _("Internal error; the log of the server tells more."), "internal_error")
    return _of_framework(error, context)


def status_of(error: errors.ServiceError) -> int:
    """The HTTP status of a refusal by a service."""
    if error.code in UNPROCESSABLE:
        return 422
    return next((status for kind, status in STATUS if isinstance(error, kind)), 409)


def _of_framework(error: exceptions.APIException, context: Mapping[str, Any]) -> Response:
    found: list[dict[str, str]] = []
    status, detail, code = error.status_code, error.detail, error.get_codes()
    if isinstance(error, exceptions.ValidationError):
        status, code = 422, "invalid"
        found = list(_of_validation(error.get_full_details()))
        told = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found)
    else:
        told = str(detail)
    answer = _problem(context, status, told, str(code), found=found)
    if header := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _problem(
    context: Mapping[str, Any],
    status: int,
    detail: str,
    code: str,
    *,
    found: list[dict[str, str]] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Response:
    request = context["request"]
    body: dict[str, Any] = {
        "type": f"urn:multiflexi:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "errors": found or [],
        "request_id": _request_id(context),
    }
    if details:
        body["details"] = details
    return Response(body, status=status, content_type=MEDIA_TYPE)


def _of_service(error: errors.ServiceError, context: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if not isinstance(error, errors.Invalid) or isinstance(error, errors.BadQuery):
        return
    details = error.details
    if isinstance(details.get("field"), str):
        yield {
            "pointer": _pointer(details["field"], context),
            "code": error.code,
            "detail": str(details.get("rule", error.message)),
        }
    elif error.code == "invalid_value":
        for name, rule in details.items():
            yield {"pointer": _pointer(str(name), context), "code": error.code, "detail": str(rule)}


def _pointer(field: str, context: Mapping[str, Any]) -> str:
    """Where the body has what a service knows by this name; names of values lie in the member that takes them."""
    kind = getattr(context.get("view"), "serializer_class", None)
    members = kind().fields if kind else {}
    if field in members:
        return f"/{field}"
    named = next((name for name, one in members.items() if one.source == field), None)
    if named is None and VALUES in members:
        return f"/{VALUES}/{field}"
    return f"/{named or field}"


def _of_validation(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping) and set(detail) == {"message", "code"}:
        yield {"pointer": pointer or "/", "code": str(detail["code"]), "detail": str(detail["message"])}
    elif isinstance(detail, Mapping):
        for name, one in detail.items():
            yield from _of_validation(one, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(detail, list):
        for number, one in enumerate(detail):
            leaf = isinstance(one, Mapping) and set(one) == {"message", "code"}
            yield from _of_validation(one, pointer if leaf else f"{pointer}/{number}")


def _request_id(context: Mapping[str, Any]) -> str | None:
    return getattr(context["request"], "request_id", None)
