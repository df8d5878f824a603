"""The published document of this surface."""

from __future__ import annotations

import json
from functools import cache

from django.http import HttpResponse

from multiflexi.api.legacy import openapi
from multiflexi.api.legacy.answers import Answer, raw
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import OPERATIONS, suffixed
from multiflexi.api.legacy.formats import yaml

_BASE = "https://base.invalid"


@suffixed(
    "GET",
    "openapi",
    id="getOpenApi",
    suffixes=("json", "yaml", "yml"),
    shape="file",
    public=True,
    blind=True,
    tag="index",
)
def document(call: Call) -> Answer:
    """Describe this surface"""
    base = call.request._request.build_absolute_uri().partition("/openapi.")[0]
    media_type = "application/json" if call.suffix == "json" else "text/yaml; charset=utf-8"
    return raw(HttpResponse(_written(call.suffix == "json").replace(_BASE, base), content_type=media_type))


@cache
def _written(as_json: bool) -> str:
    """The document as text, kept: anybody may ask for it, and to write it takes most of a second."""
    made = openapi.document(OPERATIONS, _BASE)
    return json.dumps(made, ensure_ascii=False) if as_json else yaml.write(made)
