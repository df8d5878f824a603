"""What an event rule would do with a sample."""

from __future__ import annotations

from typing import Any

import pytest

from multiflexi.models import EventRule, RunTemplate
from multiflexi.vault.secrecy import MASK
from tests.integration.api_v2.conftest import Caller, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]
EVENT = {"inversion": 7, "evidence": "order", "operation": "create", "recordid": 41, "context": {"to": {"name": "Žd"}}}


@pytest.fixture
def told(world: World, bob_asks: Caller) -> Any:
    def ask(data: dict[str, Any], **rule: Any) -> dict[str, Any]:
        EventRule.objects.filter(pk=world.ids["event-rules"]).update(**rule)
        answer = bob_asks.post(f"event-rules/{world.ids['event-rules']}/preview", {"data": data})
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    return ask


def values(found: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one["value"] for one in found["variables"]}


def test_selectors_and_what_is_always_given(told: Any) -> None:
    found = told(EVENT, env_mapping={"TO": "$.context.to.name", "EVENT_RECORD_ID": "inversion", "ALL": "context"})
    assert (found["fires"], found["reasons"]) == (True, [])
    assert values(found) == {
        "TO": "Žd",
        "EVENT_RECORD_ID": "7",
        "ALL": None,
        "EVENT_INVERSION": "7",
        "EVENT_EVIDENCE": "order",
        "EVENT_OPERATION": "create",
    }
    assert [one for one in found["problems"] if "ALL" in one]


def test_secrets_are_masked_and_files_told(told: Any) -> None:
    found = told({"report": {"a": 1}, "key": "pa55"}, env_mapping={"IN": "@file:report", "PROBE_PASSWORD": "key"})
    assert values(found) == {"IN": '{"a": 1}', "PROBE_PASSWORD": MASK}
    assert [one["is_file"] for one in found["variables"]] == [True, False]


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        ({"evidence": "invoice"}, False),
        ({"evidence": "order", "operation": "delete"}, False),
        ({"evidence": "order", "operation": "create"}, True),
        ({"conditions": {"context.to.name": ["Žd", "Ab"], "recordid": 41}}, True),
        ({"conditions": {"context.to.name": "Ab"}}, False),
        ({"conditions": {"context.nothing": None}}, True),
        ({"enabled": False}, False),
    ],
)
def test_it_fires_on_what_it_asks_for(told: Any, rule: dict[str, Any], fires: bool) -> None:
    found = told(EVENT, **rule)
    assert found["fires"] is fires and bool(found["reasons"]) is not fires


def test_a_chain_is_given_what_the_mapping_says_only(
    told: Any, world: World, template: RunTemplate, another_template: RunTemplate
) -> None:
    found = told(
        {"evidence": "x", "sum": 1.5, "ok": True},
        event_source=None,
        runtemplate_source=another_template,
        env_mapping={"SUM": "sum", "OK": "ok"},
        evidence="order",
    )
    assert found["fires"] and values(found) == {"SUM": "1.5", "OK": "true"}


def test_a_target_that_cannot_run_is_told(told: Any, template: RunTemplate, carol_asks: Caller, world: World) -> None:
    RunTemplate.objects.filter(pk=template.pk).update(active=False)
    assert "inactive" in told(EVENT)["problems"][0]
    rule = f"event-rules/{world.ids['event-rules']}/preview"
    assert carol_asks.post(rule, {"data": {}}).status_code == 404
