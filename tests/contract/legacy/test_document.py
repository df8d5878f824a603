"""The published document: valid, with the operations that exist and with those that were published."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.validation import validate_schema

from multiflexi.api.legacy.declare import OPERATIONS
from tests.contract.legacy.world import BASE, Asker

OPEN = {"getRoot", "getApiIndex", "getPing", "login", "getOpenApi"}
# A credential says whose token to give or to withdraw, and who may see more.
OPTIONAL = {"getApiStatus", "loginByHeader", "logout", "logoutInFormat"}


@pytest.fixture
def document(nobody: Asker) -> Any:
    return json.loads(nobody.get("/openapi.json").content)


def operations(document: Any) -> dict[str, tuple[str, str, Any]]:
    return {
        one.get("operationId") or f"{method} {path}": (method, path, one)
        for path, ways in document["paths"].items()
        for method, one in ways.items()
    }


def test_it_is_valid_and_the_same_in_yaml(document: Any, nobody: Asker) -> None:
    validate_schema(document)
    assert document["openapi"].startswith("3.0.")
    assert yaml.safe_load(nobody.get("/openapi.yaml").content) == document
    assert document["servers"][0]["url"].endswith("/api/VitexSoftware/MultiFlexi/1.0.0")


def test_every_operation_is_in_it_once(document: Any) -> None:
    ids = [one.id for one in OPERATIONS]
    assert len(ids) == len(set(ids))
    assert set(operations(document)) == set(ids)


def test_protected_operations_say_so(document: Any) -> None:
    security = {name: one["security"] for name, (_method, _path, one) in operations(document).items()}
    assert {name for name, found in security.items() if found == []} == OPEN
    assert {name for name, found in security.items() if {} in found} == OPTIONAL
    assert all({"basicAuth": []} in found for name, found in security.items() if name not in OPEN)


def test_what_was_published_is_there(document: Any, reference: Path) -> None:
    published = yaml.safe_load((reference / "openapi" / "multiflexi-api.openapi-schema.yaml").read_text())
    ours = operations(document)
    for name, (method, path, one) in operations(published).items():
        if "operationId" not in one:
            continue
        assert name in ours, name
        assert ours[name][0] == method
        assert ours[name][1].rstrip("/") == path.rstrip("/"), name
        success = min(status for status in one["responses"] if status.startswith("2"))
        assert success in ours[name][2]["responses"], name
        for parameter in one.get("parameters", []):
            if parameter.get("required") and "{" + str(parameter.get("name")) + "}" in path:
                assert parameter["name"] in [mine["name"] for mine in ours[name][2]["parameters"]]


def test_published_members_keep_name_and_type(document: Any, reference: Path) -> None:
    published = yaml.safe_load((reference / "openapi" / "multiflexi-api.openapi-schema.yaml").read_text())
    ours = document["components"]["schemas"]
    never_sent = {("App", "status"), ("User", "password")}
    unused = {"ConfField", "Configuration", "Customer", "Tag"}
    for name, schema in published["components"]["schemas"].items():
        if name in unused:
            continue
        for member, told in schema["properties"].items():
            if (name, member) not in never_sent:
                assert ours[name]["properties"][member].get("type") == told.get("type"), (name, member)


def test_every_route_is_answered_by_its_declaration(document: Any) -> None:
    for path in document["paths"]:
        assert not re.search(r"\{(?!\w+\})", path)


def test_it_names_the_address_that_it_was_asked_for_by(nobody: Asker) -> None:
    for prefix in ("", "/multiflexi"):
        for suffix, read in (("json", json.loads), ("yaml", yaml.safe_load)):
            answer = Client().get(f"{prefix}{BASE}/openapi.{suffix}")
            assert read(answer.content)["servers"] == [{"url": f"http://testserver{prefix}{BASE}"}]
