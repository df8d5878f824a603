"""Whatever stands in a body or an address, the answer is one of the contract: no fault of the server's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from multiflexi.api.legacy.declare import OPERATIONS, Operation
from multiflexi.api.legacy.fields import Field
from multiflexi.api.legacy.nouns import load
from tests.contract.legacy.world import BASE, Asker, World

load()
ODD: tuple[Any, ...] = (None, "", "0", -1, 2**70, ["x"], {"a": {"b": 1}}, "x" * 70000, "ž\u202e\U0001f600")
QUERY = (
    "",
    "abc",
    "-1",
    "99999999999999999999",
    "%F0%9F%98%80",
    "%00",
    "%ff",
    "1,2",
    "true",
    "2026-13-45",
    "+1+day",
    "[]",
)
# Others of the same noun share their function with one of these.
CHANGING = [one for one in OPERATIONS if one.body and not one.id.startswith(("patch", "put", "create"))]
LISTING = [one for one in OPERATIONS if one.parameters and one.method == "GET"]


def path_of(one: Operation, world: World, bob_id: int) -> str:
    named = {"userId": bob_id, "runTemplateId": world.acme.ids["runtemplate"], "jobId": world.acme.jobs["success"].pk}
    by_noun = {noun.replace("_", "").lower(): number for noun, number in world.acme.ids.items()}
    path = one.path
    for part in path.split("/"):
        if part.startswith("{"):
            key = part.strip("{}")
            number = named.get(key) or by_noun[key.removesuffix("Id").removesuffix("ID").lower()]
            path = path.replace(part, str(number))
    return f"/{path}" + (".json" if one.suffixes else "/")


def usable(one: Operation, world: World) -> dict[str, Any]:
    """What the operation needs, so that the one odd member is what is refused."""
    ids = world.acme.ids
    return {
        "id": ids["runtemplate"] if one.path.startswith("runtemplate/") else None,
        "name": "Usable", "executable": "/bin/true", "login": "usable", "email": "u@example.org", "app_id": ids["app"],
        "company_id": ids["company"], "credential_type_id": ids["credential_type"], "prototype": "Bank",
        "runtemplate_id": ids["runtemplate"], "event_source_id": ids["eventsource"], "roles": ["viewer"],
        "runtemplate_ids": [ids["runtemplate"]], "config_key": "ACCOUNT", "config_value": "1",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("one", CHANGING, ids=lambda one: one.id)
def test_odd_members(world: World, as_root: Asker, bob: Any, one: Operation) -> None:
    fields: dict[str, Field] = dict(one.body or {})
    needed = {
        name: value
        for name, value in usable(one, world).items()
        if value is not None and (name in fields or name == "id")
    }
    for name in fields:
        for value in ODD:
            answer = as_root(one.method, path_of(one, world, bob.pk), {**needed, name: value})
            assert answer.status_code < 500, (one.id, name, value, answer.content)


@pytest.mark.parametrize("one", LISTING, ids=lambda one: one.id)
def test_odd_parameters(world: World, as_root: Asker, bob: Any, one: Operation) -> None:
    for parameter in one.parameters:
        for value in QUERY:
            answer = as_root(one.method, f"{path_of(one, world, bob.pk)}?{parameter.name}={value}")
            assert answer.status_code in (200, 400), (one.id, parameter.name, value, answer.content)


def test_numbers_that_no_database_keeps(world: World, as_alice: Asker) -> None:
    path = f"/company/{world.acme.company.pk}.json"
    answer = Client().put(BASE + path, '{"settings": {"limit": 1e400}}', "application/json", headers=as_alice.headers)
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize(
    "odd",
    ['{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a": NaN}', '{"a": 1e400}', "[" * 5000, '{"a": ' * 40 + "1" + "}" * 40],
)
def test_documents_within_texts(world: World, as_alice: Asker, odd: str) -> None:
    ids = world.acme.ids
    for path, body in (
        (f"/company/{ids['company']}.json", {"settings": odd}),
        (f"/eventrule/{ids['eventrule']}.json", {"env_mapping": odd}),
    ):
        answer = as_alice("PUT", path, body)
        assert answer.status_code == 400, (path, answer.content)
