"""Calls of the APIs by pages of other sites: only by those that the settings name, and never with cookies."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from multiflexi.http.failures import is_api

Handler = Callable[[HttpRequest], HttpResponse]
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
TAKEN = (
    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, "
    "If-None-Match, If-Range, Last-Event-ID, Range, X-API-Key, X-MultiFlexi-Compat, X-Request-ID, X-Requested-With"
)
SHOWN = (
    "Accept-Ranges, API-Version, Content-Disposition, Content-Range, Deprecation, ETag, Idempotency-Replayed, "
    "Last-Modified, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Retry-After, X-Request-ID, X-Total-Count"
)
REMEMBERED_SECONDS = 600


def share(answer: Handler) -> Handler:
    """Middleware: let pages of `API_CORS_ORIGINS` call the APIs and see the answers."""

    def handle(request: HttpRequest) -> HttpResponse:
        if not settings.API_CORS_ORIGINS or not is_api(request):
            return answer(request)
        origin = request.headers.get("Origin", "")
        allowed = origin in settings.API_CORS_ORIGINS
        asks_before = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = HttpResponse(status=204) if allowed and asks_before else answer(request)
        patch_vary_headers(response, ("Origin",))
        if allowed:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = SHOWN
            # Otherwise the browser would keep the answer from the page it is meant for.
            response["Cross-Origin-Resource-Policy"] = "cross-origin"
        if allowed and asks_before:
            response["Access-Control-Allow-Methods"] = METHODS
            response["Access-Control-Allow-Headers"] = TAKEN
            response["Access-Control-Max-Age"] = str(REMEMBERED_SECONDS)
        return response

    return handle
