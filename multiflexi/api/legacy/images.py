"""Pictures that clients show without signing in: of applications, companies and kinds of credentials."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from multiflexi.manifests.identity import is_uuid
from multiflexi.models import Application, Company, Credential, CredentialPrototype, CredentialType
from multiflexi.services.lookup import is_id

TYPES = frozenset({"image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp"})
FALLBACK = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="1" y="1" width="14" height="14" rx="3" '
    b'fill="#6c757d"/><circle cx="8" cy="8" r="3.5" fill="#fff"/></svg>'
)
SAFE = {
    "Cache-Control": "private, max-age=86400",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
_DATA = re.compile(r"data:([a-z0-9/+.-]+)((?:;[a-z0-9=_-]+)*),(.*)", re.DOTALL | re.IGNORECASE)
Find = Callable[[str], str | None]


def _view(parameter: str, find: Find) -> Any:
    @require_safe
    def show(request: HttpRequest) -> HttpResponse:
        kind, content = _decoded(find(request.GET.get(parameter, "")) or "")
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = SAFE | {"ETag": etag}
        told = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
        if etag in told:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(content, content_type=kind, headers=headers)

    return show


def _decoded(image: str) -> tuple[str, bytes]:
    """Media type and bytes; pictures that lie elsewhere are not fetched."""
    found = _DATA.fullmatch(image)
    if found and found[1].lower() in TYPES:
        try:
            is_base64 = ";base64" in found[2].lower()
            return found[1].lower(), base64.b64decode(found[3], validate=True) if is_base64 else unquote_to_bytes(
                found[3]
            )
        except binascii.Error:
            pass
    return "image/svg+xml", FALLBACK


def _of(rows: Any, column: str, key: str = "pk") -> Find:
    def find(text: str) -> str | None:
        usable = is_uuid(text) if key == "uuid" else is_id(text)
        return rows._default_manager.filter(**{key: text}).values_list(column, flat=True).first() if usable else None

    return find


urlpatterns: list[URLPattern] = [
    path("appimage.php", _view("uuid", _of(Application, "image", "uuid"))),
    path("companylogo.php", _view("id", _of(Company, "logo"))),
    path("credentialimage.php", _view("id", _of(Credential, "credential_type__logo"))),
    path("credentialtypeimage.php", _view("id", _of(CredentialType, "logo"))),
    path("credentialprototypeimage.php", _view("id", _of(CredentialPrototype, "logo"))),
]
