"""Operations as Django views: who asks, which format, and what becomes of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import get_script_prefix
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from multiflexi.api.legacy import errors, profiles
from multiflexi.api.legacy.answers import Answer
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Operation
from multiflexi.api.legacy.formats import FORMATS, RECORDS, by_header, plain
from multiflexi.api.legacy.strict import shaped
from multiflexi.http import denials
from multiflexi.http.authentication import TokenParameter, challenge
from multiflexi.http.failures import DATABASE_AWAY, RETRY_SECONDS
from multiflexi.http.throttling import RateLimitedView, at_door, decision_of, former_headers, reset_time


class Endpoint(RateLimitedView, APIView):
    """All operations on one path. Subclasses made by `endpoint` have one method for each of them."""

    operations: Mapping[str, Operation] = {}
    suffix = "json"
    rate_headers = staticmethod(former_headers)

    def get_authenticators(self) -> list[Any]:
        asked = self._operation
        if asked is None or asked.blind:
            return []
        more = [TokenParameter()] if asked.token_parameter else []
        return [*super().get_authenticators(), *more]

    def get_permissions(self) -> list[Any]:
        asked = self._operation
        return [] if asked is None or asked.public else [IsAuthenticated()]

    def get_throttles(self) -> list[Any]:
        asked = self._operation
        return [] if asked is None or (asked.blind and not asked.rate) else super().get_throttles()

    def rate_scope(self, request: Request) -> str | None:
        return self._operation.rate or None if self._operation else None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """The suffix decides alone, without one the header; nothing is refused for it."""
        asked = self.kwargs.pop("suffix", None)
        self.suffix = asked or by_header(request.headers.get("Accept", ""))
        if asked and self._operation and asked not in self._operation.suffixes:
            raise Http404
        return JSONRenderer(), "application/json"

    def options(self, request: Request, *args: Any, **values: str) -> HttpResponse:
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def answer(self, request: Request, **values: str) -> HttpResponseBase:
        asked = self.operations["GET" if request.method == "HEAD" else str(request.method)]
        call = Call(request, values, profiles.of(request._request), self.suffix)
        answer = asked.run(call)
        if answer.raw is not None:
            return answer.raw
        answer.schema = answer.schema or asked.schema
        answer.address = answer.address or _address(request._request, self.suffix)
        response = _written(answer, self.suffix, shaped(answer, call.profile), answer.status or asked.status)
        if asked.successor:
            link = f'<{get_script_prefix()}api/v2/{asked.successor}/>; rel="successor-version"'
            response["Link"] = f"{response['Link']}, {link}" if response.has_header("Link") else link
        if not asked.blind:
            response["Cache-Control"] = "no-store"
        return response

    def handle_exception(self, exc: Exception) -> HttpResponseBase:
        request = self.request
        denials.note(request, exc)
        exc = at_door(request, exc)
        status, document = errors.told(exc, getattr(request, "request_id", ""))
        if status == 429:
            document = _too_many(request, document)
        response = refusal(status, document, getattr(self, "suffix", "json"))
        if status == 401:
            response["WWW-Authenticate"] = challenge(request)
        if status == 405:
            response["Allow"] = ", ".join(self.allowed_methods)
        for name, value in _limits(exc).items():
            response[name] = value
        return response

    @property
    def _operation(self) -> Operation | None:
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        return self.operations.get(method)


def endpoint(operations: Mapping[str, Operation]) -> Any:
    """The view of one path."""
    methods = {method.lower(): Endpoint.answer for method in operations}
    made: Any = type("Endpoint", (Endpoint,), {**methods, "operations": operations})
    return made.as_view()


@csrf_exempt
def unknown(request: HttpRequest, path: str) -> HttpResponse:
    """A path below the surface that is none of its own."""
    suffix = path.rpartition(".")[2]
    return refusal(
        404, errors.UNKNOWN_PATH, suffix if suffix in RECORDS else by_header(request.headers.get("Accept", ""))
    )


def refusal(status: int, document: dict[str, Any], suffix: str) -> HttpResponse:
    """A refusal in the format that was asked for."""
    suffix = "json" if suffix == "csv" else suffix
    if suffix == "xml":
        told = {name: value for name, value in document.items() if name != "code"}
        document = {"code": status, **told, "reason": document.get("code")}
        return _written(Answer({"error": document}, wrapper="error"), suffix, {"error": document}, status)
    return _written(Answer(document, title=f"{status}"), suffix, document, status)


def _written(answer: Answer, suffix: str, document: Any, status: int) -> HttpResponse:
    chosen = FORMATS[suffix]
    response = HttpResponse(chosen.write(answer, plain(document)), content_type=chosen.media_type, status=status)
    for name, value in answer.headers.items():
        response[name] = value
    response["Vary"] = f"{profiles.VARY}, Accept"
    return response


def _address(request: HttpRequest, suffix: str) -> str:
    return request.path.removesuffix(f".{suffix}") if request.path.endswith(f".{suffix}") else ""


def _too_many(request: Any, document: dict[str, Any]) -> dict[str, Any]:
    decision = decision_of(request)
    found = document | {"error": "Rate limit exceeded"}
    if decision is None or decision.allowed:
        return found
    return found | {
        "limit": decision.limit.requests,
        "remaining": decision.remaining,
        "reset_time": reset_time(decision),
        "retry_after": decision.retry_after,
    }


def _limits(error: Exception) -> dict[str, str]:
    wait = getattr(error, "wait", getattr(error, "retry_after", None))
    if isinstance(error, DATABASE_AWAY):
        wait = RETRY_SECONDS
    return {} if wait is None else {"Retry-After": str(max(int(wait), 1))}


def to_index(request: HttpRequest) -> HttpResponse:
    """The base without its final slash."""
    return HttpResponse(status=302, headers={"Location": f"{request.path.rstrip('/').rpartition('/')[2]}/index.html"})
