"""What all resources share: pages, order, filters, shapes, conditions, errors."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from multiflexi.api.v2.frame import problems
from multiflexi.models import Company, Job, RunTemplate, User
from multiflexi.services.errors import TooMany
from tests.http import a_token, bearer
from tests.integration.api_v2.conftest import Caller, World, ended_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


def names(answer: object) -> list[str]:
    return [one["name"] for one in answer.json()["results"]]  # type: ignore[attr-defined]


@pytest.fixture
def companies(root: User) -> list[Company]:
    return [Company.objects.create(name=f"C{number}", slug=f"c{number}") for number in range(5)]


def test_pages_by_offset(root_asks: Caller, companies: list[Company]) -> None:
    first = root_asks.get("companies?limit=2&ordering=-name").json()
    assert first["count"] == 5
    assert [one["name"] for one in first["results"]] == ["C4", "C3"]
    assert first["previous"] is None
    second = root_asks.client.get(first["next"], headers=root_asks.headers).json()
    assert [one["name"] for one in second["results"]] == ["C2", "C1"]
    back = root_asks.client.get(second["previous"], headers=root_asks.headers).json()
    assert back["results"] == first["results"]
    assert root_asks.get("companies?offset=99").json()["results"] == []


def test_pages_by_cursor_are_stable_while_rows_come(alice_asks: Caller, template: RunTemplate) -> None:
    made = [ended_job(template).pk for _ in range(5)]
    first = alice_asks.get("jobs?page_size=2").json()
    assert ([one["id"] for one in first["results"]], first["count"]) == ([made[4], made[3]], None)
    ended_job(template)
    second = alice_asks.client.get(first["next"], headers=alice_asks.headers).json()
    assert [one["id"] for one in second["results"]] == [made[2], made[1]]
    last = alice_asks.client.get(second["next"], headers=alice_asks.headers).json()
    assert ([one["id"] for one in last["results"]], last["next"]) == ([made[0]], None)
    back = alice_asks.client.get(second["previous"], headers=alice_asks.headers).json()
    assert [one["id"] for one in back["results"]] == [made[4], made[3]]
    rising = alice_asks.get("jobs?page_size=2&ordering=id").json()
    assert [one["id"] for one in rising["results"]] == made[:2]
    assert alice_asks.get("jobs?pagination=offset").json()["count"] == 6


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=abc", "bad_filter"),
        ("limit=0", "bad_filter"),
        ("offset=-1", "bad_filter"),
        ("ordering=password", "unknown_order"),
        ("colour=red", "unknown_parameter"),
        ("name__regex=.", "unknown_parameter"),
        ("enabled=maybe", "bad_filter"),
        ("id=99999999999999999999", "bad_filter"),
        ("created_at__gte=yesterday", "bad_filter"),
        ("fields=secret", "unknown_member"),
        ("expand=app", "unknown_member"),
        ("name=%00", "bad_filter"),
        ("lang=../../etc", "unknown_language"),
    ],
)
def test_parameters_that_are_refused(alice_asks: Caller, query: str, code: str) -> None:
    answer = alice_asks.get(f"companies?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_cursors_that_are_refused(alice_asks: Caller) -> None:
    for query in ("cursor=!!!", "cursor=eA", "cursor=bjE&ordering=begin", "pagination=both"):
        assert alice_asks.get(f"jobs?{query}").status_code == 400


def test_filters(root_asks: Caller, companies: list[Company]) -> None:
    companies[0].enabled = False
    companies[0].save()
    assert names(root_asks.get("companies?enabled=false")) == ["C0"]
    assert names(root_asks.get(f"companies?id__in={companies[1].pk},{companies[2].pk}")) == ["C1", "C2"]
    assert names(root_asks.get("companies?name__icontains=c4")) == ["C4"]
    assert names(root_asks.get("companies?search=C3")) == ["C3"]
    assert names(root_asks.get("companies?created_at__gte=2999-01-01")) == []


def test_members_of_choice(alice_asks: Caller, world: World) -> None:
    job = f"jobs/{world.ids['job']}"
    assert set(alice_asks.get(f"{job}?fields=id,status").json()) == {"id", "status"}
    assert "command" not in alice_asks.get(f"{job}?omit=command").json()
    found = alice_asks.get(f"{job}?expand=app,company,runtemplate,task").json()
    assert (found["app"]["code"], found["company"]["slug"], found["task"]) == ("probe", "acme", None)
    (row,) = alice_asks.get(f"jobs?id={world.ids['job']}&fields=id&expand=app").json()["results"]
    assert set(row) == {"id", "app"}


def test_a_record_that_is_known_is_not_sent_again(alice_asks: Caller, acme: Company) -> None:
    first = alice_asks.get(f"companies/{acme.pk}")
    tag = first["ETag"]
    again = alice_asks.get(f"companies/{acme.pk}", If_None_Match=tag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert alice_asks.get(f"companies/{acme.pk}?fields=id")["ETag"] != tag
    assert alice_asks.get(f"companies/{acme.pk}", If_None_Match='"other"').status_code == 200


def test_stale_changes_are_refused(alice_asks: Caller, acme: Company) -> None:
    seen = alice_asks.get(f"companies/{acme.pk}?fields=id,name")["ETag"]
    assert alice_asks.patch(f"companies/{acme.pk}", {"ic": "1"}, If_Match=seen).status_code == 200
    stale = alice_asks.patch(f"companies/{acme.pk}", {"ic": "2"}, If_Match=seen)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    acme.refresh_from_db()
    assert acme.ic == "1"
    assert alice_asks.patch(f"companies/{acme.pk}", {"ic": "2"}, If_Match="*").status_code == 200


def test_whole_and_partial_changes(alice_asks: Caller, acme: Company) -> None:
    assert alice_asks.patch(f"companies/{acme.pk}", {"ic": "1", "phone": "2"}).json()["phone"] == "2"
    assert alice_asks.patch(f"companies/{acme.pk}", {"phone": None}).json()["phone"] is None
    answer = alice_asks.put(f"companies/{acme.pk}", {"name": "ACME", "slug": "acme"})
    whole = answer.json()
    assert answer.status_code == 200, whole
    assert (whole["ic"], whole["enabled"]) == (None, True)
    merged = alice_asks.client.patch(
        f"/api/v2/companies/{acme.pk}",
        '{"ic": "9"}',
        content_type="application/merge-patch+json",
        headers=alice_asks.headers,
    )
    assert merged.json()["ic"] == "9"


def test_members_that_there_are_not(alice_asks: Caller, acme: Company) -> None:
    read = alice_asks.get(f"companies/{acme.pk}").json()
    assert alice_asks.put(f"companies/{acme.pk}", read).status_code == 200
    answer = alice_asks.patch(f"companies/{acme.pk}", {"nmae": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/nmae")


def test_problems(alice_asks: Caller, acme: Company) -> None:
    answer = alice_asks.patch(f"companies/{acme.pk}", {"max_running": "many", "name": ""}, X_Request_ID="mine")
    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert {one["pointer"] for one in problem["errors"]} == {"/max_running", "/name"}
    assert problem["instance"] == f"/api/v2/companies/{acme.pk}"
    assert (problem["status"], problem["request_id"]) == (422, "mine")
    assert answer["X-Request-ID"] == "mine"


def test_rules_of_services_name_their_member(alice_asks: Caller, acme: Company) -> None:
    problem = alice_asks.patch(f"companies/{acme.pk}", {"slug": "no blanks"}).json()
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/slug")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"name": NaN}',
        "[" * 5000 + "]" * 5000,
        "[" + "[]," * 150_000 + "[]]",
        '{"name": "a\\u0000b"}',
        '{"name": "\\ud800"}',
        f'{{"x": {10**30}}}',
        '{"settings": {"limit": 1e400}}',
    ],
)
def test_bodies_that_cannot_be_read(alice_asks: Caller, acme: Company, body: str) -> None:
    answer = alice_asks.client.patch(
        f"/api/v2/companies/{acme.pk}", body, content_type="application/json", headers=alice_asks.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null"])
def test_bodies_that_are_no_object(alice_asks: Caller, acme: Company, body: str) -> None:
    answer = alice_asks.client.patch(
        f"/api/v2/companies/{acme.pk}", body, content_type="application/json", headers=alice_asks.headers
    )
    assert answer.status_code in (200, 422)


def test_bodies_of_other_types_or_sizes(alice_asks: Caller, acme: Company, settings: object) -> None:
    path = f"/api/v2/companies/{acme.pk}"
    answer = alice_asks.client.patch(path, "<a/>", content_type="application/xml", headers=alice_asks.headers)
    assert answer.status_code == 415
    settings.API_BODY_MAX_BYTES = 10  # type: ignore[attr-defined]
    assert alice_asks.patch(f"companies/{acme.pk}", {"name": "x" * 20}).status_code == 413


def test_addresses_and_methods(alice_asks: Caller, acme: Company) -> None:
    assert alice_asks.get("nothing").json()["code"] == "not_found"
    assert alice_asks.get("companies/abc").status_code == 404
    assert alice_asks.get("companies/99999999999999999999999").status_code == 404
    answer = alice_asks.delete("companies")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    assert alice_asks("options", "companies").status_code == 204
    assert alice_asks.get("companies/").json() == alice_asks.get("companies").json()


def test_headers_of_every_answer(alice_asks: Caller) -> None:
    for path in ("companies", "nothing", "companies?x=1"):
        answer = alice_asks.get(path)
        assert (answer["API-Version"], answer["Cache-Control"]) == ("2", "no-store")


def test_under_a_prefix(alice_asks: Caller, acme: Company) -> None:
    answer = alice_asks.client.get("/multiflexi/api/v2/companies?limit=1", headers=alice_asks.headers)
    assert answer.status_code == 200
    assert alice_asks.client.get("/multiflexi/api/v2/").json()["resources"]["jobs"] == "/multiflexi/api/v2/jobs"


def test_texts_in_the_language_of_the_caller(alice_asks: Caller, world: World) -> None:
    app = f"apps/{world.ids['app']}"
    assert alice_asks.get(app).json()["name"] == "Probe"
    assert alice_asks.get(app, Accept_Language="cs-CZ,cs;q=0.9").json()["name"] == "Sonda"
    assert alice_asks.get(f"{app}?lang=cs").json()["description"] == "Zkouší spojení"
    assert alice_asks.get(f"{app}?lang=*").json()["name"] == {"cs": "Sonda"}
    assert alice_asks.get(f"{app}?lang=de").json()["name"] == "Probe"
    (code,) = alice_asks.get(f"{app}/exit-codes?lang=cs").json()
    assert code["description"] == "Žádná data"
    czech, english = (alice_asks.get(f"companies/0?lang={lang}").json()["title"] for lang in ("cs", "en"))
    assert english == "Not Found" and czech


def test_what_nobody_foresaw_tells_nothing(alice_asks: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("the inside of it")

    monkeypatch.setattr("multiflexi.services.company.query", broken)
    answer = alice_asks.get("companies")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert b"inside" not in answer.content


def test_a_repeated_request_makes_one_record(alice_asks: Caller, world: World) -> None:
    body = {"runtemplate_id": world.ids["runtemplates"]}
    before = Job.objects.count()
    first = alice_asks.post("jobs", body, Idempotency_Key="key-1")
    again = alice_asks.post("jobs", body, Idempotency_Key="key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Location"], again["Idempotency-Replayed"]) == (first.json(), first["Location"], "true")
    assert not first.has_header("Idempotency-Replayed")
    assert Job.objects.count() == before + 1
    other = alice_asks.post("jobs", body | {"note": "x"}, Idempotency_Key="key-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    wrong = [alice_asks.post("jobs", {"runtemplate_id": 999999}, Idempotency_Key="key-2") for _ in range(2)]
    assert [one.status_code for one in wrong] == [404, 404]
    assert wrong[1]["Content-Type"] == "application/problem+json"
    assert alice_asks.post("jobs", body, Idempotency_Key="ž").status_code == 422


def test_a_token_repeats_no_request_of_who_may_more(
    client: Client, alice_asks: Caller, alice: User, world: World, globex: Company
) -> None:
    body = {"runtemplate_id": world.ids["runtemplates"]}
    assert alice_asks.post("jobs", body, Idempotency_Key="key-1").status_code == 201
    for limits in ({"company_ids": [globex.pk]}, {"scopes": ["read"]}):
        answer = Caller(client, bearer(a_token(alice, **limits))).post("jobs", body, Idempotency_Key="key-1")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), limits


def test_numbers_of_thousands_of_digits(alice_asks: Caller, world: World) -> None:
    long = "9" * 5000
    answer = alice_asks.get(f"jobs/{world.ids['job']}/output/stream", Last_Event_ID=long)
    assert b"event: end" in b"".join(answer.streaming_content)
    assert alice_asks.get(f"artifacts/{world.ids['artifacts']}/content", Range=f"bytes={long}-").status_code == 200
    assert alice_asks.post("event-rules", {"runtemplate_id": int(long[:4000])}).status_code == 400


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    refused = problems.answer(
        TooMany("Wait a little.", "too_many", retry_after=7), {"request": RequestFactory().get("/")}
    )
    assert (refused.status_code, refused["Retry-After"]) == (429, "7")
