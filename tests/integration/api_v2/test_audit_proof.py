"""The audit trail as evidence: checked and carried away over the API."""

from __future__ import annotations

import json

import pytest

from multiflexi.models import AuditEntry
from multiflexi.record import audit, seals
from tests.integration.api_v2.conftest import SHELL, Caller, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


def test_a_trail_that_was_changed_is_told(root_asks: Caller, alice_asks: Caller, world: World) -> None:
    seals.seal()
    whole = root_asks.get("audit-log/verify").json()
    assert whole["valid"] and whole["broken"] == [] and whole["checked"] >= 1 and whole["seal"]["id"]
    AuditEntry.objects.filter(pk=world.ids["audit-log"]).update(action="other")
    broken = root_asks.get("audit-log/verify").json()
    assert not broken["valid"]
    assert broken["broken"] == [{"id": world.ids["audit-log"], "reason": "changed"}]
    assert alice_asks.get("audit-log/verify").status_code == 403


def test_seals_noted_earlier_are_compared(root_asks: Caller, world: World) -> None:
    seals.seal()
    noted = root_asks.get("audit-log/verify").json()["seal"]
    assert root_asks.post("audit-log/verify", {"seals": [noted]}).json()["valid"]
    told = root_asks.post("audit-log/verify", {"seals": [{**noted, "hash": "0" * 64}]}).json()
    assert not told["valid"] and "noted earlier" in told["broken"][0]["reason"]


def test_an_export_holds_all_entries_of_a_time_and_is_recorded(root_asks: Caller, world: World) -> None:
    later = audit.write(SHELL, "look", "Company")
    AuditEntry.objects.filter(pk=later.pk).update(created_at="2031-01-01T00:00:00Z")
    answer = root_asks.get("audit-log/export?end=2030-01-01T00:00:00Z")
    document = json.loads(b"".join(answer.streaming_content))
    ids = [one["id"] for one in document["entries"]]
    assert world.ids["audit-log"] in ids and later.pk not in ids and ids == sorted(ids)
    assert document["seals"] == []
    assert answer["Content-Disposition"].startswith("attachment")
    recorded = AuditEntry.objects.get(event_type="data_export")
    assert recorded.additional_data["entries"] == len(ids)
    assert root_asks.get("audit-log/export?end=soon").status_code == 400
