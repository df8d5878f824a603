"""The twenty checks that tell whether existing clients of the older surface keep working, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from multiflexi.models import AuditEntry, Company, CompanyRole, EventSource, RunTemplate
from multiflexi.vault import keyring
from tests.acceptance.live_asker import LiveAsker
from tests.acceptance.web_server import ROOT, WebServer
from tests.contract.legacy import test_formats, test_surface
from tests.contract.legacy.world import BASE, BINARY, LISTS, NASTY, RECORDS, SECRETS, World, build, told
from tests.http import basic, bearer
from tests.installation import environment_of_processes, first_rows, person

pytestmark = pytest.mark.slow
PONG = b'{"ping":[{"ping":"pong"}]}'
OBJECTS = ("environment", "exitCodes", "produces", "consumes")


@dataclass
class Stage:
    """A served installation, and who asks it; `while_empty` is what it said of its applications before it had any."""

    world: World
    root: LiveAsker
    alice: LiveAsker
    carol: LiveAsker
    nobody: LiveAsker
    while_empty: bytes
    environment: dict[str, str]
    hashes: list[str]

    @property
    def template(self) -> int:
        return self.world.acme.template.pk


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The fixture of this name, once for all checks, which leave to each other what they need."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture(scope="module")
def stage(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    environment = environment_of_processes(tmp_path_factory.mktemp("installation"))
    first_rows()
    keyring.ensure_keys()
    super_admin = person("root", "super_admin", "argon2")
    server = serve(environment, API_RATE_LIMITING_ENABLED="false")
    root = LiveAsker(basic("root"), address=f"http://127.0.0.1:{server.port}")
    while_empty = root.get("/apps.json").content
    acme = Company.objects.create(name="ACME", slug="acme")
    globex = Company.objects.create(name="Globex", slug="globex")
    alice = person("alice", "editor", "argon2", **{CompanyRole.ADMIN: acme})
    carol = person("carol", "editor", "argon2", **{CompanyRole.ADMIN: globex})
    world = build(acme, globex)
    entry = AuditEntry.objects.order_by("pk").first()
    assert entry is not None
    world.acme.ids |= {"user": alice.pk, "auditlog": entry.pk}
    askers = [replace(root, headers=headers) for headers in (basic(alice), basic(carol), {})]
    hashes = [one.password for one in (super_admin, alice, carol)]
    yield Stage(world, root, *askers, while_empty, environment, hashes)
    server.stop()


def serve(environment: dict[str, str], **settings: str) -> WebServer:
    return WebServer(environment, MULTIFLEXI_ALLOWED_HOSTS="127.0.0.1", **settings)


def rows_of(found: Any) -> list[Any]:
    return list(found.values()) if isinstance(found, dict) else found


def test_check_01_ping_without_credentials(stage: Stage) -> None:
    for base in (BASE, f"/multiflexi{BASE}", "/api/v1"):
        answer = replace(stage.nobody, base=base).get("/ping.json")
        assert (answer.status_code, answer.content) == (200, PONG)


def test_check_02_applications_with_basic(stage: Stage) -> None:
    assert stage.while_empty == b"{}"
    assert list(stage.root.json("/apps.json")) == [str(stage.world.app.pk)]
    refused = replace(stage.root, headers=basic("root", "wrong")).get("/apps.json")
    assert refused.status_code == 401
    assert 'Basic realm="MultiFlexi"' in refused["WWW-Authenticate"]


@pytest.mark.parametrize("noun", LISTS)
def test_check_03_lists_in_every_format(stage: Stage, noun: str) -> None:
    test_formats.test_a_list_is_the_same_in_every_format(stage.world, stage.root, noun)


@pytest.mark.parametrize("noun", (*RECORDS, "user", "auditlog"))
def test_check_03_records_in_every_format(stage: Stage, noun: str) -> None:
    test_formats.test_a_record_is_the_same_in_every_format(stage.world, stage.root, noun)
    if noun == "app":
        assert stage.root.json(f"/app/{stage.world.app.pk}.json")["name"] == NASTY


def test_check_04_suffixes(stage: Stage) -> None:
    for noun in LISTS:
        if noun != "auditlog":
            assert stage.root.get(f"/{noun}.yml").content == stage.root.get(f"/{noun}.yaml").content
        assert stage.root.get(f"/{noun}.foo").status_code == 404
    assert stage.root.get(f"/app/{stage.world.app.pk}.foo").status_code == 404


def test_check_05_run_now(stage: Stage) -> None:
    for path in ("/job/", "/job"):
        answer = stage.alice.post(path, {"runtemplate_id": stage.template})
        assert answer.status_code == 201, answer.content
        made = told(answer)
        assert isinstance(made["job_id"], int) and made["job_id"] == made["id"]
        assert datetime.fromisoformat(made["scheduled"]) and made["executor"] == "Native"
        assert made["schedule_type"] == "adhoc-api"
    for body, status, error in (
        ({"runtemplate_id": 999_999}, 404, "RunTemplate not found"),
        ({}, 400, "Missing runtemplate_id"),
        ({"runtemplate_id": stage.template, "scheduled": "someday"}, 400, "Invalid scheduled value"),
    ):
        answer = stage.alice.post("/job/", body)
        assert (answer.status_code, told(answer)["error"]) == (status, error)
    RunTemplate.objects.filter(pk=stage.template).update(active=False)
    answer = stage.alice.post("/job/", {"runtemplate_id": stage.template})
    assert (answer.status_code, told(answer)["error"]) == (409, "RunTemplate is not active")
    RunTemplate.objects.filter(pk=stage.template).update(active=True)


def test_check_06_one_job_for_a_repeated_request(stage: Stage) -> None:
    def count() -> int:
        return int(stage.alice.get("/jobs.json?limit=1")["X-Total-Count"])

    before = count()
    first, again = (
        stage.alice.post("/job/", {"runtemplate_id": stage.template}, Idempotency_Key="once") for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert told(first) == told(again)
    assert count() == before + 1


def test_check_07_a_run_and_the_word_failed(stage: Stage) -> None:
    body = {"runtemplate_id": stage.template, "scheduled": "+1 hour", "env": {"API_KEY": "a-key-for-once"}}
    made = told(stage.alice.post("/job/", body))
    path = f"/job/{made['id']}.json"
    waiting = stage.alice.json(path)
    assert waiting["begin"] is waiting["end"] is waiting["exitcode"] is None
    assert waiting["env"] == {} or isinstance(waiting["env"], dict)
    words = [sys.executable, "-m", "daemons.executor", "-j", str(made["id"])]
    subprocess.run(words, cwd=ROOT, env=stage.environment, check=True, capture_output=True, timeout=120)
    ended = stage.alice.json(path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", ended["begin"]) and ended["end"] >= ended["begin"]
    assert ended["exitcode"] == 0
    assert isinstance(ended["env"], dict) and ended["env"]["API_KEY"] == "••••••••"
    assert b"a-key-for-once" not in stage.alice.get(path).content

    failed = rows_of(stage.alice.json("/jobs.json?status=failed&limit=1000"))
    states = {"failed", "timeout", "terminated", "lost", "blocked"}
    every = rows_of(stage.alice.json("/jobs.json?limit=1000"))
    assert {one["id"] for one in failed} == {one["id"] for one in every if one["status"] in states}
    assert {one["status"]: one["exitcode"] for one in failed}["lost"] == -1


def test_check_08_switching_a_run_template_off(stage: Stage) -> None:
    path = f"/runtemplate/{stage.template}.json"
    answer = stage.alice.post(path, {"id": str(stage.template), "active": 0})
    assert answer.status_code == 201 and told(answer)["active"] is False
    answer = stage.alice.post(path, {"id": stage.template + 1, "active": 1})
    assert answer.status_code == 400
    assert (told(answer)["expected"], told(answer)["received"]) == (stage.template, stage.template + 1)
    assert stage.alice.post(path, {"id": stage.template, "active": 1}).status_code == 201


def test_check_09_an_array_and_objects(stage: Stage) -> None:
    assert isinstance(stage.alice.json("/runtemplate/"), list)
    bare = told(stage.root.post("/app/", {"name": "Bare", "executable": "/bin/true"}))["id"]
    filled, empty = (stage.alice.json(f"/app/{number}.json") for number in (stage.world.app.pk, bare))
    assert all(isinstance(filled[name], dict) and filled[name] for name in OBJECTS)
    assert all(empty[name] == {} for name in OBJECTS)


def test_check_10_rules_of_node_red(stage: Stage) -> None:
    new = {"name": "Second", "app_id": stage.world.app.pk, "company_id": stage.world.acme.company.pk}
    second = told(stage.alice.post("/runtemplates.json", new))["id"]
    body = {
        "source_runtemplate_id": str(stage.template),
        "target_runtemplate_id": str(second),
        "env_mapping": {"DOC": "$.recordid"},
    }
    answer = stage.alice.post("/eventrule/", body)
    assert answer.status_code == 201, answer.content
    number = told(answer)["id"]
    assert isinstance(number, int)
    assert stage.alice("PUT", f"/eventrule/{number}.json", body).status_code == 200


def test_check_11_an_event_source_is_not_rewound(stage: Stage) -> None:
    number = stage.world.acme.ids["eventsource"]
    EventSource.objects.filter(pk=number).update(last_processed_id=4711)
    as_clients_send = {
        "id": number, "name": "Source acme", "db_connection": "mysql", "db_host": "localhost", "db_port": "3306",
        "poll_interval": 60, "enabled": True, "last_processed_id": 0,
    }  # fmt: skip
    answer = stage.root.post(f"/eventsource/?eventSourceId={number}", as_clients_send)
    assert answer.status_code == 201, answer.content
    assert stage.root.json(f"/eventsource/{number}.json")["last_processed_id"] == 4711


def test_check_12_no_secret_anywhere(stage: Stage) -> None:
    plots = (stage.world.acme, stage.world.globex)
    paths = [f"/{noun}.{suffix}?limit=1000" for noun in LISTS for suffix in ("json", "xml", "yaml", "html", "csv")]
    paths += [
        f"/{noun}/{number}.{suffix}"
        for plot in plots
        for noun, number in plot.ids.items()
        for suffix in ("json", "xml", "yaml", "html")
    ]
    paths += ["/status.json", "/index.json", "/runtemplate/", "/job/", "/jobs/status.json", "/openapi.json"]
    paths += [f"/company/{plot.company.pk}/users.json" for plot in plots]
    for path in paths:
        answer = stage.root.get(path)
        assert answer.status_code == 200, path
        for secret in (*SECRETS, *stage.hashes, "default-secret", "argon2", "{sealed}"):
            assert secret.encode() not in answer.content, (path, secret)


@pytest.mark.parametrize("noun", LISTS)
def test_check_13_paging_on_every_list(stage: Stage, noun: str) -> None:
    if noun == "auditlog":
        # That check creates a company of its own there, which the other checks have made already.
        assert stage.root.get("/auditlog.json?limit=abc").status_code == 400
        assert stage.root.get("/auditlog.json?order=password").status_code == 400
        newest = [row["id"] for row in stage.root.json("/auditlog.json?limit=4&order=-id")]
        assert [row["id"] for row in stage.root.json("/auditlog.json?limit=2&offset=2&order=-id")] == newest[2:]
        return
    test_surface.test_every_list_is_paged_and_ordered(stage.world, stage.root, noun)


def test_check_14_a_member_of_one_company(stage: Stage) -> None:
    mine, foreign = stage.world.globex, stage.world.acme
    for noun in ("companies", "jobs", "runtemplates", "credentials", "credential_types", "eventrules", "tasks",
                 "schedule", "artifacts"):  # fmt: skip
        one = noun.rstrip("s").replace("companie", "company")
        found = {row["id"] for row in rows_of(stage.carol.json(f"/{noun}.json?limit=1000"))}
        assert mine.ids[one] in found and foreign.ids[one] not in found
        assert stage.carol.get(f"/{one}/{mine.ids[one]}.json").status_code == 200
        assert stage.carol.get(f"/{one}/{foreign.ids[one]}.json").status_code == 404
    answer = stage.carol.post("/job/", {"runtemplate_id": foreign.template.pk})
    assert (answer.status_code, told(answer)["error"]) == (404, "RunTemplate not found")


def test_check_15_arrays_for_the_oldest_clients(stage: Stage) -> None:
    for noun in ("apps", "jobs", "runtemplates"):
        answer = stage.alice.get(f"/{noun}.json", User_Agent="OpenAPI-Generator/1.1.0/python")
        assert isinstance(told(answer), list)
        assert {"User-Agent", "X-MultiFlexi-Compat"} <= set(re.split(r",\s*", answer["Vary"]))


def test_check_16_a_token_until_logout(stage: Stage) -> None:
    token = told(stage.alice.get("/login.json"))["token"]
    ways = [replace(stage.nobody, headers=headers) for headers in (bearer(token), {"X-API-Key": token})]
    assert [way.get("/apps.json").status_code for way in ways] == [200, 200]
    assert stage.nobody.post("/logout", {"token": token}).status_code == 200
    assert [way.get("/apps.json").status_code for way in ways] == [401, 401]


def test_check_17_parts_of_an_artifact(stage: Stage) -> None:
    path = f"/artifact/{stage.world.acme.ids['artifact']}"
    part = stage.alice.get(path, Range="bytes=0-9")
    assert (part.status_code, part.content) == (206, BINARY[:10])
    assert part["Content-Range"] == f"bytes 0-9/{len(BINARY)}"
    assert stage.alice.get(path).content == BINARY


def test_check_18_an_empty_token_parameter(stage: Stage) -> None:
    path = f"/credential/{stage.world.acme.ids['credential']}.json?token="
    assert stage.alice.get(path).status_code == 200


def test_check_19_unknown_paths_and_wrong_methods(stage: Stage) -> None:
    assert stage.alice.get("/nothing/here.json").status_code == 404
    wrong = stage.alice("DELETE", "/apps.json")
    assert wrong.status_code == 405
    assert {"GET", "POST"} <= set(re.split(r",\s*", wrong["Allow"]))


def test_check_20_too_many_requests(stage: Stage) -> None:
    server = serve(stage.environment, API_RATE_LIMIT_REQUESTS="2", API_RATE_LIMIT_WINDOW="5")
    try:
        ask = replace(stage.alice, address=f"http://127.0.0.1:{server.port}")
        refused = next(answer for _ in range(20) if (answer := ask.get("/apps.json")).status_code != 200)
        assert refused.status_code == 429
        for name in ("Limit", "Remaining", "Reset", "Retry-After"):
            assert refused[f"X-RateLimit-{name}"].isdigit()
        document = told(refused)
        assert document["error"] == "Rate limit exceeded" and document["message"]
        assert (document["limit"], document["remaining"]) == (2, 0)
        assert document["reset_time"] == int(refused["X-RateLimit-Reset"])
        assert document["retry_after"] == int(refused["Retry-After"]) > 0
        # The window ends by the clock alone; there is nothing else to wait for.
        time.sleep(int(refused["Retry-After"]))
        assert ask.get("/apps.json").status_code == 200
    finally:
        server.stop()
