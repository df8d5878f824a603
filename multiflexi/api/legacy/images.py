"""Pictures that clients show without signing in: of applications, companies and kinds of credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from multiflexi.http import images
from multiflexi.manifests.identity import is_uuid
from multiflexi.models import Application, Company, Credential, CredentialPrototype, CredentialType
from multiflexi.services.lookup import is_id

Find = Callable[[str], str | None]


def _view(parameter: str, find: Find) -> Any:
    @require_safe
    def show(request: HttpRequest) -> HttpResponse:
        return images.answer(request, find(request.GET.get(parameter, "")))

    return show


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
