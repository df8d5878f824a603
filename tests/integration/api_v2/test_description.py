"""The description of the surface: valid, whole, and read without any other host."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr

import pytest
import yaml
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.validation import validate_schema

from multiflexi.api.v2 import description
from multiflexi.api.v2.urls import MODULES

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    reset_generator_stats()
    with redirect_stderr(io.StringIO()) as told:
        made = description.Generator().made()
    assert not GENERATOR_STATS, told.getvalue()
    return made


def test_it_is_valid_and_made_without_warnings(document: dict[str, object]) -> None:
    validate_schema(document)
    assert document["openapi"] == "3.1.0"


def test_every_address_is_described(document: dict[str, object]) -> None:
    import re

    described = {
        (re.sub(r"{\w+}", "{}", path), method)
        for path, operations in document["paths"].items()  # type: ignore[attr-defined]
        for method in operations
    }
    served = {
        (f"/api/v2/{re.sub(r'<[^>]+>', '{}', address)}", method)
        for module in MODULES
        for address, _kind, methods in module.routes
        for method in methods
        if method in METHODS
    }
    assert described == served


def test_every_operation_names_its_errors_and_who_may_ask(document: dict[str, object]) -> None:
    seen = set()
    for path, operations in document["paths"].items():  # type: ignore[attr-defined]
        for method, operation in operations.items():
            assert {"400", "401", "403", "404", "422", "500"} <= set(operation["responses"]), (method, path)
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            if "health" not in path:
                assert {"basic": []} in operation["security"], (method, path)


def test_it_is_served_in_two_formats_and_read_from_local_assets(client: Client) -> None:
    as_yaml = yaml.safe_load(client.get("/api/v2/schema/").content)
    as_json = json.loads(client.get("/multiflexi/api/v2/schema/?format=json").content)
    assert as_yaml["paths"].keys() == as_json["paths"].keys()
    assert (as_yaml["servers"], as_json["servers"]) == ([{"url": "/"}], [{"url": "/multiflexi"}])
    for name in ("docs", "redoc"):
        page = client.get(f"/api/v2/{name}/").content.decode()
        assert "drf_spectacular_sidecar" in page
        assert "cdn." not in page and "https://fonts" not in page
