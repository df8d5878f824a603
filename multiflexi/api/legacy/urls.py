"""Addresses of this surface: its own base, the alias of old examples, and the pictures outside of both."""

from __future__ import annotations

import re
from collections import defaultdict

from django.urls import URLPattern, URLResolver, include, path, re_path

from multiflexi.api.legacy import images
from multiflexi.api.legacy.declare import OPERATIONS, Operation
from multiflexi.api.legacy.formats import LISTS
from multiflexi.api.legacy.nouns import load
from multiflexi.api.legacy.views import endpoint, to_index, unknown

BASES = ("api/VitexSoftware/MultiFlexi/1.0.0", "api/v1")
# Addresses of former pages beside those bases, by the path whose operations answer there.
FORMER = {"api/data-export.php": "data-export", "data-export.php": "data-export-download"}
_PART = re.compile(r"\{(\w+)\}")


def _routes() -> list[URLPattern | URLResolver]:
    load()
    by_route: dict[str, dict[str, Operation]] = defaultdict(dict)
    for one in OPERATIONS:
        by_route[_route(one)][one.method] = one
    found: list[URLPattern | URLResolver] = [re_path(route, endpoint(ways)) for route, ways in by_route.items()]
    return [*found, re_path("^(?P<path>.*)$", unknown)]


def _former() -> list[URLPattern]:
    """Addresses of former pages that programs know."""
    return [
        path(address, endpoint({one.method: one for one in OPERATIONS if one.path == known}))
        for address, known in FORMER.items()
    ]


def _route(one: Operation) -> str:
    """A path has all suffixes for each of its methods; which of them one really knows is the view's concern."""
    parts = _PART.sub(r"(?P<\1>[^/.]+)", one.path)
    end = rf"\.(?P<suffix>{'|'.join(LISTS)})" if one.suffixes else "/?" if one.path else ""
    return f"^{parts}{end}$"


_below = _routes()
urlpatterns: list[URLPattern | URLResolver] = [
    *(path(f"{base}/", include(_below)) for base in BASES),
    *(path(base, to_index) for base in BASES),
    *_former(),
    *images.urlpatterns,
]
