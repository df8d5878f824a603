"""A list costs the same number of queries however long it is; the numbers are part of the contract."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contract.legacy.world import Asker, World

pytestmark = pytest.mark.usefixtures("keys_read_once")
# Three of each tell who asks and what they may do.
LISTS = {
    "apps": 5, "companies": 5, "users": 4, "jobs": 5, "runtemplates": 5, "credentials": 6, "credential_types": 5,
    "credential_prototypes": 4, "topics": 5, "eventsources": 5, "eventrules": 5, "tasks": 5, "schedule": 5,
    "artifacts": 5, "auditlog": 5,
}  # fmt: skip
RECORDS = {
    "app": 11, "company": 4, "runtemplate": 4, "job": 4, "credential": 9, "credential_type": 4,
    "credential_prototype": 5, "topic": 4, "eventsource": 4, "eventrule": 4, "task": 5, "schedule": 4, "artifact": 4,
}  # fmt: skip


def cost(ask: Asker, path: str) -> int:
    ask.get(path)
    with CaptureQueriesContext(connection) as found:
        assert ask.get(path).status_code == 200
    return len(found)


@pytest.mark.parametrize("noun", LISTS)
def test_lists(world: World, as_root: Asker, noun: str) -> None:
    few = cost(as_root, f"/{noun}.json?limit=1")
    many = cost(as_root, f"/{noun}.json?limit=500")
    assert many <= few, "the cost grows with the number of rows"
    assert few <= LISTS[noun]


@pytest.mark.parametrize("noun", RECORDS)
def test_records(world: World, as_root: Asker, noun: str) -> None:
    assert cost(as_root, f"/{noun}/{world.acme.ids[noun]}.json") <= RECORDS[noun]


def test_running(world: World, as_alice: Asker) -> None:
    body = {"runtemplate_id": world.acme.template.pk}
    as_alice.post("/job/", body)
    with CaptureQueriesContext(connection) as found:
        assert as_alice.post("/job/", body).status_code == 201
    assert len(found) <= 40
