"""Jobs and run templates: what can be done with them, and what their output is told as."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from typing import Any

import pytest
from django.db import connection

from multiflexi.api.v2 import streaming
from multiflexi.http import health
from multiflexi.jobs import output
from multiflexi.models import Application, Artifact, ConfField, Job, JobOutputLine, JobStatus, RunTemplate, User
from tests.integration.api_v2.conftest import Caller, World, ended_job

pytestmark = pytest.mark.django_db


def told(answer: Any) -> bytes:
    assert answer.status_code in (200, 206), answer.content
    return b"".join(answer.streaming_content)


def test_the_life_of_a_run_template(alice_asks: Caller, world: World) -> None:
    body = {"name": "T", "app_id": world.ids["app"], "company_id": world.ids["company"], "interv": "daily"}
    made = alice_asks.post("runtemplates", body)
    record = made.json()
    assert (made.status_code, made["Location"]) == (201, f"/api/v2/runtemplates/{record['id']}")
    assert (record["interval"], record["complete"], record["missing"]) == ("daily", False, ["TARGET"])
    one = f"runtemplates/{record['id']}"
    assert alice_asks.post(f"{one}/deactivate").json()["active"] is False
    refused = alice_asks.post(f"{one}/activate")
    assert (refused.status_code, refused.json()["code"]) == (422, "runtemplate_incomplete")
    assert alice_asks.patch(one, {"config": {"TARGET": "y"}, "cron": "5 4 * * *"}).json()["interv"] == "c"
    assert alice_asks.post(f"{one}/activate").json()["next_schedule"]
    assert alice_asks.patch(one, {"retry_on_exit_codes": [75, 1]}).json()["retry_on_exit_codes"] == [1, 75]
    assert alice_asks.patch(one, {"cron": "not cron"}).status_code == 422
    assert alice_asks.patch(one, {"company_id": 999}).status_code == 409
    copy = alice_asks.post(f"{one}/clone", {"name": "T2"})
    assert (copy.status_code, copy.json()["active"]) == (201, False)
    assert alice_asks.get(copy["Location"].removeprefix("/api/v2/")).json()["name"] == "T2"
    assert alice_asks.delete(one).status_code == 204
    assert alice_asks.get(one).status_code == 404


def test_values_of_a_run_template(alice_asks: Caller, world: World) -> None:
    config = f"runtemplates/{world.ids['runtemplates']}/config"
    rows = {one["name"]: one for one in alice_asks.patch(config, {"PROBE_PASSWORD": "very-secret-word"}).json()}
    assert rows["TARGET"]["value"] == "x"
    assert rows["PROBE_PASSWORD"]["value"]["set"] is True
    mark = rows["PROBE_PASSWORD"]["value"]["fingerprint"]
    again = {one["name"]: one for one in alice_asks.patch(config, {"PROBE_PASSWORD": "other-secret-word"}).json()}
    assert len(mark) == 8 != again["PROBE_PASSWORD"]["value"]["fingerprint"]
    assert alice_asks.patch(config, {"PROBE_PASSWORD": ""}).status_code == 422
    cleared = {one["name"]: one for one in alice_asks.patch(config, {"PROBE_PASSWORD": None}).json()}
    assert cleared["PROBE_PASSWORD"]["value"] == {"set": False, "updated_at": None, "fingerprint": None}
    assert alice_asks.patch(config, {"MULTIFLEXI_X": "1"}).status_code == 422
    assert alice_asks.patch(config, {"bad name": "1"}).status_code == 422
    assert alice_asks.patch(config, {f"V{n}": "1" for n in range(300)}).status_code == 422


def test_a_secret_stays_one_under_another_definition(alice_asks: Caller, world: World, app: Application) -> None:
    ConfField.objects.create(app=app, keyname="LICENCE", type="secret", secret=True)
    other = Application.objects.create(uuid="77777777-7777-4777-8777-777777777777", code="t", name="T", executable="/t")
    one = f"runtemplates/{world.ids['runtemplates']}"
    assert alice_asks.patch(f"{one}/config", {"LICENCE": "the-l1cence-of-acme"}).status_code == 200
    assert alice_asks.patch(one, {"app_id": other.pk}).status_code == 200
    shown = {row["name"]: row["value"] for row in alice_asks.get(f"{one}/config").json()}
    assert shown["LICENCE"]["set"] is True
    assert alice_asks.patch(f"{one}/config", {"LICENCE": "open"}).status_code == 200
    assert b"the-l1cence-of-acme" not in alice_asks.get("audit-log").content


def test_credentials_of_a_run_template(alice_asks: Caller, world: World) -> None:
    one = f"runtemplates/{world.ids['runtemplates']}/credentials"
    (assigned,) = alice_asks.get(one).json()
    assert assigned["credential"]["id"] == world.ids["credential"]
    assert alice_asks.delete(f"{one}/{world.ids['credential']}").status_code == 204
    assert alice_asks.delete(f"{one}/{world.ids['credential']}").status_code == 404
    assert alice_asks.put(f"{one}/{world.ids['credential']}", {}).json()["changed"] is True


def test_preview_and_explanation(alice_asks: Caller, world: World) -> None:
    one = f"runtemplates/{world.ids['runtemplates']}"
    shown = alice_asks.post(f"{one}/preview", {"env": {"TARGET": "z"}}).json()
    values = {row["name"]: row for row in shown["environment"]}
    assert (values["TARGET"]["value"], values["TARGET"]["source_name"]) == ("z", "values given for this run")
    assert shown["command"] == ["/bin/true"]
    assert b"pa55word" not in alice_asks.get(f"{one}/environment").content
    assert alice_asks.get(f"{one}/explain").json()["state"] == "waiting"


def test_a_job_is_scheduled_moved_stopped_and_retried(alice_asks: Caller, world: World) -> None:
    body = {"runtemplate_id": world.ids["runtemplates"], "after": "2999-01-01T00:00:00Z", "env": {"TARGET": "z"}}
    made = alice_asks.post("jobs", body)
    job = made.json()
    assert (made.status_code, job["status"], job["schedule_type"]) == (201, "pending", "CommandLine")
    (entry,) = alice_asks.get(f"schedule?job={job['id']}").json()["results"]
    moved = alice_asks.patch(f"schedule/{entry['id']}", {"after": "2998-01-01T00:00:00Z"})
    assert moved.json()["after"] == "2998-01-01T00:00:00Z"
    assert alice_asks.post(f"jobs/{job['id']}/retry").status_code == 409
    assert alice_asks.get(f"jobs/{job['id']}/explain").json()["waiting_for"]
    assert alice_asks.post(f"jobs/{job['id']}/stop", {"reason": "no"}).json()["status"] == "cancelled"
    again = alice_asks.post(f"jobs/{job['id']}/retry", {"reason": "yes"})
    assert (again.status_code, again.json()["retry_of"]) == (201, job["id"])
    assert alice_asks.post(f"jobs/{again.json()['id']}/cancel").json()["status"] == "cancelled"
    assert alice_asks.delete(f"schedule/{entry['id']}").status_code == 404
    assert alice_asks.post("jobs", {"runtemplate_id": 999999}).status_code == 404
    assert alice_asks.post("jobs", {}).status_code == 422
    assert alice_asks.post("jobs", body | {"env": {"MULTIFLEXI_X": "1"}}).status_code == 422


def test_only_administrators_move_a_waiting_job_to_the_host(
    alice_asks: Caller, root_asks: Caller, world: World, app: Application
) -> None:
    Application.objects.filter(pk=app.pk).update(ociimage="example.org/probe:1")
    entry = f"schedule/{world.ids['schedule']}"
    assert alice_asks.patch(entry, {"executor": "Docker"}).json()["executor"] == "Docker"
    # Administrator of the company, and editor in the installation.
    assert alice_asks.patch(entry, {"executor": "Native"}).status_code == 403
    assert alice_asks.get(entry).json()["executor"] == "Docker"
    assert root_asks.patch(entry, {"executor": "Native"}).json()["executor"] == "Native"


def test_filters_of_jobs(alice_asks: Caller, world: World, template: RunTemplate) -> None:
    good = ended_job(template, JobStatus.SUCCESS, 0).pk
    lost = ended_job(template, JobStatus.LOST, -1).pk
    blocked = ended_job(template, JobStatus.BLOCKED, None).pk
    gone = ended_job(template, JobStatus.CANCELLED, None).pk
    failed, waiting = world.ids["job"], world.ids["waiting"]

    def found(query: str) -> set[int]:
        return {one["id"] for one in alice_asks.get(f"jobs?{query}").json()["results"]}

    assert found("status=failed") == {failed, lost, blocked}
    assert found("status=successful") == {good}
    assert found("status=completed") == {failed, lost, good}
    assert found("status=scheduled") == {waiting}
    assert found("status=cancelled,success") == {gone, good}
    assert found("status__in=failed") == {failed}
    assert found("exitcode__in=-1,3") == {failed, lost}
    assert found("exitcode__isnull=true") == {blocked, gone, waiting}
    assert found("has_artifacts=true") == {failed}
    assert found("has_artifacts=false&status=failed") == {lost, blocked}
    assert found("begin__isnull=true") == {waiting}
    assert found(f"id__gt={failed}&status=failed") == {lost, blocked}
    assert alice_asks.get("jobs?status=broken").status_code == 400


def test_several_jobs_are_deleted(root_asks: Caller, alice_asks: Caller, world: World) -> None:
    assert root_asks.delete("jobs").json()["code"] == "no_filter"
    assert root_asks.delete("jobs?dry_run=true").json()["code"] == "no_filter"
    assert alice_asks.delete("jobs?status=failed").status_code == 403
    tried = root_asks.delete("jobs?status=failed&dry_run=true").json()
    assert (tried["matched"], tried["deleted"], tried["artifacts"]) == (1, 0, 1)
    assert Job.objects.filter(pk=world.ids["job"]).exists()
    done = root_asks.delete(f"jobs?company={world.ids['company']}").json()
    assert (done["matched"], done["deleted"], done["job_ids"]) == (1, 1, [world.ids["job"]])
    assert list(Job.objects.values_list("pk", flat=True)) == [world.ids["waiting"]]


def test_bulk_changes(alice_asks: Caller, carol_asks: Caller, world: World, another_template: RunTemplate) -> None:
    ids = [world.ids["runtemplates"], another_template.pk, 999999]
    tried = alice_asks.post("runtemplates/bulk", {"action": "deactivate", "ids": ids, "dry_run": True}).json()
    assert (tried["done"], tried["failed"]) == (2, 1)
    assert RunTemplate.objects.get(pk=ids[0]).active
    done = alice_asks.post("runtemplates/bulk", {"action": "deactivate", "ids": ids}).json()
    assert [one["status"] for one in done["results"]] == [200, 200, 404]
    assert not RunTemplate.objects.get(pk=ids[0]).active
    alice_asks.post("runtemplates/bulk", {"action": "activate", "ids": ids})
    body = {"action": "execute", "ids": ids[:2], "after": "2999-01-01T00:00:00Z"}
    runs = [alice_asks.post("runtemplates/bulk", body, Idempotency_Key="b").json() for _ in range(2)]
    assert runs[0] == runs[1]
    assert Job.objects.filter(status="pending").count() == 3
    changed = alice_asks.post("runtemplates/bulk", {"action": "reconfigure", "ids": ids[:2], "config": {"TARGET": "n"}})
    assert changed.json()["done"] == 2
    foreign = carol_asks.post("runtemplates/bulk", {"action": "delete", "ids": ids}).json()
    assert {one["status"] for one in foreign["results"]} == {404}


def test_lines_of_output(alice_asks: Caller, world: World) -> None:
    output = f"jobs/{world.ids['job']}/output"
    whole = alice_asks.get(output).json()
    assert [one["line"] for one in whole["lines"]] == ["first \x1b[31mred\x1b[0m", "second <b>"]
    assert (whole["finished"], whole["exitcode"]) == (True, 3)
    assert [one["id"] for one in alice_asks.get(f"{output}?after=1").json()["lines"]] == [2]
    assert [one["type"] for one in alice_asks.get(f"{output}?types=stderr").json()["lines"]] == ["stderr"]
    part = alice_asks.get(f"{output}?limit=1").json()
    assert (len(part["lines"]), part["finished"]) == (1, False)
    assert alice_asks.get(f"{output}?types=none").status_code == 400
    assert alice_asks.get(f"{output}?after=x").status_code == 400


def test_output_as_text(alice_asks: Caller, world: World) -> None:
    text = f"jobs/{world.ids['job']}/output.txt"
    assert told(alice_asks.get(text)) == b"first \x1b[31mred\x1b[0m\n"
    assert told(alice_asks.get(f"{text}?ansi=strip")) == b"first red\n"
    html = told(alice_asks.get(f"{text}?type=stderr&ansi=html"))
    assert b"second &lt;b&gt;" in html
    content = b"whole\n\xff\x00output"
    Artifact.objects.create(
        job_id=world.ids["job"], filename="stdout.txt", kind="stdout", size=len(content), artifact=content
    )
    assert told(alice_asks.get(text)) == content
    assert told(alice_asks.get(text, Range="bytes=-6")) == b"output"


def test_events_of_an_ended_job(alice_asks: Caller, world: World) -> None:
    stream = f"jobs/{world.ids['job']}/output/stream"
    text = told(alice_asks.get(stream, Last_Event_ID="1")).decode()
    kinds = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert kinds == ["line", "status", "end"]
    assert alice_asks("head", stream).content == b""
    assert "id: 2\n" in text and '"exitcode":3' in text


def test_a_ticket_opens_one_stream(alice_asks: Caller, bob: User, world: World) -> None:
    stream = f"jobs/{world.ids['job']}/output/stream"
    url = alice_asks.post(f"{stream}/ticket").json()["url"]
    assert b"event: end" in told(alice_asks.client.get(url))
    ticket = url.partition("?")[2]
    other = alice_asks.client.get(f"/api/v2/jobs/{world.ids['waiting']}/output/stream?{ticket}")
    assert other.status_code == 401
    assert alice_asks.client.get(f"{url}x").status_code == 401


def test_half_of_the_threads_stay_free(alice_asks: Caller, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_places", threading.BoundedSemaphore(1))
    first = alice_asks.get(f"jobs/{world.ids['job']}/output/stream")
    second = alice_asks.get(f"jobs/{world.ids['job']}/output/stream")
    assert (first.status_code, second.status_code) == (200, 503)
    assert int(second["Retry-After"]) > 0
    # Asking again and again is left to those who find no place, so the answer comes at once.
    begin = time.monotonic()
    asks = alice_asks.get(f"jobs/{world.ids['waiting']}/output?wait=30")
    assert (asks.status_code, asks.json()["lines"]) == (200, [])
    assert int(asks["Retry-After"]) > 0
    assert time.monotonic() - begin < 15


def test_a_server_that_stops_lets_its_streams_go(
    alice_asks: Caller, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "stopping", threading.Event())
    health.stopping.set()
    stream = told(alice_asks.get(f"jobs/{world.ids['waiting']}/output/stream")).decode()
    assert "event: status" in stream and "event: end" not in stream
    assert told(alice_asks.get("events/stream")) == b": here\n\n"
    waits = alice_asks.get(f"jobs/{world.ids['waiting']}/output?wait=30")
    assert waits.json()["finished"] is False and not waits.has_header("Retry-After")


def test_content_in_parts(alice_asks: Caller, world: World) -> None:
    content = f"artifacts/{world.ids['artifacts']}/content"
    whole = alice_asks.get(content)
    assert told(whole) == b"0123456789"
    assert whole["Content-Disposition"] == 'attachment; filename="data.bin"'
    assert (whole["X-Content-Type-Options"], whole["Accept-Ranges"]) == ("nosniff", "bytes")
    part = alice_asks.get(content, Range="bytes=2-4")
    assert (part.status_code, told(part), part["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert told(alice_asks.get(content, Range="bytes=-3")) == b"789"
    assert told(alice_asks.get(content, Range="bytes=7-")) == b"789"
    several = alice_asks.get(content, Range="bytes=0-1,8-")
    body = told(several)
    assert several["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert (len(body), body.count(b"Content-Range: bytes")) == (int(several["Content-Length"]), 2)
    beyond = alice_asks.get(content, Range="bytes=10-")
    assert (beyond.status_code, beyond["Content-Range"]) == (416, "bytes */10")
    for unreadable in ("bytes=4-2", "lines=1-2", "bytes=a", "bytes=", "bytes=0-,0-", "bytes=0-8,1-9"):
        assert told(alice_asks.get(content, Range=unreadable)) == b"0123456789"
    tag = whole["ETag"]
    assert alice_asks.get(content, If_None_Match=tag).status_code == 304
    assert alice_asks.get(content, If_Modified_Since=whole["Last-Modified"]).status_code == 304
    assert alice_asks.get(content, Range="bytes=0-1", If_Range=tag).status_code == 206
    assert alice_asks.get(content, Range="bytes=0-1", If_Range='"old"').status_code == 200
    head = alice_asks("head", content)
    assert (head.content, head["Content-Length"]) == (b"", "10")


def test_active_content_is_never_shown_in_place(alice_asks: Caller, world: World) -> None:
    page = Artifact.objects.create(
        job_id=world.ids["job"], filename="zpráva.html", content_type="text/html", size=1, artifact=b"x"
    )
    answer = alice_asks.get(f"artifacts/{page.pk}/content")
    assert answer["Content-Disposition"] == "attachment; filename=\"zpr_va.html\"; filename*=UTF-8''zpr%C3%A1va.html"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_files_with_a_secret(alice_asks: Caller, root_asks: Caller, world: World) -> None:
    secret = Artifact.objects.create(
        job_id=world.ids["job"], filename="s.txt", size=1, artifact=b"x", contains_secret=True
    )
    assert alice_asks.get(f"artifacts/{secret.pk}").json()["contains_secret"] is True
    assert alice_asks.get(f"artifacts/{secret.pk}/content").status_code == 403
    assert told(root_asks.get(f"artifacts/{secret.pk}/content")) == b"x"
    archive = zipfile.ZipFile(io.BytesIO(told(alice_asks.get(f"jobs/{world.ids['job']}/artifacts.zip"))))
    assert archive.namelist() == ["data.bin", "LEFT-OUT.txt"]
    assert (archive.read("data.bin"), archive.read("LEFT-OUT.txt")) == (b"0123456789", b"s.txt\n")


def test_environment_and_script_have_no_secret(alice_asks: Caller, world: World) -> None:
    job = Job.objects.get(pk=world.ids["job"])
    job.env = {"TARGET": "x", "PROBE_PASSWORD": None}
    job.env_meta = {"PROBE_PASSWORD": {"secret": True, "source": "runtemplate"}}
    job.save()
    rows = {one["name"]: one for one in alice_asks.get(f"jobs/{job.pk}/environment").json()}
    assert (rows["TARGET"]["value"], rows["PROBE_PASSWORD"]["value"]) == ("x", "•" * 8)
    script = alice_asks.get(f"jobs/{job.pk}/script").json()
    assert {one["name"]: one["value"] for one in script["variables"]}["PROBE_PASSWORD"] is None


def test_failure_patterns(alice_asks: Caller, world: World, template: RunTemplate) -> None:
    ended_job(template)
    (pattern,) = alice_asks.get("failure-patterns").json()
    assert (pattern["exitcode"], pattern["jobs"], pattern["meaning"]) == (3, 2, "No data")
    assert alice_asks.get("failure-patterns?exitcode=4").json() == []
    assert alice_asks.get("failure-patterns?colour=1").status_code == 400


def test_long_poll_and_stream_tell_what_comes(
    shared_db: None, alice_asks: Caller, world: World, bob_asks: Caller, bob: User
) -> None:
    job = world.ids["waiting"]
    Job.objects.filter(pk=job).update(status="running")

    def work() -> None:
        time.sleep(0.4)
        JobOutputLine.objects.create(job_id=job, seq=1, line="at work")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    answer = alice_asks.get(f"jobs/{job}/output?wait=20").json()
    worker.join()
    assert [one["line"] for one in answer["lines"]] == ["at work"]
    assert answer["finished"] is False


def test_a_stream_ends_when_the_right_does(
    alice_asks: Caller, bob_asks: Caller, bob: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHECK", 0.0)
    Job.objects.filter(pk=world.ids["waiting"]).update(status="running")
    events = bob_asks.get(f"jobs/{world.ids['waiting']}/output/stream").streaming_content
    assert b"event: status" in next(events)
    bob.memberships.all().delete()
    assert next(events) == b'event: end\ndata: {"reason":"not_permitted"}\n\n'
    assert list(events) == []


def test_changes_of_all_jobs(alice_asks: Caller, carol_asks: Caller, world: World) -> None:
    events = alice_asks.get("events/stream", Last_Event_ID="0").streaming_content
    assert next(events) == b": here\n\n"
    assert b'"to":"pending"' in next(events)


def test_an_endless_line_comes_in_pieces(alice_asks: Caller, world: World) -> None:
    text = "ž" * 3_000_000
    job = Job.objects.get(pk=world.ids["job"])
    JobOutputLine.objects.filter(job=job).delete()
    kept = {"job": job, "filename": "stdout.txt", "kind": "stdout", "content_type": "text/plain"}
    Artifact.objects.create(**kept, artifact=f"{text}\nend\n".encode(), size=len(text) * 2 + 5)
    lines = alice_asks.get(f"jobs/{job.pk}/output").json()["lines"]
    assert "".join(one["line"] for one in lines[:-1]) == text
    assert max(len(one["line"].encode()) for one in lines) <= output.LINE_BYTES
    assert lines[-1]["line"] == "end"


def test_repeated_colours_make_no_more_of_a_line(alice_asks: Caller, world: World) -> None:
    job = Job.objects.get(pk=world.ids["job"])
    JobOutputLine.objects.filter(job=job).delete()
    JobOutputLine.objects.create(job=job, seq=1, type="stdout", line="\x1b[1m\x1b[31mx" * 1000)
    JobOutputLine.objects.create(job=job, seq=2, type="stdout", line=f"\x1b[{'9' * 5000}mend")
    page = told(alice_asks.get(f"jobs/{job.pk}/output.txt?ansi=html"))
    assert page.count(b'<span style="font-weight:bold;color:red;">x') == 1000
    assert page.endswith(b"end\n</pre>")
