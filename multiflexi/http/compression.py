"""Compressed answers, where that harms nothing."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class Compress(GZipMiddleware):
    """Middleware: gzip whole texts.

    Streams would be held back until enough has come together, parts of files would not be those asked for, and a
    compressed answer must not keep a strong ETag, which the caller needs for its next change.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer, compressed unless one of the reasons holds."""
        if response.streaming or response.status_code == 206 or response.has_header("ETag"):
            return response
        return super().process_response(request, response)
