"""What providers answer at a launch reaches the job and nothing else; which job used which credential is kept."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from multiflexi.credentials.contract import CannotResolve, Result, Value
from multiflexi.jobs import uses
from multiflexi.jobs.queue import backend
from multiflexi.models import (
    Credential,
    CredentialUse,
    CredentialValue,
    Job,
    JobHistory,
    QueueEntry,
)
from multiflexi.services import job_removal
from multiflexi.vault import envelope
from tests.crash.live import until
from tests.integration.credentials.conftest import provider  # noqa: F401
from tests.integration.runner.conftest import Make
from tests.integration.runner.gates import A, S, admit, bank, credential, fresh, know, queue, run, template  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]

SECRET = "correct horse battery"


class TestAnswersAtLaunch:
    def test_reach_the_job_and_nothing_else(self, credential, provider, template, make: Make, tmp_path: Path):
        provider.answers = {"DOOR_CODE": Value(SECRET, secret=True), "DOOR": Value("north", secret=False)}
        seen, go = tmp_path / "seen", tmp_path / "go"
        script = f'echo "$DOOR $DOOR_CODE" | tee {seen}; while [ ! -e {go} ]; do sleep 0.02; done'
        (job,) = queue(template(script, credential))
        cycle = make(1)
        run(cycle, lambda: fresh(job).status == S.RUNNING, "the start of the job")
        sealed = fresh(job).env
        assert envelope.is_sealed(sealed["DOOR_CODE"])
        assert sealed["DOOR"] == "north"
        go.touch()
        run(cycle, lambda: fresh(job).status == S.SUCCESS, "the end of the job")
        assert seen.read_text() == f"north {SECRET}\n"
        found = fresh(job)
        assert found.env["DOOR_CODE"] is None, "blanked at the end"
        assert found.env_meta["DOOR_CODE"]["source"] == f"credential:{credential.pk}"
        assert SECRET not in found.stdout
        assert set(CredentialValue.objects.values_list("name", flat=True)) == {"LOGIN"}
        assert SECRET not in str(list(Credential.objects.values()) + list(JobHistory.objects.values()))

    def test_are_asked_for_at_every_launch(self, credential, provider, template, make: Make):
        know(credential, A.AVAILABLE)
        which, cycle = template("exit 0", credential), make(1)
        for number in (1, 2):
            (job,) = queue(which)
            cycle.lookout.look_now()
            run(cycle, lambda job=job: fresh(job).status == S.SUCCESS, "the end of the job")
            assert len(provider.resolved) == number
        assert provider.checked == []

    @pytest.mark.parametrize(
        ("said", "state", "end"),
        [
            (A.UNAVAILABLE, A.UNAVAILABLE, (S.PENDING, 1)),
            (A.UNKNOWN, A.UNAVAILABLE, (S.PENDING, 1)),
            (A.MISCONFIGURED, A.MISCONFIGURED, (S.BLOCKED, None)),
        ],
    )
    @pytest.mark.parametrize("was_known", [False, True])
    def test_that_cannot_be_had_defer_or_block(
        self, credential, provider, template, make: Make, said, state, end, was_known
    ):
        if was_known:
            know(credential, A.AVAILABLE)
        provider.answers = CannotResolve(Result(said, "the vault is sealed"))
        (job,) = queue(template("exit 0", credential))

        def outcome() -> tuple[str, int | None]:
            row = QueueEntry.objects.filter(job=job).first()
            return fresh(job).status, row.deferrals if row else None

        run(make(1), lambda: outcome() == end, "the outcome")
        assert Credential.objects.get(pk=credential.pk).availability == state

    def test_of_an_older_version_are_not_used(self, credential, provider, template, make: Make, tmp_path):
        """Somebody changes the credential while its provider is asked, and somebody else has it checked already."""
        provider.answers = {"LOGIN": Value("of the old account", False)}
        provider.open.clear()
        (job,) = queue(template(f"echo $LOGIN > {tmp_path}/login", credential))
        cycle = make(1)
        run(cycle, lambda: provider.checked, "the beginning of the check")
        Credential.objects.update(version=credential.version + 1)
        know(credential, A.AVAILABLE)
        provider.open.set()
        until(lambda: provider.resolved, "the answer")
        provider.answers = {"LOGIN": Value("of the new account", False)}
        run(cycle, lambda: fresh(job).status == S.SUCCESS, "its end")
        assert (tmp_path / "login").read_text() == "of the new account\n"

    def test_a_fixed_value_of_the_type_counts_more(self, bank, credential, provider, template, make: Make, tmp_path):
        bank.type_value("DOOR", "fixed", "fixed")
        provider.answers = {"DOOR": Value("answered", secret=False), "LOGIN": Value("fresher", secret=False)}
        seen = tmp_path / "seen"
        (job,) = queue(template(f'echo "$DOOR $LOGIN" > {seen}', credential))
        run(make(1), lambda: fresh(job).status == S.SUCCESS, "the end of the job")
        assert seen.read_text() == "fixed fresher\n"


class TestTheUseLog:
    def test_tells_job_credential_version_and_time(self, bank, credential, template, make: Make):
        unused = bank.credential("Overridden", LOGIN="loses")
        (job,) = queue(template("exit 0", unused, credential))
        run(make(1), lambda: fresh(job).status == S.SUCCESS, "the end of the job")
        (use,) = CredentialUse.objects.all()
        assert (use.job_id, use.credential_id, use.version) == (job.pk, credential.pk, credential.version)
        assert use.at == fresh(job).begin
        assert Credential.objects.get(pk=credential.pk).last_used_at == fresh(job).begin
        assert Credential.objects.get(pk=unused.pk).last_used_at is None

    def test_has_no_entry_for_a_job_that_did_not_start(self, credential, template):
        know(credential, A.MISCONFIGURED)
        (job,) = queue(template("exit 0", credential))
        admit(job)
        assert not CredentialUse.objects.exists()

    def test_outlives_the_credential(self, credential, template, make: Make):
        which, number = template("exit 0", credential), credential.pk
        (job,) = queue(which)
        run(make(1), lambda: fresh(job).status == S.SUCCESS, "the end of the job")
        which.assigned_credentials.all().delete()
        credential.delete()
        assert CredentialUse.objects.filter(credential_id=number, job=job).exists()

    def test_goes_with_the_job(self, credential, template, make: Make):
        (job,) = queue(template("exit 0", credential))
        run(make(1), lambda: fresh(job).status == S.SUCCESS, "the end of the job")
        assert job_removal.remove(Job.objects.filter(pk=job.pk))["jobs"] == 1
        connection.check_constraints()
        assert not CredentialUse.objects.exists()

    def test_is_written_for_many_jobs_as_for_few(self, credential, template):
        meta = {"LOGIN": {"source": f"credential:{credential.pk}", "version": 3}}

        def cost(number):
            jobs, now = queue(template("exit 0", credential), number), backend().now()
            with CaptureQueriesContext(connection) as found:
                uses.record([(job.pk, meta) for job in jobs], now)
            return len(found)

        cost(1)
        assert cost(1) == cost(40) == 1
