"""The description of this surface, and two ways to read it; everything is served from here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import URLPattern, get_script_prefix, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from multiflexi.api.v2.frame.schema import only_this_surface, problems

# Both readers style their elements in place, and ReDoc searches in a worker of its own making.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:"


class Generator(SchemaGenerator):
    """Describes the addresses under the prefix they were asked for by."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        prefix = get_script_prefix().rstrip("/") if request is not None else ""
        return whole() | {"servers": [{"url": prefix or "/"}]}

    def made(self) -> Any:
        """The document: whoever asks, and whoever may not, the contract is the same."""
        document = super().get_schema(request=None, public=True)
        document["components"]["responses"] = problems()
        return document

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


class Swagger(SpectacularSwaggerSplitView):
    """Swagger UI, its script at an address of its own."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    url_name = "v2-schema"

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(status=204)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return super().finalize_response(request, response, *args, **kwargs)


REDOC = """<!DOCTYPE html>
<html>
  <head><meta charset="utf-8"><title>MultiFlexi API</title><style>body {{ margin: 0 }}</style></head>
  <body><redoc spec-url="{}"></redoc><script src="{}"></script></body>
</html>
"""


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """ReDoc, in a page of our own: the library's fetches fonts from elsewhere."""
    script = static("drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js")
    page = format_html(REDOC, reverse("v2-schema"), script)
    return HttpResponse(page, headers={"Content-Security-Policy": POLICY})


def patterns() -> list[URLPattern]:
    """Addresses of the documents."""
    found = []
    views = (("schema", Description.as_view()), ("docs", Swagger.as_view()), ("redoc", redoc))
    for name, view in views:
        found += [path(f"{name}/", view, name=f"v2-{name}"), path(name, view)]
    return found
