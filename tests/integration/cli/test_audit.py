"""Commands of the audit trail."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from multiflexi.models import AuditEntry, Company
from multiflexi.record import seals

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def trail(cli, acme: Company) -> list[int]:
    for name in ("Initech", "Umbrella"):
        assert cli("company:create", "--name", name).code == 0
    return list(AuditEntry.objects.order_by("pk").values_list("pk", flat=True))


def test_the_newest_come_first_and_filters_hold(cli, trail: list[int]) -> None:
    assert [one["id"] for one in cli("audit:list", "-f", "json").json] == trail[::-1]
    assert [one["id"] for one in cli("audit:list", "--order", "A", "--limit", "1", "-f", "json").json] == trail[:1]
    made = cli("audit:list", "--entity_type", "Company", "--action", "create", "-f", "json").json
    assert {one["entity_id"] for one in made} == set(Company.objects.exclude(slug="acme").values_list("pk", flat=True))
    assert cli("audit:list", "--company", "acme", "-f", "json").json == []
    assert cli("audit:list", "--severity", "loud").code == 2


def test_verification_tells_what_is_not_sealed_and_what_is_broken(cli, trail: list[int]) -> None:
    found = cli("audit:verify", "-f", "json")
    assert (found.code, found.json["checked"], found.json["unsealed"]) == (0, len(trail), len(trail))
    seals.seal()
    found = cli("audit:verify", "-f", "json").json
    assert (found["unsealed"], found["broken"], found["first"], found["last"]) == (0, [], trail[0], trail[-1])
    AuditEntry.objects.filter(pk=trail[0]).update(action="update")
    found = cli("audit:verify", "-f", "json")
    assert (found.code, found.json["broken"]) == (1, [{"id": trail[0], "reason": "changed"}])
    assert f"Entry {trail[0]}: changed" in cli("audit:verify").out


def test_an_export_is_recorded_and_its_seals_are_compared_later(cli, trail: list[int], tmp_path: Path) -> None:
    seals.seal()
    file = tmp_path / "trail.json"
    assert cli("audit:export", "-o", str(file)).code == 0
    written = json.loads(file.read_text())
    assert [one["id"] for one in written["entries"]] == trail
    assert AuditEntry.objects.filter(action="export").exists()
    assert cli("audit:verify", "--seals", str(file)).code == 0
    written["seals"][0]["hash"] = "0" * 64
    file.write_text(json.dumps(written))
    assert "not the one noted earlier" in cli("audit:verify", "--seals", str(file)).out
    file.write_text("[1]")
    assert cli("audit:verify", "--seals", str(file)).code == 1
    file.write_text("no")
    assert "cannot be read as JSON" in cli("audit:verify", "--seals", str(file)).err


def test_an_export_as_csv(cli, trail: list[int]) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("audit:export", "-f", "csv").out)))
    assert [int(row["id"]) for row in rows] == trail
