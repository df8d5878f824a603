"""The published document of this surface."""

from __future__ import annotations

import json

from django.http import HttpResponse

from multiflexi.api.legacy import openapi
from multiflexi.api.legacy.answers import Answer, raw
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import OPERATIONS, suffixed
from multiflexi.api.legacy.formats import yaml


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
    made = openapi.document(OPERATIONS, base)
    if call.suffix == "json":
        return raw(HttpResponse(json.dumps(made, ensure_ascii=False), content_type="application/json"))
    return raw(HttpResponse(yaml.write(made), content_type="text/yaml; charset=utf-8"))
