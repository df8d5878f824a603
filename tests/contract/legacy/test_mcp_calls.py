"""The requests of multiflexi-mcp-server as it sends them: one for each of its 11 resources and 37 tools."""

from __future__ import annotations

from string import Template
from typing import Any, NamedTuple

import pytest
from django.db.models import Model

from multiflexi.api.legacy.declare import OPERATIONS
from multiflexi.models import EventRule, EventSource, User
from tests.contract.legacy.world import Asker, World, told
from tests.http import basic

AGENT = "OpenAPI-Generator/1.2.0/python"
# Lists that are objects by id; all others are arrays.
KEYED = {"applications", "jobs", "runtemplates"}


class Sent(NamedTuple):
    """What goes over the line; `$name` in path and body stands for an id."""

    method: str
    path: str
    status: int = 200
    body: Any = None


RESOURCES = {
    name: Sent("GET", f"/{noun}.json")
    for name, noun in {
        "applications": "apps", "jobs": "jobs", "companies": "companies", "users": "users",
        "runtemplates": "runtemplates", "credentials": "credentials", "credential-types": "credential_types",
        "topics": "topics", "event-sources": "eventsources", "event-rules": "eventrules", "tasks": "tasks",
    }.items()
}  # fmt: skip
# An object of the client always carries its defaults.
SOURCE = {
    "name": "By a tool", "db_connection": "mysql", "db_host": "localhost", "db_port": "3306", "poll_interval": 60,
    "enabled": True, "last_processed_id": 0,
}  # fmt: skip
RULE = {"event_source_id": "$eventsource", "runtemplate_id": "$runtemplate", "operation": "any", "enabled": True}
TOOLS = {
    "get_app": Sent("GET", "/app/$app.json"),
    "get_job": Sent("GET", "/job/$job.json"),
    "get_job_status": Sent("GET", "/job/$waiting.json"),
    "create_job": Sent("POST", "/job/", 201, {
        "runtemplate_id": "$runtemplate", "scheduled": "now", "executor": "Native", "env": {"ACCOUNT": "1"}
    }),
    "get_company": Sent("GET", "/company/$company.json"),
    "get_user": Sent("GET", "/user/$user.json"),
    "get_runtemplate": Sent("GET", "/runtemplate/$runtemplate.json"),
    "update_runtemplate": Sent("POST", "/runtemplate/$runtemplate.json", 201, {"id": "$runtemplate", "active": 1,
                                                                              "interv": "d"}),
    "list_companies": Sent("GET", "/companies.json?limit=5&offset=0&order=-id"),
    "list_company_users": Sent("GET", "/company/$company/users.json?limit=5"),
    "assign_user_to_company": Sent("POST", "/company/$company/user/", 201, {"user_id": "$user", "role": "viewer"}),
    "unassign_user_from_company": Sent("DELETE", "/company/$company/user/$user"),
    "list_users": Sent("GET", "/users.json?limit=5"),
    "set_user_roles": Sent("POST", "/user/$user/roles/?replace=true", 200, {"roles": ["viewer"]}),
    "get_user_roles": Sent("GET", "/user/$user/roles.json"),
    "list_credentials": Sent("GET", "/credentials.json?limit=5"),
    "get_credential": Sent("GET", "/credential/$credential.json?token="),
    "update_credential": Sent("POST", "/credential/$credential.json?token=", 201, {
        "name": "Renamed", "company_id": "$company", "type": "token", "value": "x"
    }),
    "list_credential_types": Sent("GET", "/credential_types.json?limit=5"),
    "get_credential_type": Sent("GET", "/credential_type/$credential_type.json"),
    "update_credential_type": Sent("POST", "/credential_type/$credential_type.json", 201, {
        "name": "Renamed", "description": "x", "url": "https://example.org", "logo": ""
    }),
    "list_topics": Sent("GET", "/topics.json?limit=5"),
    "get_topic": Sent("GET", "/topic/$topic.json"),
    "update_topic": Sent("POST", "/topic/$topic.json", 201, {"name": "Renamed", "color": "#112233"}),
    "list_event_sources": Sent("GET", "/eventsources.json?limit=5"),
    "get_event_source": Sent("GET", "/eventsource/$eventsource.json"),
    "set_event_source": Sent("POST", "/eventsource/?eventSourceId=$eventsource", 201, {"id": "$eventsource", **SOURCE}),
    "test_event_source_connection": Sent("POST", "/eventsource/$eventsource/test.json"),
    "list_event_rules": Sent("GET", "/eventrules.json?limit=5"),
    "get_event_rule": Sent("GET", "/eventrule/$eventrule.json"),
    "set_event_rule": Sent("POST", "/eventrule/?eventRuleId=$eventrule", 201, RULE),
    "list_tasks": Sent("GET", "/tasks.json?state=fulfilled&runtemplate_id=$runtemplate&limit=5"),
    "get_task": Sent("GET", "/task/$task.json"),
    "delete_event_rule": Sent("DELETE", "/eventrule/$eventrule.json"),
    "delete_event_source": Sent("DELETE", "/eventsource/$eventsource.json"),
    "request_data_export": Sent("GET", "/data-export?action=export&format=json"),
    "get_export_status": Sent("GET", "/data-export?action=status"),
}  # fmt: skip
# Demanded once there is an operation for them.
OF_EXPORTS = {"request_data_export", "get_export_status"}
# Without an id the same two calls make a new one.
NEW = {
    "set_event_source": Sent("POST", "/eventsource/", 201, SOURCE),
    "set_event_rule": Sent("POST", "/eventrule/", 201, RULE),
}


