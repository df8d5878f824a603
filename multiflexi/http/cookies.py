"""Cookies that no other site and no unencrypted connection can set or read, where the connection is encrypted."""

from collections.abc import Callable
from http.cookies import Morsel

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]
# Browsers take a cookie of such a name only with Secure, for the path / and from the host itself (RFC 6265bis 4.1.3).
HOST_ONLY = "__Host-"


def harden(answer: Handler) -> Handler:
    """Middleware: on encrypted connections cookies are Secure, and those that sign in are bound to the host.

    Plain HTTP keeps plain names; a cookie that came by it never counts on an encrypted connection.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        if not request.is_secure():
            return answer(request)
        for name in _bound():
            request.COOKIES.pop(name, None)
            if HOST_ONLY + name in request.COOKIES:
                request.COOKIES[name] = request.COOKIES.pop(HOST_ONLY + name)
        response = answer(request)
        for name in list(response.cookies):
            response.cookies[name]["secure"] = True
            if name in _bound():
                _rename(response, name)
        return response

    return handle


def _bound() -> tuple[str, ...]:
    return (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)


def _rename(response: HttpResponse, name: str) -> None:
    old: Morsel[str] = response.cookies.pop(name)
    response.cookies[HOST_ONLY + name] = old.value
    response.cookies[HOST_ONLY + name].update({key: value for key, value in old.items() if value})
