"""How long the body of a request may be."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext as _

from multiflexi.http.failures import failure

CHUNK_BYTES = 65536
Handler = Callable[[HttpRequest], HttpResponse]


def limit_body(answer: Handler) -> Handler:
    """Middleware: refuse a body above `API_BODY_MAX_BYTES` before it is read, and one that does not tell its length.

    What nobody wanted to read of others is read off, lest the server closes a connection that its answer keeps open.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        most = settings.API_BODY_MAX_BYTES
        if length.isdecimal() and int(length) > most:
            return failure(
                request,
                413,
                "body_too_large",
                _("The body has %(length)s bytes; at most %(most)s are taken (API_BODY_MAX_BYTES). Send it in parts.")
                % {"length": int(length), "most": most},
            )
        if "Transfer-Encoding" in request.headers and not request.META.get("CONTENT_LENGTH"):
            # Its end is not known beforehand, and the framework would take it for empty.
            return failure(request, 411, "length_required", _("Send the body with its Content-Length."))
        response = answer(request)
        if length.isdecimal() and int(length):
            _read_off(request)
        return response

    return handle


def _read_off(request: HttpRequest) -> None:
    try:
        while request.read(CHUNK_BYTES):
            pass
    except UnreadablePostError:
        # The client has gone.
        return