@pytest.fixture
def ids(world: World, carol: User) -> dict[str, int]:
    return world.acme.ids | {"user": carol.pk, "waiting": world.acme.jobs["pending"].pk}


def filled(value: Any, ids: dict[str, int]) -> Any:
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    return ids[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def send(ask: Asker, sent: Sent, ids: dict[str, int]) -> Any:
    answer = ask(sent.method, Template(sent.path).substitute(ids), filled(sent.body, ids))
    assert answer.status_code == sent.status, answer.content
    assert answer["Content-Type"] == "application/json"
    return told(answer)


def asking(user: User) -> Asker:
    return Asker({**basic(user), "User-Agent": AGENT, "Accept": "application/json"})


def test_all_of_them_are_here() -> None:
    assert (len(RESOURCES), len(TOOLS)) == (11, 37)


@pytest.mark.parametrize("name", RESOURCES)
def test_resource(world: World, root: User, ids: dict[str, int], name: str) -> None:
    found = send(asking(root), RESOURCES[name], ids)
    assert isinstance(found, dict if name in KEYED else list) and found


@pytest.mark.parametrize("name", TOOLS)
def test_tool(world: World, root: User, ids: dict[str, int], name: str) -> None:
    if name in OF_EXPORTS and "requestDataExport" not in {one.id for one in OPERATIONS}:
        return
    found = send(asking(root), TOOLS[name], ids)
    assert isinstance(found, list if name.startswith("list_") or name == "get_user_roles" else dict)


@pytest.mark.parametrize(("name", "model"), zip(NEW, (EventSource, EventRule), strict=True))
def test_tool_that_makes_one(world: World, root: User, ids: dict[str, int], name: str, model: type[Model]) -> None:
    before = set(model.objects.values_list("pk", flat=True))
    made = send(asking(root), NEW[name], ids)["id"]
    assert set(model.objects.values_list("pk", flat=True)) == before | {made}
    assert made not in before


def test_the_state_of_a_job_is_derived_from_three_members(world: World, root: User, ids: dict[str, int]) -> None:
    waiting = send(asking(root), TOOLS["get_job_status"], ids)
    ended = send(asking(root), TOOLS["get_job"], ids)
    assert waiting["begin"] is waiting["end"] is waiting["exitcode"] is None
    assert ended["begin"] and ended["end"] and ended["exitcode"] == 0
    assert ended["stdout"] and ended["stderr"]


def test_a_source_that_a_tool_changes_goes_on_where_it_was(world: World, root: User, ids: dict[str, int]) -> None:
    EventSource.objects.filter(pk=ids["eventsource"]).update(last_processed_id=4711)
    assert send(asking(root), TOOLS["set_event_source"], ids)["last_processed_id"] == 4711


def test_without_a_credential_nothing_is_told(world: World, nobody: Asker, ids: dict[str, int]) -> None:
    """An older client sends none with credentials, their types and topics, because of what was published for these."""
    for name, sent in {**RESOURCES, **TOOLS}.items():
        if name not in OF_EXPORTS:
            answer = nobody(sent.method, Template(sent.path).substitute(ids), filled(sent.body, ids))
            assert answer.status_code == 401, name
