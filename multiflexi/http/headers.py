"""Headers that keep browsers from doing with our answers what nobody asked for."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]
CREDENTIALS = ("Authorization", "X-API-Key")
PERMISSIONS = (
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()"
)


def protect(answer: Handler) -> Handler:
    """Middleware: what a view did not decide itself is closed; answers to known callers are stored nowhere."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        response.headers.setdefault("Content-Security-Policy", content_policy())
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if _is_personal(request, response):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return handle


def content_policy(*, forms_to: str = "") -> str:
    """What a page may load: files of ours, nothing inline. `forms_to` is one more origin that forms may lead to."""
    ours = f"'self' {_origin(settings.STATIC_URL)}".strip()
    rules = {
        "default-src": "'none'",
        "script-src": ours,
        "style-src": ours,
        "font-src": ours,
        "img-src": f"{ours} data:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": f"'self' {forms_to}".strip(),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def _origin(address: str | None) -> str:
    parts = urlsplit(address or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _is_personal(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        settings.SESSION_COOKIE_NAME in request.COOKIES
        or any(name in request.headers for name in CREDENTIALS)
        or bool(response.cookies)
    )
