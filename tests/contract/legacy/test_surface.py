"""What every client may rely on: addresses, methods, errors, paging and secrets."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from multiflexi.models import AuditEntry, Company, Job, User
from tests.contract.legacy.world import BASE, LISTS, NASTY, RECORDS, SECRETS, Asker, World, told
from tests.http import a_token, basic, bearer

PROTECTED = [f"/{noun}.json" for noun in LISTS] + ["/jobs/status.json", "/runtemplate/"]


def test_ping_answers_anybody_without_the_database(nobody: Asker, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = nobody.get("/ping.json")
    assert answer.content == b'{"ping":[{"ping":"pong"}]}'


@pytest.mark.parametrize("base", [BASE, f"/multiflexi{BASE}", "/api/v1", "/multiflexi/api/v1"])
def test_every_base_answers(world: World, root: User, base: str) -> None:
    ask = Asker(basic(root), base)
    assert list(ask.json("/apps.json")) == [str(world.app.pk)]
    prefix = "/multiflexi" if base.startswith("/multiflexi") else ""
    assert ask.json("/apps.json")[str(world.app.pk)]["image"].startswith(f"{prefix}/appimage.php?uuid=")


def test_the_base_leads_to_its_index(nobody: Asker) -> None:
    answer = nobody.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "index.html")
    assert nobody.get("")["Location"] == "1.0.0/index.html"
    assert told(nobody.get("/index.json"))["index"][:3] == [{"path": "ping"}, {"path": "status"}, {"path": "apps"}]


def test_a_wrong_password_is_challenged(world: World, root: User) -> None:
    for headers in ({}, basic(root, "wrong"), basic(root, ""), bearer("nonsense"), {"Authorization": "Basic %%%"}):
        answer = Asker(headers).get("/apps.json")
        assert answer.status_code == 401
        assert 'Basic realm="MultiFlexi"' in answer["WWW-Authenticate"]
        assert 'Bearer realm="MultiFlexi"' in answer["WWW-Authenticate"]
        assert told(answer)["success"] is False
    answer = Asker({}).get("/apps.json", X_Requested_With="XMLHttpRequest")
    assert "Basic" not in answer["WWW-Authenticate"]


@pytest.mark.parametrize("path", PROTECTED)
def test_everything_else_needs_a_known_caller(world: World, nobody: Asker, path: str) -> None:
    assert nobody.get(path).status_code == 401


def test_unknown_paths_and_methods(world: World, as_root: Asker) -> None:
    assert as_root.get("/nothing/here.json").status_code == 404
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(f"{BASE}/nothing", "{}", content_type="application/json").status_code == 404
    assert told(as_root.get("/nothing")) == {
        "error": "Not Found", "message": "The requested resource does not exist", "success": False
    }  # fmt: skip
    answer = as_root("DELETE", "/apps.json")
    assert answer.status_code == 405
    assert "GET" in answer["Allow"] and "POST" in answer["Allow"]
    assert as_root("PUT", "/ping.json").status_code == 405
    assert as_root("OPTIONS", "/apps.json").status_code == 204
    assert as_root("HEAD", "/apps.json").status_code == 200
    assert as_root("HEAD", "/apps.json").content == b""


@pytest.mark.parametrize("noun", RECORDS)
@pytest.mark.parametrize("number", ["abc", "999999", "99999999999999999999", "-1", "1%00"])
def test_a_bad_id_is_not_found(world: World, as_root: Asker, noun: str, number: str) -> None:
    assert as_root.get(f"/{noun}/{number}.json").status_code == 404


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/runtemplate/999.json", "RunTemplate not found"),
        ("/company/999.json", "Company not found"),
        ("/user/999.json", "User not found"),
        ("/credential/999.json", "Credential not found"),
        ("/credential_type/999.json", "Credential Type not found"),
        ("/topic/999.json", "Topic not found"),
        ("/eventsource/999.json", "EventSource not found"),
        ("/eventrule/999.json", "EventRule not found"),
        ("/task/999.json", "Task not found"),
        ("/auditlog/999.json", "Audit Log entry not found"),
        ("/schedule/999.json", "Schedule not found"),
    ],
)
def test_texts_that_clients_search(world: World, as_root: Asker, path: str, text: str) -> None:
    answer = as_root.get(path)
    assert answer.status_code == 404
    assert told(answer)["error"] == told(answer)["message"] == text


@pytest.mark.parametrize("noun", LISTS)
def test_every_list_is_paged_and_ordered(world: World, as_root: Asker, noun: str) -> None:
    def ids(query: str) -> list[int]:
        found = as_root.json(f"/{noun}.json?{query}")
        return [row["id"] for row in (found.values() if isinstance(found, dict) else found)]

    if noun == "auditlog":
        as_root.post("/company/", {"name": "First"})
    everything = ids("limit=1000&order=-id")
    assert everything == sorted(everything, reverse=True)
    assert ids("limit=2&offset=2&order=-id") == everything[2:4]
    assert ids("limit=1&order=id") == everything[-1:]
    answer = as_root.get(f"/{noun}.json?limit=1")
    assert int(answer["X-Total-Count"]) == len(everything)
    assert 'rel="first"' in answer["Link"] and ('rel="next"' in answer["Link"]) == (len(everything) > 1)
    assert 'rel="successor-version"' in answer["Link"]
    for query in ("limit=abc", "limit=0", "limit=-1", "offset=-1", "offset=x", f"offset={2**70}", "order=password",
                  "order=job__id", "order="):  # fmt: skip
        status = as_root.get(f"/{noun}.json?{query}").status_code
        assert status == (200 if query == "order=" else 400), query


def test_defaults_of_lists(world: World, as_root: Asker) -> None:
    owner = User.objects.get(login="root")
    given = {"app": world.app, "company": world.acme.company, "runtemplate": world.acme.template, "launched_by": owner}
    Job.objects.bulk_create(Job(**given) for _ in range(25))
    jobs = as_root.json("/jobs.json")
    assert len(jobs) == 20
    assert list(jobs) == sorted(jobs, key=int)
    assert as_root.json("/jobs.json?limit=5000").keys() > jobs.keys()
    tasks = as_root.json("/tasks.json")
    assert [row["id"] for row in tasks] == sorted((row["id"] for row in tasks), reverse=True)


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("failed", {"failed", "timeout", "terminated", "lost", "blocked"}),
        ("success", {"success"}),
        ("pending", {"pending", "queued"}),
        ("running", {"running", "finishing"}),
        ("completed", {"success", "failed", "timeout", "terminated", "lost"}),
        ("cancelled", {"cancelled"}),
    ],
)
def test_words_for_states(world: World, as_alice: Asker, query: str, states: set[str]) -> None:
    found = as_alice.json(f"/jobs.json?status={query}")
    assert {row["status"] for row in found.values()} == states
    assert len(found) == len(states)


def test_unknown_values_of_known_filters(world: World, as_root: Asker) -> None:
    for path in ("/jobs.json?status=nonsense", "/jobs.json?company_id=x", "/tasks.json?state=nonsense",
                 "/jobs.json?from=someday", "/apps.json?enabled=perhaps", "/auditlog.json?action=burn"):  # fmt: skip
        assert as_root.get(path).status_code == 400, path
    assert as_root.get("/jobs.json?unheard=of").status_code == 200


def test_before_and_after_a_run(world: World, as_alice: Asker) -> None:
    waiting = as_alice.json(f"/job/{world.acme.jobs['pending'].pk}.json")
    assert waiting["begin"] is waiting["end"] is waiting["exitcode"] is None
    ended = as_alice.json(f"/job/{world.acme.jobs['success'].pk}.json")
    assert ended["exitcode"] == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", ended["begin"])
    assert ended["env"] == {"ACCOUNT": "1", "API_KEY": "••••••••"}
    assert (ended["stdout"], ended["stderr"]) == ("out ěščř", "err & <x>")
    assert "stdout" not in as_alice.json(f"/job/{ended['id']}.json?output=false")
    assert as_alice.json(f"/job/{ended['id']}.json?lines=1")["output_lines"] == []


def test_maps_are_objects(world: World, as_root: Asker) -> None:
    app = as_root.json(f"/app/{world.app.pk}.json")
    assert list(app["exitCodes"]) == ["0", "2"]
    assert app["exitCodes"]["0"] == {"severity": "success", "retry": None, "description": {"cs": "Hotovo"}}
    assert app["environment"]["API_KEY"]["type"] == "password"
    assert app["environment"]["API_KEY"]["defval"] == "••••••••"
    assert app["produces"]["statement"]["fields"] == {"id": "int"}
    assert app["consumes"]["account"]["target"] == "ACCOUNT"
    bare = told(as_root.post("/app/", {"name": "Bare", "executable": "/bin/true"}))
    for name in ("environment", "exitCodes", "produces", "consumes"):
        assert bare[name] == {}
    assert "environment" not in as_root.json("/apps.json")[str(world.app.pk)]


def test_no_secret_leaves(world: World, as_root: Asker, root: User) -> None:
    paths = [f"/{noun}.json?limit=1000" for noun in LISTS]
    paths += [f"/{noun}/{number}.json" for plot in (world.acme, world.globex) for noun, number in plot.ids.items()]
    paths += [f"/user/{root.pk}.json", "/status.json"]
    told_all = b"".join(as_root.get(path).content for path in paths)
    for secret in (*SECRETS, "default-secret", root.password, "{sealed}", '"kid"'):
        assert secret.encode() not in told_all, secret
    assert NASTY in json.loads(as_root.get("/credentials.json").content)[0]["name"]
    assert "password" not in as_root.json(f"/user/{root.pk}.json")


def test_a_member_sees_one_company(world: World, as_alice: Asker, carol: User) -> None:
    foreign = world.globex
    for noun in ("companies", "jobs", "runtemplates", "credentials", "credential_types", "eventrules", "tasks",
                 "schedule", "artifacts"):  # fmt: skip
        found = as_alice.json(f"/{noun}.json?limit=1000")
        rows = list(found.values()) if isinstance(found, dict) else found
        assert rows, noun
        assert foreign.company.pk not in [row.get("company_id") for row in rows]
        one = noun.rstrip("s").replace("companie", "company")
        assert foreign.ids[one] not in [row["id"] for row in rows]
        assert as_alice.get(f"/{one}/{foreign.ids[one]}.json").status_code == 404
        assert as_alice("DELETE", f"/{one}/{foreign.ids[one]}.json").status_code in (404, 405)
    answer = as_alice.post("/job/", {"runtemplate_id": foreign.template.pk})
    assert answer.status_code == 404
    assert told(answer)["error"] == "RunTemplate not found"
    for path in (f"?company_id={foreign.company.pk}", f"?runtemplate_id={foreign.template.pk}"):
        assert as_alice.json(f"/jobs.json{path}") == {}
    assert as_alice.get(f"/artifact/{foreign.ids['artifact']}").status_code == 404
    assert as_alice.json("/jobs/status.json")["jobsStatus"]["total_jobs"] == len(world.acme.jobs)


def test_a_viewer_changes_nothing(world: World, as_bob: Asker, bob: User) -> None:
    before = world.acme.ids
    calls = [
        ("POST", "/job/", {"runtemplate_id": world.acme.template.pk}),
        ("POST", "/company/", {"name": "X"}),
        ("POST", "/app/", {"name": "X", "executable": "x"}),
        ("POST", f"/runtemplate/{before['runtemplate']}.json", {"id": before["runtemplate"], "active": 0}),
        ("DELETE", f"/runtemplate/{before['runtemplate']}.json", None),
        ("PUT", f"/credential/{before['credential']}.json", {"name": "X"}),
        ("DELETE", f"/job/{before['job']}.json", None),
        ("POST", f"/topic/{before['topic']}.json", {"name": "X"}),
        ("POST", "/eventrule/", {"runtemplate_id": before["runtemplate"], "event_source_id": before["eventsource"]}),
        ("DELETE", f"/jobs.json?runtemplate_id={before['runtemplate']}", None),
        ("GET", "/users.json", None),
        ("GET", "/eventsources.json", None),
        ("POST", f"/eventsource/{before['eventsource']}/test.json", {}),
    ]
    for method, path, body in calls:
        answer = as_bob(method, path, body)
        assert answer.status_code == 403, (method, path, answer.content)
        assert told(answer)["permission"], path
    assert AuditEntry.objects.filter(event_type="access_denied", user_id=bob.pk).count() == len(calls)


def test_the_alias_of_a_token_parameter(world: World, as_alice: Asker, nobody: Asker, alice: User) -> None:
    path = f"/credential/{world.acme.ids['credential']}.json"
    assert as_alice.get(f"{path}?token=").status_code == 200
    assert nobody.get(f"{path}?token=").status_code == 401
    assert nobody.get(f"{path}?token={a_token(alice)}").status_code == 200
    assert nobody.get(f"{path}?token=wrong").status_code == 401
    assert nobody.get(f"/company/{world.acme.company.pk}.json?token={a_token(alice)}").status_code == 401


def test_status_tells_strangers_little(world: World, nobody: Asker, as_root: Asker, as_bob: Asker) -> None:
    for ask in (nobody, as_bob):
        found = ask.json("/status.json")
        assert found["status"] == {name: value for name, value in found.items() if name != "status"}
        assert found["companies"] == 2 and found["php"] == "" and found["daemon"] == "stopped"
        assert not {"os", "memory", "python"} & set(found)
    assert {"os", "memory", "python"} <= set(as_root.json("/status.json"))


def test_too_many_requests(world: World, as_alice: Asker, nobody: Asker, settings: Any) -> None:
    settings.API_RATE_LIMITING_ENABLED = True
    settings.API_RATE_LIMIT_REQUESTS, settings.API_RATE_LIMIT_WINDOW = 3, 60
    with time_machine.travel(datetime(2026, 6, 15, 10, 0, tzinfo=UTC), tick=False) as clock:
        for left in (2, 1, 0):
            answer = as_alice.get("/apps.json")
            assert (answer.status_code, answer["X-RateLimit-Remaining"]) == (200, str(left))
        answer = as_alice.get("/apps.json")
        assert answer.status_code == 429
        assert answer["X-RateLimit-Limit"] == "3" and answer["X-RateLimit-Remaining"] == "0"
        assert int(answer["Retry-After"]) == int(answer["X-RateLimit-Retry-After"]) > 0
        found = told(answer)
        assert found["error"] == "Rate limit exceeded" and found["message"] and found["success"] is False
        assert (found["limit"], found["remaining"], found["retry_after"]) == (3, 0, int(answer["Retry-After"]))
        assert found["reset_time"] == int(answer["X-RateLimit-Reset"])
        assert nobody.get("/ping.json").status_code == 200
        clock.shift(121)
        assert as_alice.get("/apps.json").status_code == 200


def test_an_unreachable_request_body(world: World, as_root: Asker) -> None:
    def send(content: Any, kind: str) -> Any:
        headers = as_root.headers
        return Client().generic("POST", f"{BASE}/company/", content, content_type=kind, headers=headers)

    assert send("<company/>", "application/xml").status_code == 415
    for content in ("{", "[]", "1", '"x"', '{"name": NaN}', '{"name": "\\u0000"}', '{"name": "\\ud800"}', "[" * 9999):
        answer = send(content, "application/json")
        assert answer.status_code == 400, content
        assert json.loads(answer.content)["success"] is False
    assert send(b"\xff\xfe", "application/json").status_code == 400
    assert send("name=Form&enabled=0", "application/x-www-form-urlencoded").status_code == 201
    assert Company.objects.get(name="Form").enabled is False
