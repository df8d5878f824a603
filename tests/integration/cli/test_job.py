"""Jobs: lists, changes, ends, output."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from multiflexi.models import (
    Artifact,
    ArtifactChunk,
    AuditEntry,
    Company,
    Credential,
    CredentialType,
    Job,
    JobHistory,
    JobOutputLine,
    JobStatus,
    QueueEntry,
    RunTemplate,
    RunTemplateCredential,
    User,
    Worker,
)

from .conftest import Cli

STATES = {
    "failed": {"failed", "timeout", "terminated", "lost", "blocked"},
    "success": {"success"},
    "successful": {"success"},
    "running": {"running", "finishing"},
    "pending": {"pending", "queued"},
    "scheduled": {"pending", "queued"},
    "completed": {"success", "failed", "timeout", "terminated", "lost"},
    "queued": {"queued"},
    "cancelled": {"cancelled"},
    "lost": {"lost"},
}


@pytest.fixture
def one_of_each(template: RunTemplate) -> dict[str, Job]:
    """A job in every state."""
    codes = {"success": 0, "failed": 1, "timeout": 124, "terminated": 143, "lost": -1}
    return {
        state: Job.objects.create(
            app=template.app,
            company=template.company,
            runtemplate=template,
            launched_by=User.objects.technical(),
            status=state,
            exitcode=codes.get(state),
            end=None if not JobStatus(state).is_final else datetime.now(UTC) - timedelta(days=number),
        )
        for number, state in enumerate(JobStatus.values)
    }


@pytest.fixture
def pending(cli: Cli, template: RunTemplate) -> Job:
    cli("run-template:schedule", template.pk)
    return Job.objects.get()


@pytest.mark.parametrize("word", STATES)
def test_filter_words(cli: Cli, one_of_each: dict[str, Job], word: str) -> None:
    rows = cli("job:list", "--status", word, "-f", "json").json
    assert {row["status"] for row in rows} == STATES[word]


def test_unknown_filter_words_are_refused(cli: Cli) -> None:
    outcome = cli("job:list", "--status=errored", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (2, "unknown_status")


def test_other_filters(cli: Cli, one_of_each: dict[str, Job], template: RunTemplate) -> None:
    Job.objects.filter(status="success").update(created_at=datetime.now(UTC) - timedelta(days=3))
    for words, number in (
        (["--template", str(template.pk)], 11),
        (["--runtemplate", "nothing"], 0),
        (["--company", "acme"], 11),
        (["--app", "echo"], 11),
        (["--since", "-1 day"], 10),
        (["--until", "-1 day"], 1),
        (["--since=today", "--status=success"], 0),
        (["--search", "morning"], 11),
    ):
        assert len(cli("job:list", *words, "-f", "json").json) == number, words


def test_types_that_must_not_vary(cli: Cli, template: RunTemplate) -> None:
    Job.objects.create(
        app=template.app,
        company=template.company,
        runtemplate=template,
        launched_by=User.objects.technical(),
        env={"A": "1", "B": None, "C": True, "S": "envelope"},
        env_meta={"S": {"secret": True}},
        command=["/bin/echo", "a b"],
    )
    row = cli("job:list", "-f", "json").json[0]
    assert row["env"] == {"A": "1", "B": None, "C": "true", "S": "•" * 8}
    assert row["command"] == "/bin/echo 'a b'"
    assert (row["exitcode"], row["marked_for_deletion"]) == (None, 0)
    assert isinstance(row["launched_by"], int)


def test_output_is_part_of_short_lists_only(cli: Cli, pending: Job) -> None:
    Job.objects.update(stdout="x" * 9000 + "END")
    assert "stdout" not in cli("job:list", "-f", "json").json[0]
    assert "stdout" not in cli("job:list", "--limit", 51, "-f", "json").json[0]
    assert len(cli("job:list", "--limit", 50, "-f", "json").json[0]["stdout"]) == 8192
    assert cli("job:list", "--fields", "stdout", "-f", "json").json[0]["stdout"].endswith("END")
    assert len(cli("job:get", pending.pk, "-f", "json").json["stdout"]) == 9003


def test_status_counts_everything(cli: Cli, one_of_each: dict[str, Job]) -> None:
    assert cli("job", "status", "--format=json").json == {
        "successful_jobs": 1,
        "failed_jobs": 5,
        "incomplete_jobs": 4,
        "total_applications": 1,
        "repeated_jobs": 0,
        "total_jobs": 11,
        "queue_length": 0,
    }
    one = cli("job:status", one_of_each["failed"].pk, "-f", "json").json
    assert (one["status"], one["exitcode"]) == ("failed", 1)


def test_create_is_the_same_path_as_schedule(cli: Cli, template: RunTemplate) -> None:
    made = cli("job:create", "--template", template.pk, "--company", "acme", "--env", "GREETING=x", "-f", "json").json
    assert (made["job_id"], made["id"], made["status"]) == (made["id"], made["id"], "pending")
    assert QueueEntry.objects.get().job_id == made["id"]
    assert JobHistory.objects.get().to_status == "pending"
    assert cli("job:create", template.pk).out == f"Job of run template {template.pk} created, ID: {made['id'] + 1}\n"
    assert cli("job:create", template.pk, "-v", "-f", "json").json["scheduled"]


def test_only_pending_jobs_can_be_changed(cli: Cli, pending: Job) -> None:
    outcome = cli(
        "job:update", pending.pk, "--scheduled", "2030-05-06 07:08", "--schedule_type", "adhoc", "-v", "-f", "json"
    )
    assert (outcome.json["scheduled"], outcome.json["schedule_type"]) == ("2030-05-06 07:08:00", "adhoc")
    assert f"{QueueEntry.objects.get().after:%Y-%m-%d %H:%M}" == "2030-05-06 05:08"
    assert cli("job:update", pending.pk, "--app", "echo", "--template", "Morning echo").code == 0
    Job.objects.update(status="running")
    assert cli("job:update", pending.pk, "--executor", "native", "-f", "json").json["code"] == "job_not_pending"


def test_cancel_takes_the_job_out_once(cli: Cli, pending: Job) -> None:
    for _ in range(2):
        outcome = cli("job:cancel", pending.pk, "--reason", "not today", "-f", "json")
        assert outcome.json == {"cancelled": True, "job_id": pending.pk, "status": "cancelled"}
    pending.refresh_from_db()
    assert (pending.status, pending.exitcode, pending.reason_detail) == ("cancelled", None, "not today")
    assert not QueueEntry.objects.exists()
    assert JobHistory.objects.filter(to_status="cancelled").count() == 1


def test_a_running_job_is_stopped_not_cancelled(cli: Cli, pending: Job) -> None:
    Job.objects.update(status="running")
    refused = cli("job:cancel", pending.pk, "-f", "json")
    assert refused.json["code"] == "job_has_begun"
    assert "job:stop" in refused.err
    done = cli("job:stop", pending.pk, "--reason", "runaway", "--kill", "-f", "json").json
    assert done == {"stop_requested": True, "job_id": pending.pk, "status": "running"}
    entry = QueueEntry.objects.get()
    assert (entry.stop_level, entry.stop_reason) == ("kill", "runaway")
    assert entry.stop_by is not None
    assert JobHistory.objects.filter(reason="stop").count() == 1
    assert AuditEntry.objects.filter(action="stop").count() == 1
    assert cli("job:stop", pending.pk, "--kill", "--no-kill").code == 2


def test_stopping_what_has_not_begun_cancels_it_and_what_ended_is_refused(cli: Cli, pending: Job) -> None:
    assert cli("job:stop", pending.pk, "-f", "json").json["status"] == "cancelled"
    assert cli("job:stop", pending.pk, "-f", "json").json["code"] == "job_has_ended"


def test_waiting_has_a_limit(cli: Cli, pending: Job) -> None:
    outcome = cli("job:create", "Morning echo", "--wait", "--timeout", 1, "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (124, "wait_timeout")


def test_retry_makes_a_new_job_of_an_ended_one(cli: Cli, pending: Job) -> None:
    assert cli("job:retry", pending.pk, "-f", "json").json["code"] == "job_not_ended"
    Job.objects.update(status="failed", exitcode=1, end=datetime.now(UTC), overrides={"COUNT": "3", "API_KEY": None})
    refused = cli("job:retry", pending.pk, "-f", "json").json
    assert (refused["code"], refused["details"]["names"]) == ("secret_override_gone", ["API_KEY"])
    Job.objects.update(overrides={"COUNT": "3"})
    made = cli("job:retry", pending.pk, "--env", "EXTRA=1", "-f", "json").json
    again = Job.objects.get(pk=made["job_id"])
    assert (made["retry_of"], made["attempt"], again.schedule_type) == (pending.pk, 2, "retry")
    assert again.overrides == {"COUNT": "3", "EXTRA": "1"}
    assert cli("job:retry", pending.pk, pending.pk, "-f", "json").json[1]["attempt"] == 2
    assert cli("job:status", "-f", "json").json["repeated_jobs"] == 3


@pytest.fixture
def blocked(pending: Job) -> Credential:
    """A credential that has blocked the job."""
    kind = CredentialType.objects.create(name="Bank", company=pending.company)
    made = Credential.objects.create(name="KB", company=pending.company, credential_type=kind)
    RunTemplateCredential.objects.create(runtemplate=pending.runtemplate, credential=made)
    Job.objects.update(status="blocked", end=datetime.now(UTC), failure_reason="credential_misconfigured")
    QueueEntry.objects.all().delete()
    return made


def test_retry_of_all_that_a_credential_has_blocked(cli: Cli, pending: Job, blocked: Credential) -> None:
    words = ("job:retry", "--blocked-by", "KB", "-f", "json")
    assert cli(*words, "--dry-run").json == {"dry_run": True, "credential_id": blocked.pk, "jobs": [pending.pk]}
    (made,) = cli(*words, "--reason", "new password").json
    assert (made["retry_of"], made["status"], made["attempt"]) == (pending.pk, "pending", 2)
    assert cli("job:retry", "--blocked-by", blocked.pk).out.strip().endswith("no job that was not repeated")
    assert cli("job:retry", "1", "--blocked-by", "KB").code == 2
    assert cli("job:retry", "--blocked-by", "nobody").code == 1


def test_whoever_corrects_a_credential_is_told_of_its_jobs(cli: Cli, pending: Job, blocked: Credential) -> None:
    offer = f"job:retry --blocked-by {blocked.pk}"
    assert offer in cli("credential:check", blocked.pk, "--refresh").err
    assert offer in cli("credential:update", blocked.pk, "--name", "KB 2").err
    cli("job:retry", "--blocked-by", blocked.pk)
    assert offer not in cli("credential:check", blocked.pk, "--refresh").err


def test_blocked_jobs_that_cannot_run_are_told(cli: Cli, pending: Job, blocked: Credential) -> None:
    RunTemplate.objects.update(active=False)
    outcome = cli("job:retry", "--blocked-by", blocked.pk, "-f", "json")
    assert (outcome.code, outcome.json[0]["retry_of"]) == (1, pending.pk)
    assert "inactive" in outcome.json[0]["error"]


def test_delete_takes_everything_along(cli: Cli, pending: Job) -> None:
    JobOutputLine.objects.create(job=pending, seq=1, line="x")
    artifact = Artifact.objects.create(job=pending, filename="x", storage="chunks", size=1)
    ArtifactChunk.objects.create(artifact=artifact, seq=0, data=b"x")
    Job.objects.update(status="running")
    assert cli("job:delete", pending.pk, "-f", "json").json["code"] == "jobs_active"
    Job.objects.update(status="pending")
    assert cli("job:delete", pending.pk, "-f", "json").json == {"deleted": True, "job_id": pending.pk}
    for model in (Job, QueueEntry, JobHistory, JobOutputLine, Artifact, ArtifactChunk):
        assert not model._default_manager.exists(), model


def test_a_job_under_way_is_deleted_by_force_once_it_has_ended(
    cli: Cli, pending: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    Job.objects.update(status="running")

    def stop(actor: Any, job: Job, *, level: str, reason: str | None = None) -> str:
        asked.append(level)
        Job.objects.update(status="terminated", exitcode=143, begin=datetime.now(UTC), end=datetime.now(UTC))
        return "running"

    monkeypatch.setattr("multiflexi.services.job_stop.request_stop", stop)
    assert cli("job:delete", pending.pk, "--force", "-f", "json").json == {"deleted": True, "job_id": pending.pk}
    assert asked == ["stop"]
    assert not Job.objects.exists()


def test_force_gives_up_when_nobody_ends_the_job(cli: Cli, pending: Job) -> None:
    Job.objects.update(status="running")
    outcome = cli("job:delete", pending.pk, "--force", "--timeout", "1", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (124, "wait_timeout")
    assert Job.objects.exists()


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--days", "0"], {"pending", "queued", "running", "finishing"}),
        (["--days=0", "--status", "success,lost"], set(JobStatus.values) - {"success", "lost"}),
        (["--older-than", "9"], set(JobStatus.values) - {"blocked", "cancelled"}),
        (["--days", "0", "--keep", "2"], {"pending", "queued", "running", "finishing", "success", "failed"}),
        (["--days", "0", "--status", "pending"], set(JobStatus.values)),
    ],
)
def test_cleanup_deletes_only_old_ended_jobs(
    cli: Cli, one_of_each: dict[str, Job], words: list[str], left: set[str]
) -> None:
    outcome = cli("job:cleanup", *words, "-f", "json")
    assert outcome.code == 0, outcome.err
    assert set(Job.objects.values_list("status", flat=True)) == left
    assert outcome.json["deleted"]["jobs"] == len(JobStatus.values) - len(left)


def test_cleanup_asks_and_needs_an_age(cli: Cli, one_of_each: dict[str, Job]) -> None:
    assert cli("job:cleanup").code == 2
    assert cli("job:cleanup", "--days", "0", stdin="n\n").code == 1
    assert Job.objects.count() == 11
    assert cli("job:cleanup", "--days", "0", stdin="n\n").err.startswith("Delete 7 jobs")
    assert cli("job:cleanup", "--days", "0", "-y", stdin="n\n").code == 0


def test_logs_come_from_lines_and_then_from_artifacts(cli: Cli, pending: Job) -> None:
    for number, (kind, text) in enumerate((("stdout", "one"), ("stderr", "two"), ("stdout", "three")), 1):
        JobOutputLine.objects.create(job=pending, seq=number, type=kind, line=text)
    assert cli("job:logs", pending.pk).out == "one\ntwo\nthree\n"
    assert cli("job:logs", pending.pk, "--stderr").out == "two\n"
    assert cli("job:logs", pending.pk, "--tail", 2).out == "two\nthree\n"
    assert [row["seq"] for row in cli("job:logs", pending.pk, "-f", "json").json] == [1, 2, 3]
    JobOutputLine.objects.all().delete()
    Job.objects.update(status="success", exitcode=0, end=datetime.now(UTC))
    content = b"one\nthree\nlast"
    Artifact.objects.create(job=pending, filename="stdout.txt", kind="stdout", artifact=content, size=len(content))
    assert cli("job:logs", pending.pk).out == "one\nthree\nlast\n"
    assert cli("job:logs", pending.pk, "--tail", 1, "--follow").out == "last\n"


def test_explain_names_what_it_waits_for(cli: Cli, pending: Job, template: RunTemplate) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    QueueEntry.objects.update(after=later)
    running = Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by_id=1, status="running"
    )
    QueueEntry.objects.create(
        job=running,
        app=template.app,
        company=template.company,
        runtemplate=template,
        after=later,
        worker=Worker.objects.create(role="executor", name="one", host="h", boot_id="b"),
        lease_until=later,
    )
    RunTemplate.objects.update(running_job=running)
    Company.objects.update(max_running=1)
    Worker.objects.update(state="stopped")
    data = cli("job:explain", pending.pk, "-f", "json").json
    assert [one["kind"] for one in data["waiting_for"]] == ["time", "runtemplate", "company", "executor"]
    assert data["history"][0]["to"] == "pending"
    shown = cli("job:explain", pending.pk).out
    assert f"Job {running.pk} of the same run template" in shown
    assert "next try" in shown
    assert "one runs it" in cli("job:explain", running.pk).out


@pytest.fixture
def binary(pending: Job) -> Artifact:
    data = bytes(range(256)) * 3
    return Artifact.objects.create(job=pending, filename="x.bin", artifact=data, size=len(data), kind="result")


def test_binary_artifacts_are_base64_and_saved_as_they_are(cli: Cli, binary: Artifact, tmp_path: Path) -> None:
    record = cli("artifact:get", binary.pk, "-f", "json").json
    assert (record["encoding"], record["size"]) == ("base64", 768)
    target = tmp_path / "new" / "dir" / "x"
    saved = cli("artifact:get", binary.pk, "--output", target, "-f", "json").json
    assert (saved["saved"], saved["size"], saved["original_filename"]) == (True, 768, "x.bin")
    assert target.read_bytes() == bytes(binary.artifact or b"")
    assert cli("artifact:save", binary.pk, "--file", "/proc/none/x", "-f", "json").json["code"] == "file_unwritable"
    assert cli("artifact:save", binary.pk).code == 2


def test_empty_and_chunked_artifacts_are_saved(cli: Cli, pending: Job, tmp_path: Path) -> None:
    empty = Artifact.objects.create(job=pending, filename="e", artifact=b"", size=0)
    large = Artifact.objects.create(job=pending, filename="l", storage="chunks", size=1024 * 1024 + 3)
    ArtifactChunk.objects.create(artifact=large, seq=0, data=b"a" * 1024 * 1024)
    ArtifactChunk.objects.create(artifact=large, seq=1, data=b"xyz")
    for artifact, content in ((empty, b""), (large, b"a" * 1024 * 1024 + b"xyz")):
        assert cli("artifact:save", artifact.pk, "--file", tmp_path / "f").code == 0
        assert (tmp_path / "f").read_bytes() == content


def test_lists_leave_large_contents_out(cli: Cli, binary: Artifact) -> None:
    assert "artifact" in cli("artifact:list", "--job", binary.job_id, "-f", "json").json[0]
    Artifact.objects.update(size=65 * 1024)
    assert "artifact" not in cli("artifact:list", "-f", "json").json[0]
    assert "artifact" in cli("artifact:list", "-f", "json", "--fields", "id,artifact").json[0]
    assert "artifact" not in cli("artifact:show", binary.pk, "-f", "json").json
    assert cli("artifact:list", "--job_id", 999, "-f", "json").json == []


def test_an_artifact_is_deleted(cli: Cli, binary: Artifact) -> None:
    assert cli("artifact:delete", binary.pk, "-f", "json").json == {"deleted": True, "artifact_id": binary.pk}
    assert not Artifact.objects.exists()


def test_text_of_a_list_never_shows_output(cli: Cli, pending: Job) -> None:
    lines = cli("job:list").out.splitlines()
    assert lines[0].split()[:3] == ["id", "status", "exitcode"]
    assert len(lines) == 2


def test_a_job_of_a_run_template_that_is_gone(cli: Cli, pending: Job) -> None:
    Job.objects.update(runtemplate=None, status="failed", exitcode=1, end=datetime.now(UTC))
    QueueEntry.objects.update(runtemplate=None)
    assert cli("job:retry", pending.pk, "-f", "json").json["code"] == "runtemplate_gone"
    row: Any = cli("queue:list", "-f", "json").json[0]
    assert (row["runtemplate_id"], row["runtemplate_name"]) == (None, "")
