"""The description of this surface, and two ways to read it; everything is served from here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.urls import URLPattern, get_script_prefix, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from multiflexi.api.v2.frame.schema import only_this_surface


class Generator(SchemaGenerator):
    """Describes the addresses under the prefix they were asked for by."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        prefix = get_script_prefix().rstrip("/") if request is not None else ""
        return whole() | {"servers": [{"url": prefix or "/"}]}

    def made(self) -> Any:
        """The document: whoever asks, and whoever may not, the contract is the same."""
        return super().get_schema(request=None, public=True)

    def _initialise_endpoints(self) -> None:
        super()._initialise_endpoints()
        self.endpoints = only_this_surface(self.endpoints)


@lru_cache(maxsize=1)
def whole() -> Any:
    """The document, which takes seconds to make and never changes while a process runs."""
    return Generator().made()


class Json(OpenApiJsonRenderer):
    """As `format=json`."""

    media_type = "application/json"


class Description(SpectacularAPIView):
    """YAML, or JSON by `Accept: application/json` or `?format=json`."""

    generator_class = Generator
    renderer_classes: Any = (OpenApiYamlRenderer, OpenApiJsonRenderer, Json)
    permission_classes = (AllowAny,)
    authentication_classes = ()


class Swagger(SpectacularSwaggerView):
    """Swagger UI."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    url_name = "v2-schema"


class Redoc(SpectacularRedocView):
    """ReDoc."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    url_name = "v2-schema"


def patterns() -> list[URLPattern]:
    """Addresses of the documents."""
    found = []
    for name, view in (("schema", Description), ("docs", Swagger), ("redoc", Redoc)):
        found += [path(f"{name}/", view.as_view(), name=f"v2-{name}"), path(name, view.as_view())]
    return found
