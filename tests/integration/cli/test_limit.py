"""Named limits on the command line."""

from __future__ import annotations

import pytest

from multiflexi.models import Application, Company, CredentialType, JobLimit, NamedLimit, RunTemplate

from .conftest import Cli


@pytest.fixture
def bank(acme: Company) -> CredentialType:
    return CredentialType.objects.create(name="Bank", company=acme)


def test_create_list_and_get(cli: Cli, acme: Company, echo: Application, bank: CredentialType) -> None:
    words = ["--name", "at the bank", "--maximum", 2, "--company", "acme", "--app", "echo", "--credential-type", "Bank"]
    made = cli("limit:create", *words, "-f", "json").json
    assert made == {"limit_id": NamedLimit.objects.get().pk, "created": True}
    [listed] = cli("limit:list", "-f", "json").json
    assert listed == {
        "id": made["limit_id"],
        "name": "at the bank",
        "company_id": acme.pk,
        "maximum": 2,
        "used": 0,
        "holders": [],
        "apps": ["Echo"],
        "credential_types": ["Bank"],
    }
    assert cli("limit:get", "at the bank", "-f", "json").json == listed
    assert "at the bank" in cli("limits", "list").out
    assert cli("limit:list", "--company", "acme", "--order", "used:desc", "-f", "json").json == [listed]


def test_jobs_that_hold_a_place_are_told(cli: Cli, template: RunTemplate) -> None:
    number = cli("limit:create", "--name", "x", "--max", 1, "--app", "echo", "-f", "json").json["limit_id"]
    job = cli("job:create", template.pk, "-f", "json").json["id"]
    JobLimit.objects.create(job_id=job, limit_id=number)
    shown = cli("limit:get", number, "-f", "json").json
    assert (shown["used"], shown["holders"]) == (1, [job])


def test_update(cli: Cli, acme: Company, echo: Application, bank: CredentialType) -> None:
    number = cli("limit:create", "--name", "x", "--maximum", 2, "--app", "echo", "-f", "json").json["limit_id"]
    changed = cli(
        "limit:update", number, "--maximum", 0, "--remove-app", "echo", "--credential-type", bank.pk, "-f", "json"
    )
    assert changed.json == {"limit_id": number, "updated": True}
    shown = cli("limit:get", number, "-f", "json").json
    assert (shown["maximum"], shown["apps"], shown["credential_types"]) == (0, [], ["Bank"])
    assert not cli("limit:update", number, "--maximum", 0, "-f", "json").json["updated"]
    assert "nothing to change" in cli("limit:update", number, "--credential-type", "Bank").out


def test_delete(cli: Cli) -> None:
    number = cli("limit:create", "--name", "x", "--maximum", 2, "-f", "json").json["limit_id"]
    assert cli("limit:delete", number, "--dry-run", "-f", "json").json == {"dry_run": True, "limit_id": number}
    assert NamedLimit.objects.exists()
    assert cli("limit:remove", number, "-f", "json").json == {"deleted": True, "limit_id": number}
    assert not NamedLimit.objects.exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["create", "--maximum", 2], 2, "--name is required"),
        (["create", "--name", "x"], 2, "--maximum is required"),
        (["create", "--name", "x", "--maximum", "-1"], 2, "too small"),
        (["create", "--name", "x", "--maximum", 1, "--app", "nothing"], 1, "not found"),
        (["create", "--name", "x", "--maximum", 1, "--credential-type", "nothing"], 1, "not found"),
        (["create", "--name", "taken", "--maximum", 1], 1, "already exists there"),
        (["update", "nothing", "--maximum", 1], 1, "not found"),
        (["delete", 4711], 1, "not found"),
    ],
)
def test_errors(cli: Cli, words: list[object], code: int, text: str) -> None:
    NamedLimit.objects.create(name="taken", maximum=1)
    outcome = cli(f"limit:{words[0]}", *words[1:])
    assert (outcome.code, text in outcome.err) == (code, True), outcome.err
