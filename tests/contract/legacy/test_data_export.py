"""Exports of one's own data, as a person with a client meets them: asking, the link, and what the file holds."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from multiflexi.compliance import personal_data
from multiflexi.compliance.renderings import RENDERINGS
from multiflexi.models import (
    AuditEntry,
    Company,
    Job,
    JobStatus,
    LogEntry,
    LoginAttempt,
    Passkey,
    SecondFactor,
    Token,
    User,
    UserSession,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import allowlist, company_env, rate_limit, second_factor
from tests.contract.legacy.world import BASE, SECRETS, Asker, World, told
from tests.http import a_token, basic, bearer, password_of

FORMATS = ("json", "pdf", "csv", "xml")
EXTENSIONS = {"json": "json", "pdf": "pdf", "csv": "zip", "xml": "xml"}
MARKER = "zzsecretzz-marker"
DANGEROUS = '=HYPERLINK("http://evil")'


def exported(ask: Asker, format: str = "json") -> HttpResponse:
    made = ask.json(f"/data-export?action=export&format={format}")
    return follow(ask, made["download_url"])


def follow(ask: Asker, address: str) -> HttpResponse:
    return Asker(ask.headers, base="").get(address)


def words(answer: HttpResponse, format: str) -> str:
    """Everything that a reader of the file can find in it."""
    assert answer.status_code == 200, answer.content
    if format == "csv":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return "\n".join(f"{name}\n{archive.read(name).decode('utf-8-sig')}" for name in archive.namelist())
    if format == "pdf":
        pages = PdfReader(io.BytesIO(answer.content)).pages
        return "\n".join(page.extract_text() for page in pages)
    return answer.content.decode()


def tables(answer: HttpResponse) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))
            for name in archive.namelist()
        }


@pytest.mark.parametrize("format", FORMATS)
def test_alice_finds_her_company_and_not_carols(
    world: World, as_alice: Asker, as_carol: Asker, alice: User, format: str
) -> None:
    alice.firstname, alice.lastname = "Alžběta", "Říčná"
    alice.save()

    answer = exported(as_alice, format)

    text = words(answer, format)
    assert "ACME" in text and "Alžběta" in text and "Říčná" in text
    assert "Globex" not in text and "carol" not in text
    name = re.fullmatch(
        r'attachment; filename="multiflexi_data_export_alice_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.(\w+)"',
        answer["Content-Disposition"],
    )
    assert name is not None and name[1] == EXTENSIONS[format]
    assert answer["Cache-Control"] == "no-store"
    assert "Globex" in words(exported(as_carol, format), format)


def test_the_document_has_what_was_published(world: World, as_alice: Asker, alice: User) -> None:
    Job.objects.filter(pk=world.acme.ids["job"]).update(launched_by=alice)
    LogEntry.objects.create(user_id=alice.pk, company_id=world.acme.company.pk, message="ran it", venue="web")
    LoginAttempt.objects.create(username="alice", ip_address="203.0.113.9", attempt_time=timezone.now(), success=False)
    LoginAttempt.objects.create(username="alice", ip_address="203.0.113.8", attempt_time=timezone.now(), success=True)

    found = told(exported(as_alice))

    metadata = found["export_metadata"]
    assert metadata["user_id"] == alice.pk and metadata["export_version"] == "1.0"
    assert metadata["gdpr_article"].startswith("Article 15")
    assert set(metadata["truncated"].values()) == {False}
    assert found["user_profile"]["username"] == "alice" and found["user_profile"]["system_roles"] == ["editor"]
    (company,) = found["company_associations"]
    assert (company["company_code"], company["relationship_type"]) == ("acme", "admin")
    assert [one["credential_id"] for one in found["credentials"]] == [world.acme.ids["credential"]]
    assert [one["message"] for one in found["activity_logs"]] == ["ran it"]
    (job,) = found["job_history"]
    assert (job["job_id"], job["exit_code"], job["status"]) == (world.acme.ids["job"], 0, "success")
    assert found["consent_records"] == {"consent_records": [], "consent_audit_trail": []}
    addresses = [one["ip_address"] for one in found["session_history"]["sign_ins"]]
    assert "203.0.113.8" in addresses and "203.0.113.9" not in addresses
    assert len(found["audit_trails"]["data_export_requests"]) == 1


def test_a_list_that_is_cut_says_so(world: World, as_alice: Asker, alice: User) -> None:
    acme = world.acme
    LogEntry.objects.bulk_create(LogEntry(user_id=alice.pk, message=f"m{number}") for number in range(1001))
    Job.objects.bulk_create(
        Job(
            app=world.app,
            company=acme.company,
            runtemplate=acme.template,
            launched_by=alice,
            status=JobStatus.CANCELLED,
            end=timezone.now(),
        )
        for _number in range(500)
    )

    found = told(exported(as_alice))

    assert len(found["activity_logs"]) == 1000 and found["activity_logs"][0]["message"] == "m1000"
    assert len(found["job_history"]) == 500
    truncated = found["export_metadata"]["truncated"]
    assert (truncated["activity_logs"], truncated["job_history"]) == (True, False)


def test_what_belongs_to_a_company_one_has_left_is_withheld(
    world: World, as_alice: Asker, alice: User, globex: Company
) -> None:
    LogEntry.objects.create(user_id=alice.pk, company_id=globex.pk, message="of Globex")
    Job.objects.filter(pk=world.globex.ids["job"]).update(launched_by=alice)
    audit.write(Actor(user_id=alice.pk, origin="web"), "update", globex)

    found = told(exported(as_alice))

    assert (found["activity_logs"], found["job_history"]) == ([], [])
    assert found["export_metadata"]["withheld"] == {"activity_logs": 1, "job_history": 1, "actions": 1}
    assert all(one["company_id"] != globex.pk for one in found["audit_trails"]["actions"])


@pytest.mark.parametrize("person", ["alice", "root"])
def test_a_company_that_is_closed_to_the_address_is_withheld(
    world: World, as_alice: Asker, as_root: Asker, person: str
) -> None:
    ask, user = (as_alice if person == "alice" else as_root), User.objects.get(login=person)
    Job.objects.filter(pk=world.acme.ids["job"]).update(launched_by=user)
    allowlist.add(Actor(user_id=None, origin="cli"), "192.0.2.0/24", company=world.acme.company)

    found = told(exported(ask))

    assert (found["credentials"], found["job_history"]) == ([], [])
    assert found["export_metadata"]["withheld"]["job_history"] == 1


def test_passkeys_are_told_by_their_names(alice: User) -> None:
    SecondFactor.objects.create(user=alice, passkeys_since=timezone.now(), handle="zzhandle")
    Passkey.objects.create(
        user=alice, name="Notebook", domain="multiflexi.example", credential="zzcredential", credential_hash="zzhash"
    )

    found = personal_data.collect(alice, now=timezone.now())

    assert found["user_profile"]["second_factor"] is True
    (passkey,) = found["passkeys"]
    assert (passkey["name"], passkey["domain"], passkey["last_used"]) == ("Notebook", "multiflexi.example", None)
    for format in FORMATS:
        assert RENDERINGS[format].write(found)
    assert "zz" not in json.dumps(found)


@pytest.mark.parametrize("format", FORMATS)
def test_no_secret_is_in_any_format(world: World, as_alice: Asker, alice: User, format: str) -> None:
    shell = Actor(user_id=None, origin="cli")
    company_env.set_value(shell, world.acme.company, "MAIL_PASSWORD", MARKER)
    alice.settings = {"language": "cs", "mail": {"api_token": MARKER}}
    alice.save()
    value = a_token(alice, label="of the robot")
    UserSession.objects.create(
        id=MARKER, user=alice, ip_address="203.0.113.7", expires_at=timezone.now() + timedelta(days=1)
    )
    job = Job.objects.get(pk=world.acme.ids["job"])
    job.launched_by, job.env, job.overrides, job.stdout = alice, {"A": MARKER}, {"B": MARKER}, MARKER
    job.save()
    audit.write(
        Actor(user_id=alice.pk, origin="web"), "update", world.acme.company, changes={"x": [MARKER, "y"]},
        data={"z": MARKER}, description=MARKER,
    )  # fmt: skip
    base32 = second_factor.begin(alice)
    hidden = [
        MARKER, *SECRETS, value, value[:12], password_of("alice"), alice.password, base32,
        SecondFactor.objects.get().secret, Token.objects.get(label="of the robot").token_hash,
    ]  # fmt: skip

    made = as_alice.json(f"/data-export?action=export&format={format}")
    hidden.append(made["download_url"].partition("token=")[2])
    text = words(follow(as_alice, made["download_url"]), format)

    assert [one for one in hidden if one in text or one in text.replace("\n", "")] == []
    assert "of the robot" in text and "203.0.113.7" in text


def test_a_table_does_not_calculate(world: World, as_alice: Asker, alice: User) -> None:
    for text in (DANGEROUS, "+1", "-1", "@x", "\t=1", 'harmless, "quoted"\nline'):
        LogEntry.objects.create(user_id=alice.pk, message=text)
    alice.settings = {"=cmd|' /C calc'!A0": 1}
    alice.save()

    found = tables(exported(as_alice, "csv"))

    messages = [row["message"] for row in found["activity_logs.csv"]]
    assert f"'{DANGEROUS}" in messages and 'harmless, "quoted"\nline' in messages
    cells = [cell for rows in found.values() for row in rows for pair in row.items() for cell in pair]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    profile = {row["field"]: row["value"] for row in found["user_profile.csv"]}
    assert profile["username"] == "alice"


def test_xml_is_read_whatever_was_written(world: World, as_alice: Asker, alice: User) -> None:
    nasty = 'a\x01\x08\x0b\x1f\ufffe <b> & "ž" ]]> \r\n😀'
    LogEntry.objects.create(user_id=alice.pk, message=nasty)
    alice.settings = {"1 & <2>": "x", "xml": {"a b": None}}
    alice.save()

    root = ET.fromstring(exported(as_alice, "xml").content)

    assert root.tag == "personal_data_export"
    (message,) = root.iterfind("activity_logs/activity_log/message")
    assert message.text == 'a\ufffd\ufffd\ufffd\ufffd\ufffd <b> & "ž" ]]> \r\n😀'
    assert {one.get("key") for one in root.iterfind("user_profile/user_settings/item")} == {"1 & <2>", "xml"}


def test_a_pdf_shows_czech_letters_and_long_values(world: World, as_alice: Asker, alice: User) -> None:
    LogEntry.objects.create(user_id=alice.pk, message="Příliš žluťoučký kůň úpěl ďábelské ódy 漢字")
    LogEntry.objects.create(user_id=alice.pk, message="x" * 100_000)

    answer = as_alice.get("/data-export?action=export&format=pdf", Accept_Language="cs")
    answer = Asker({**as_alice.headers, "Accept-Language": "cs"}, base="").get(told(answer)["download_url"])

    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    text = words(answer, "pdf")
    assert "Příliš žluťoučký kůň úpěl ďábelské ódy ??" in text
    assert "Export osobních údajů" in text and "Uživatelské jméno" in text
    assert "…" in text


# The link


def test_a_link_works_once(world: World, as_alice: Asker) -> None:
    address = as_alice.json("/data-export?action=export")["download_url"]
    assert address.startswith(f"{BASE}/data-export-download?token=")

    assert Asker(as_alice.headers, base="")("HEAD", address).status_code == 200
    assert follow(as_alice, address).status_code == 200
    again = follow(as_alice, address)

    assert again.status_code == 403 and "used" in told(again)["error"]


def test_a_link_lasts_an_hour(world: World, as_alice: Asker) -> None:
    address = as_alice.json("/data-export?action=export")["download_url"]
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert follow(as_alice, address).status_code == 403
        assert as_alice.json("/data-export?action=status")["exports"][0]["state"] == "expired"


def test_a_link_is_for_the_one_who_asked(world: World, as_alice: Asker, as_carol: Asker, as_root: Asker) -> None:
    address = as_alice.json("/data-export?action=export")["download_url"]
    for other in (as_carol, as_root):
        assert follow(other, address).status_code == 403
    assert Client().get(address).status_code == 401
    assert follow(as_alice, address).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "0" * 63, "G" * 64, "A" * 64, "0" * 65, "%00"])
def test_what_is_no_token_is_said_to_be_none(world: World, as_alice: Asker, token: str) -> None:
    answer = as_alice.get(f"/data-export-download?token={token}")
    assert answer.status_code == 400
    assert told(answer)["error"]


def test_the_token_is_stored_nowhere(world: World, as_alice: Asker, alice: User) -> None:
    token = as_alice.json("/data-export?action=export")["download_url"].partition("token=")[2]
    assert re.fullmatch("[0-9a-f]{64}", token)
    row = alice.data_exports.get()
    assert token not in json.dumps({name: str(value) for name, value in vars(row).items()})
    assert token not in json.dumps(list(AuditEntry.objects.values()), default=str)


# Asking


def test_answers_are_those_that_were_published(world: World, as_alice: Asker) -> None:
    made = as_alice.json("/data-export?action=export")
    assert (made["success"], made["format"], made["notification_sent"]) == (True, "json", False)
    assert made["expires_at"] > made["generated_at"] and made["generated_at"].endswith("Z")

    assert as_alice.post("/data-export/", {"action": "export", "format": "csv"}).status_code == 200
    form = Client().post(f"{BASE}/data-export", {"action": "status"}, headers=as_alice.headers)
    exports = told(form)["exports"]
    assert [one["format"] for one in exports] == ["csv", "json"]
    assert exports[0]["state"] == "ready" and "csv" in exports[0]["message"] and exports[0]["requested_at"]

    wrong = as_alice.get("/data-export?action=nonsense")
    assert wrong.status_code == 400
    assert told(wrong) | {"error": "Invalid action", "available_actions": ["export", "status"]} == told(wrong)
    assert told(as_alice.get("/data-export")) == told(wrong)
    wrong = as_alice.get("/data-export?action=export&format=html")
    assert wrong.status_code == 400 and told(wrong)["error"].startswith("Invalid format")
    assert Asker({}).get("/data-export?action=export").status_code == 401
    assert Asker(as_alice.headers)("HEAD", "/data-export?action=export").status_code == 200
    assert len(as_alice.json("/data-export?action=status")["exports"]) == 2


def test_status_lists_the_last_ten(world: World, as_alice: Asker) -> None:
    for _number in range(11):
        as_alice.json("/data-export?action=export")
    exports = as_alice.json("/data-export?action=status")["exports"]
    assert len(exports) == 10
    assert [one["id"] for one in exports] == sorted((one["id"] for one in exports), reverse=True)


@pytest.mark.parametrize("prefix", ["", "/multiflexi"])
def test_addresses_of_former_pages(world: World, as_alice: Asker, prefix: str) -> None:
    page = Asker(as_alice.headers, base=f"{prefix}/")
    made = page.json("api/data-export.php?action=export")
    assert made["download_url"].startswith(f"{prefix}{BASE}/data-export-download?token=")
    token = made["download_url"].partition("=")[2]
    assert told(page.get(f"data-export.php?token={token}"))["user_profile"]["username"] == "alice"
    assert page.post("api/data-export.php", {"action": "status"}).status_code == 200


def test_a_token_may_not_export_the_person(world: World, alice: User, as_alice: Asker) -> None:
    robot = Asker(bearer(a_token(alice)))
    address = as_alice.json("/data-export?action=export")["download_url"]
    assert robot.get("/data-export?action=export").status_code == 403
    assert robot.get("/data-export?action=status").status_code == 403
    assert follow(robot, address).status_code == 403
    assert follow(as_alice, address).status_code == 200


def counted(settings: Any) -> None:
    settings.API_RATE_LIMITING_ENABLED = True
    rate_limit.forget()


def test_the_sixth_export_in_an_hour_is_refused(world: World, as_alice: Asker, bob: User, settings: Any) -> None:
    counted(settings)
    settings.MULTIFLEXI_TRUSTED_PROXIES = ["127.0.0.1"]
    for _number in range(5):
        as_alice.json("/data-export?action=export", X_Forwarded_For="203.0.113.5")

    answer = as_alice.get("/data-export?action=export", X_Forwarded_For="203.0.113.5")

    assert answer.status_code == 429
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("5", "0")
    assert int(answer["Retry-After"]) > 0 and int(answer["X-RateLimit-Retry-After"]) > 0
    assert int(answer["X-RateLimit-Reset"]) > timezone.now().timestamp()
    assert told(answer)["error"] == "Rate limit exceeded" and told(answer)["limit"] == 5
    assert AuditEntry.objects.filter(event_type="api_rate_limit_exceeded", outcome="denied").count() == 1
    # From elsewhere the account is still out of them, and so is another account at that address.
    assert as_alice.get("/data-export?action=export", X_Forwarded_For="203.0.113.6").status_code == 429
    neighbour = Asker(basic(bob))
    assert neighbour.get("/data-export?action=export", X_Forwarded_For="203.0.113.5").status_code == 429
    assert neighbour.get("/data-export?action=export", X_Forwarded_For="203.0.113.7").status_code == 200
    # Looking is not counted among them.
    assert as_alice.get("/data-export?action=status", X_Forwarded_For="203.0.113.5").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert as_alice.get("/data-export?action=export", X_Forwarded_For="203.0.113.5").status_code == 200


def test_the_fourth_address_in_an_hour_is_refused(world: World, as_alice: Asker, settings: Any) -> None:
    settings.MULTIFLEXI_TRUSTED_PROXIES = ["127.0.0.1"]
    ask: Callable[[str], HttpResponse] = lambda address: as_alice.get(  # noqa: E731
        "/data-export?action=export", X_Forwarded_For=address
    )
    # One household has many addresses of one network.
    for address in ("203.0.113.1", "198.51.100.1", "2001:db8::1", "2001:db8::2"):
        assert ask(address).status_code == 200

    answer = ask("192.0.2.1")

    assert answer.status_code == 403 and "Suspicious" in told(answer)["error"]
    assert ask("203.0.113.1").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert ask("192.0.2.1").status_code == 200


def test_asking_refusing_and_downloading_are_audited(world: World, as_alice: Asker, alice: User) -> None:
    address = as_alice.json("/data-export?action=export&format=xml")["download_url"]
    follow(as_alice, address)
    follow(as_alice, address)

    entries = AuditEntry.objects.filter(user_id=alice.pk).order_by("pk")
    assert [(one.action, one.event_type, one.outcome) for one in entries] == [
        ("export", "data_export", "done"),
        ("download", "data_export", "done"),
        ("denied", "access_denied", "denied"),
    ]
    assert entries[1].additional_data["format"] == "xml" and entries[1].entity_type == "DataExport"


def test_of_two_downloads_at_once_one_gets_the_file(
    world: World, as_alice: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, answers = as_alice.json("/data-export?action=export")["download_url"], []
    collect = personal_data.collect

    def meanwhile(*given: Any, **named: Any) -> Any:
        if not answers:
            answers.append(None)
            answers[0] = follow(as_alice, address)
        return collect(*given, **named)

    monkeypatch.setattr(personal_data, "collect", meanwhile)

    assert follow(as_alice, address).status_code == 403
    assert answers[0].status_code == 200


def test_a_file_that_cannot_be_made_leaves_the_link(
    world: World, as_alice: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = as_alice.json("/data-export?action=export")["download_url"]
    with monkeypatch.context() as broken:
        broken.setattr("multiflexi.compliance.personal_data.collect", lambda *_args, **_named: 1 / 0)
        assert follow(as_alice, address).status_code == 500
    assert follow(as_alice, address).status_code == 200
