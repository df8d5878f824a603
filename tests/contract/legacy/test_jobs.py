"""Jobs and artifacts through the legacy surface."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from multiflexi.models import Artifact, Job, QueueEntry, RunTemplate, User
from multiflexi.scheduling import zones
from tests.contract.legacy.world import BINARY, Asker, World, told
from tests.http import a_token, bearer

PRAGUE = zones.zone("Europe/Prague")


def test_a_job_at_once(world: World, as_alice: Asker, alice: User) -> None:
    for path in ("/job/", "/job", "/jobs.json"):
        answer = as_alice.post(path, {"runtemplate_id": str(world.acme.template.pk)})
        assert answer.status_code == 201, answer.content
        assert answer["Content-Type"] == "application/json"
        made = told(answer)
        assert made["job_id"] == made["id"] and isinstance(made["id"], int)
        assert made["schedule_type"] == "adhoc-api" and made["executor"] == "Native"
        assert made["launched_by"] == alice.pk and made["status"] == "pending"
        assert made["begin"] is made["end"] is made["exitcode"] is None
        datetime.strptime(made["scheduled"], "%Y-%m-%d %H:%M:%S")
    assert as_alice.post(f"/job/?runtemplate_id={world.acme.template.pk}").status_code == 201


@pytest.mark.parametrize(
    ("text", "ahead"),
    [
        ("+2 hours", timedelta(hours=2)),
        ("+3 days", timedelta(days=3)),
        ("+1 week", timedelta(weeks=1)),
        ("+90 seconds", timedelta(seconds=90)),
    ],
)
def test_relative_times(world: World, as_alice: Asker, text: str, ahead: timedelta) -> None:
    made = told(as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, "scheduled": text}))
    assert made["schedule_type"] == "CommandLine"
    found = QueueEntry.objects.get(job=made["id"]).after - datetime.now(UTC)
    assert abs(found - ahead) < timedelta(hours=1, minutes=1)


def test_absolute_times(world: World, as_alice: Asker) -> None:
    day = (datetime.now(PRAGUE) + timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)
    for text in (f"{day:%Y-%m-%d %H:%M:%S}", day.isoformat(), day.astimezone(UTC).isoformat(),
                 f"{day.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"):  # fmt: skip
        made = told(as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, "scheduled": text}))
        assert made["scheduled"] == f"{day:%Y-%m-%d %H:%M:%S}", text
        assert QueueEntry.objects.get(job=made["id"]).after == day
    tomorrow = told(as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, "scheduled": "tomorrow"}))
    assert tomorrow["scheduled"].endswith("00:00:00")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"runtemplate_id": None}, 400, "Missing runtemplate_id"),
        ({"runtemplate_id": ""}, 400, "Missing runtemplate_id"),
        ({"runtemplate_id": 99999}, 404, "RunTemplate not found"),
        ({"runtemplate_id": "abc"}, 400, None),
        ({"scheduled": "someday"}, 400, "Invalid scheduled value"),
        ({"scheduled": 5}, 400, None),
        ({"executor": "Zeppelin"}, 400, None),
        ({"env": "text"}, 400, None),
        ({"env": {"A": {"deep": 1}}}, 400, None),
        ({"env": {"MULTIFLEXI_JOB_ID": "1"}}, 400, None),
        ({"env": {"LD_PRELOAD": "x"}}, 400, None),
        ({"env": {"bad name": "x"}}, 400, None),
        ({"env": {f"V{number}": "x" for number in range(257)}}, 400, None),
        ({"env": {"A": "x" * (128 * 1024 + 1)}}, 400, None),
    ],
)
def test_requests_that_cannot_be_met(
    world: World, as_alice: Asker, change: dict[str, Any], status: int, error: str | None
) -> None:
    before = Job.objects.count()
    answer = as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, **change})
    assert answer.status_code == status, answer.content
    assert error is None or told(answer)["error"] == error
    assert Job.objects.count() == before


def test_a_run_template_that_may_not_run(world: World, as_alice: Asker) -> None:
    RunTemplate.objects.update(active=False)
    answer = as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk})
    assert answer.status_code == 409
    assert told(answer)["error"] == "RunTemplate is not active"


def test_missing_values_are_named(world: World, as_alice: Asker) -> None:
    world.app.fields.create(keyname="NEEDED", type="string", required=True)
    answer = as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk})
    assert answer.status_code == 400
    assert told(answer)["missing"] == ["NEEDED"]
    made = as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, "env": {"NEEDED": 5, "FLAG": True}})
    assert made.status_code == 201
    assert Job.objects.get(pk=told(made)["id"]).overrides == {"NEEDED": "5", "FLAG": "true"}


def test_a_repeated_request_makes_one_job(world: World, as_alice: Asker) -> None:
    body = {"runtemplate_id": world.acme.template.pk}
    first = as_alice.post("/job/", body, Idempotency_Key="one")
    again = as_alice.post("/job/", body, Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert told(first) == told(again)
    assert again["Idempotency-Replayed"] == "true" and not first.has_header("Idempotency-Replayed")
    assert as_alice.post("/job/", {**body, "scheduled": "+1 hour"}, Idempotency_Key="one").status_code == 422
    assert told(as_alice.post("/job/", body, Idempotency_Key="two"))["id"] != told(first)["id"]
    assert as_alice.post("/job/", body, Idempotency_Key="with blank").status_code == 400


def test_a_user_runs_unchanged_only(world: World, robot: User) -> None:
    ask = Asker(bearer(a_token(robot, scopes=["jobs:run", "read"])))
    number = world.acme.template.pk
    assert ask.post("/job/", {"runtemplate_id": number}).status_code == 201
    assert ask.post("/job/", {"runtemplate_id": number, "env": {"A": "1"}}).status_code == 403
    assert ask.post("/runtemplates/bulk-execute", {"runtemplate_ids": [number]}).status_code == 400
    reader = Asker(bearer(a_token(robot, scopes=["read"])))
    assert reader.post("/job/", {"runtemplate_id": number}).status_code == 403


def test_cancel_stop_and_retry(world: World, as_alice: Asker) -> None:
    jobs = world.acme.jobs
    made = told(as_alice.post("/job/", {"runtemplate_id": world.acme.template.pk, "scheduled": "+1 hour"}))["id"]
    answer = as_alice.post(f"/job/{made}/cancel")
    assert answer.status_code == 200 and told(answer)["status"] == "cancelled"
    assert as_alice.post(f"/job/{jobs['success'].pk}/cancel").status_code == 409
    assert as_alice.post(f"/job/{jobs['success'].pk}/stop").status_code == 409
    assert as_alice.post(f"/job/{jobs['pending'].pk}/stop").status_code == 409
    QueueEntry.objects.create(
        job=jobs["running"], after=datetime.now(UTC), runtemplate=world.acme.template, company=world.acme.company,
        app=world.app,
    )  # fmt: skip
    answer = as_alice.post(f"/job/{jobs['running'].pk}/stop", {"level": "kill", "reason": "enough"})
    assert answer.status_code == 202, answer.content
    assert QueueEntry.objects.get(job=jobs["running"]).stop_level == "kill"
    assert as_alice.post(f"/job/{jobs['running'].pk}/stop", {"level": "burn"}).status_code == 400
    answer = as_alice.post(f"/job/{jobs['failed'].pk}/retry")
    assert answer.status_code == 201 and told(answer)["retry_of"] == jobs["failed"].pk
    assert as_alice.post(f"/job/{jobs['pending'].pk}/retry").status_code == 409


def test_deleting_jobs(world: World, as_root: Asker, as_alice: Asker) -> None:
    jobs = world.acme.jobs
    assert as_alice("DELETE", f"/job/{jobs['success'].pk}.json").status_code == 403
    assert as_root("DELETE", f"/job/{jobs['running'].pk}.json").status_code == 409
    assert told(as_root("DELETE", f"/job/{jobs['failed'].pk}.json")) == {"success": True, "id": jobs["failed"].pk}
    made = told(as_root.post("/job/", {"runtemplate_id": world.acme.template.pk, "scheduled": "+1 hour"}))["id"]
    assert as_root("DELETE", f"/job/{made}.json?cancel=true").status_code == 200
    assert as_root("DELETE", "/jobs.json").status_code == 400
    number = world.acme.template.pk
    dry = told(as_root("DELETE", f"/jobs.json?runtemplate_id={number}&dry_run=true"))
    assert dry["dry_run"] is True and dry["deleted"] == 0 and dry["matched"] == len(dry["job_ids"]) == 6
    done = told(as_root("DELETE", f"/jobs.json?runtemplate_id={number}"))
    assert done == {**dry, "dry_run": False, "deleted": 6}
    assert Job.objects.filter(runtemplate=number).count() == 4
    assert Job.objects.filter(runtemplate=world.globex.template).count() == len(world.globex.jobs)


def test_the_queue(world: World, as_alice: Asker) -> None:
    number = world.acme.ids["schedule"]
    assert [row["id"] for row in as_alice.json("/schedule.json")] == [number]
    assert as_alice("DELETE", f"/schedule/{number}.json").status_code == 200
    assert as_alice.json("/schedule.json") == []
    assert Job.objects.get(pk=world.acme.jobs["pending"].pk).status == "cancelled"


def test_totals(world: World, as_alice: Asker) -> None:
    found = as_alice.json("/jobs/status.json")["jobsStatus"]
    assert (found["successful_jobs"], found["failed_jobs"], found["incomplete_jobs"]) == (1, 5, 4)
    assert (found["running_jobs"], found["cancelled_jobs"], found["total_jobs"]) == (2, 1, 11)
    assert found["quee_length"] == found["queue_length"] == 1


def test_a_task_with_its_jobs(world: World, as_alice: Asker) -> None:
    found = as_alice.json(f"/task/{world.acme.ids['task']}.json")
    assert [one["id"] for one in found["jobs"]] == [world.acme.jobs["success"].pk]
    assert found["jobs"][0]["env"]["API_KEY"] == "••••••••"
    assert as_alice.json("/tasks.json?state=fulfilled&runtemplate_id=" + str(world.acme.template.pk))


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_content_of_an_artifact(world: World, as_alice: Asker) -> None:
    path = f"/artifact/{world.acme.ids['artifact']}"
    answer = as_alice.get(path)
    assert answer.status_code == 200
    assert content(answer) == BINARY
    assert answer["Content-Length"] == str(len(BINARY)) and answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''v%C3%BDpis%20%221%22.bin" in answer["Content-Disposition"]
    assert as_alice.get(path, If_None_Match=answer["ETag"]).status_code == 304
    assert as_alice("HEAD", path)["Content-Length"] == str(len(BINARY))
    assert as_alice.json(f"{path}.json")["download_url"].endswith(path)
    (listed,) = as_alice.json(f"/job/{world.acme.jobs['success'].pk}/artifacts.json")
    assert listed["id"] == world.acme.ids["artifact"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bytes=0-9", BINARY[:10]),
        ("bytes=100-", BINARY[100:]),
        ("bytes=-7", BINARY[-7:]),
        ("bytes=2040-9999", BINARY[2040:]),
        ("bytes=0-0", BINARY[:1]),
    ],
)
def test_parts_of_an_artifact(world: World, as_alice: Asker, asked: str, wanted: bytes) -> None:
    answer = as_alice.get(f"/artifact/{world.acme.ids['artifact']}", Range=asked)
    assert answer.status_code == 206
    assert content(answer) == wanted
    assert answer["Content-Length"] == str(len(wanted))
    start = BINARY.index(wanted) if asked == "bytes=0-9" else None
    assert start is None or answer["Content-Range"] == f"bytes 0-9/{len(BINARY)}"


def test_odd_wishes_for_parts(world: World, as_alice: Asker) -> None:
    path = f"/artifact/{world.acme.ids['artifact']}"
    etag = as_alice.get(path)["ETag"]
    answer = as_alice.get(path, Range="bytes=99999-")
    assert answer.status_code == 416 and answer["Content-Range"] == f"bytes */{len(BINARY)}"
    many = ",".join(["bytes=0-0"] + ["1-1"] * 99)
    for asked in ("bytes=", "bytes=x-1", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=0-,0-", many):
        assert as_alice.get(path, Range=asked).status_code == 200, asked
    assert as_alice.get(path, Range="bytes=0-1", If_Range=etag).status_code == 206
    assert as_alice.get(path, Range="bytes=0-1", If_Range='"other"').status_code == 200
    answer = as_alice.get(path, Range="bytes=0-1, 5-6")
    assert answer.status_code == 206 and answer["Content-Type"].startswith("multipart/byteranges")
    body = content(answer)
    assert len(body) == int(answer["Content-Length"])
    assert BINARY[0:2] in body and BINARY[5:7] in body


def test_a_flagged_file_takes_more(world: World, as_alice: Asker, as_root: Asker) -> None:
    Artifact.objects.update(contains_secret=True)
    path = f"/artifact/{world.acme.ids['artifact']}"
    assert as_alice.get(path).status_code == 403
    assert as_alice.get(f"{path}.json").status_code == 200
    assert as_root.get(path).status_code == 200
