"""The description of this surface as OpenAPI 3.1, made from the declarations of its resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings as django_settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from multiflexi.http import authentication, idempotency

PREFIX = "/api/v2"
_HEADER: Any = OpenApiParameter.HEADER
_QUERY: Any = OpenApiParameter.QUERY
ERRORS = {
    "400": "The request cannot be understood.",
    "401": "Who asks is not known, or the credential is wrong.",
    "403": "Not permitted; the detail names what is missing.",
    "404": "It does not exist, or not for the caller.",
    "409": "A state or a rule forbids it.",
    "412": "The record is not the one that the caller has seen.",
    "413": "The body is too long.",
    "415": "The body is of another type.",
    "422": "A value is unusable.",
    "429": "Too many requests.",
    "500": "Internal error.",
    "503": "A part that is needed does not work.",
}


class FieldErrorForm(serializers.Serializer[Any]):
    """What is wrong with one value."""

    pointer = serializers.CharField(help_text="JSON pointer into the body")
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    errors = FieldErrorForm(many=True)
    request_id = serializers.CharField(allow_null=True)
    details = serializers.DictField(required=False)


class Described(AutoSchema):
    """Adds to each operation what all of them share: parameters, headers, errors."""

    def get_tags(self) -> list[str]:
        return self._tokenize_path()[:1] or ["root"]

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = list(getattr(self.view, "extra_parameters", ()))
        kind: Any = getattr(self.view, "serializer_class", None)
        if hasattr(kind, "expandable") and getattr(self.view, "action", "") in (
            "list",
            "retrieve",
            "create",
            "update",
            "partial_update",
        ):
            found += [_words("fields"), _words("omit")]
            if kind.expandable:
                found.append(_words("expand", kind.expandable))
        found.append(OpenApiParameter("lang", str, _QUERY, description="Language of texts; * means all of them."))
        if self.method in ("PUT", "PATCH", "DELETE") and hasattr(self.view, "noun"):
            found.append(OpenApiParameter("If-Match", str, _HEADER))
        if getattr(self.view, "action", "") == "retrieve":
            found.append(OpenApiParameter("If-None-Match", str, _HEADER))
        handler = getattr(self.view, getattr(self.view, "action", None) or "", None)
        if getattr(handler, "is_repeatable", False):
            found.append(OpenApiParameter(idempotency.HEADER, {"type": "string", "maxLength": 255}, _HEADER))
        return found

    def _get_paginator(self) -> Any:
        """Only what the view gives out by its own list comes in pages; other arrays are whole."""
        paged = getattr(self.view, "paged", ("list",))
        return super()._get_paginator() if getattr(self.view, "action", "") in paged else None

    def get_operation_id(self) -> str:
        found = str(super().get_operation_id()).replace(".", "_")
        action = str(getattr(self.view, "action", "")).replace("-", "_")
        return found.removesuffix("_create") if found.endswith(f"_{action}_create") else found

    def get_response_serializers(self) -> Any:
        return {204: None} if self.method == "DELETE" else super().get_response_serializers()

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        self.resolve_serializer(Problem, "response")
        for code in ERRORS:
            bodies.setdefault(code, {"$ref": f"#/components/responses/Problem{code}"})
        if getattr(self.view, "action", "") == "retrieve":
            bodies.setdefault("304", {"description": "The caller has it already."})
        return bodies

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        found: Any = super()._postprocess_serializer_schema(schema, serializer, direction)
        if direction == "response" and hasattr(serializer, "expandable"):
            # With fields= and omit= any member may be absent.
            found.pop("required", None)
        return found


def problems() -> dict[str, Any]:
    """The answers that every operation refers to."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {f"Problem{code}": {"description": text, "content": content} for code, text in ERRORS.items()}


def only_this_surface(endpoints: Iterable[Any]) -> list[Any]:
    """Leave out other surfaces and the second spelling of each address."""
    return [one for one in endpoints if one[0].startswith(PREFIX) and (one[0] == f"{PREFIX}/" or one[0][-1] != "/")]


def _words(name: str, offered: Iterable[str] | None = None) -> OpenApiParameter:
    item = {"type": "string", **({"enum": list(offered)} if offered else {})}
    return OpenApiParameter(name, {"type": "array", "items": item}, _QUERY, style="form", explode=False)


class _BasicScheme(OpenApiAuthenticationExtension):
    target_class = authentication.Basic
    name = "basic"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "basic"}


class _BearerScheme(OpenApiAuthenticationExtension):
    target_class = authentication.Bearer
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "API token, or access token of OAuth2"}


class _KeyScheme(OpenApiAuthenticationExtension):
    target_class = authentication.ApiKey
    name = "api_key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}


class _SessionScheme(OpenApiAuthenticationExtension):
    target_class = authentication.Session
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": django_settings.SESSION_COOKIE_NAME}


class _KeyParameterScheme(OpenApiAuthenticationExtension):
    target_class = authentication.ApiKeyParameter
    name = "api_key_parameter"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "query", "name": "api_key", "description": "Only where a setting allows it"}
