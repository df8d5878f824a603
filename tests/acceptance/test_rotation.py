"""Keys change while jobs run: no job fails, nothing is lost by a kill, the old key can go."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from multiflexi.models import (
    Application,
    Company,
    Credential,
    CredentialType,
    CredentialValue,
    EncryptionKey,
    Job,
    JobStatus,
    RunTemplate,
    Worker,
)
from multiflexi.vault import envelope, keyring, sweep
from tests.crash.live import ROOT, Live, ended, running, until

SECRET = "hunter2-number-{}"
FIRST_ID = 1_000_000
# Fails unless a sealed value of the credential and a sealed override arrive.
CHECK = f'[ "$TOKEN_0" = "{SECRET.format(0)}" ] && [ "$GIVEN_TOKEN" = once-only-7 ]'
GIVEN = {"GIVEN_TOKEN": "once-only-7"}
WAIT = 'while [ ! -e "{flag}" ]; do sleep 0.05; done'


def credential(company: Company, number: int) -> Credential:
    """A credential with so many sealed values."""
    kind = CredentialType.objects.create(name=f"Bank {number}", company=company)
    owner = Credential.objects.create(name="Main", company=company, credential_type=kind)
    rows = [_value(owner, FIRST_ID + 100_000 * owner.pk + one, one) for one in range(number)]
    CredentialValue.objects.bulk_create(rows, 500)
    return owner


def _value(owner: Credential, number: int, count: int) -> CredentialValue:
    text = envelope.seal(
        SECRET.format(count),
        key="credentials",
        table="credata",
        field="value",
        record=number,
        company_id=owner.company_id,
    )
    return CredentialValue(
        pk=number,
        credential=owner,
        name=f"TOKEN_{count}",
        value=text,
        is_encrypted=True,
        key_id=envelope.key_id_of(text),
    )


def start_rotation(live: Live, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "multiflexi.cli.main", "encryption:rotate", "--no-wait", "-f", "json", *words],
        cwd=ROOT,
        env=live.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    found: dict[str, Any] = json.loads(out)
    return found


def age() -> None:
    """Let the minute pass in which a transaction may still write with a replaced key."""
    EncryptionKey.objects.filter(is_active=False).update(rotated_at=timezone.now() - timedelta(hours=1))


def current_id() -> int:
    return EncryptionKey.objects.values_list("pk", flat=True).get(key_name="credentials", is_active=True)


def template(live: Live, app: Application, company: Company, owner: Credential, **fields: Any) -> RunTemplate:
    made = live.template(app, company, **fields)
    made.assigned_credentials.create(credential=owner)
    return made


def waiting(jobs: list[int]) -> int:
    return Job.objects.filter(pk__in=jobs, status=JobStatus.PENDING).count()


def await_new_key(live: Live, company: Company, owner: Credential, root: Path) -> None:
    """Wait until the executor seals with the newest key."""

    def sealed_with() -> int | None:
        flag = root / f"flag-{Job.objects.count()}"
        job_id = live.job(template(live, live.app(WAIT.format(flag=flag)), company, owner))
        env = running(job_id).env or {}
        flag.touch()
        assert ended(job_id).status == JobStatus.SUCCESS
        return envelope.key_id_of(env["TOKEN_0"])

    until(lambda: sealed_with() == current_id(), "a job whose values are sealed with the new key")


@pytest.mark.slow
def test_ten_thousand_values_move_while_jobs_run(live: Live, acme: Company, tmp_path: Path) -> None:
    credential(acme, 10_000)
    owner, old = credential(acme, 1), current_id()
    runs = template(live, live.app(CHECK), acme, owner)
    flag = tmp_path / "go"
    # Its secret override was read before, and is needed again for the retry, when the key is gone.
    twice = live.app(f'{WAIT.format(flag=flag)}; {CHECK} && [ "$MULTIFLEXI_ATTEMPT" = 2 ]')
    survivor = template(live, twice, acme, owner, max_retries=1, retry_delay=0)
    first = live.job(survivor, overrides=GIVEN)
    live.executor()
    running(first)
    jobs = [live.job(runs, overrides=GIVEN) for _ in range(20)]
    rotation = start_rotation(live)
    while rotation.poll() is None:
        if waiting(jobs) < 20:
            jobs.append(live.job(runs, overrides=GIVEN))
    data = result(rotation)
    assert {key["key_name"]: key["failed"] for key in data["keys"]}["credentials"] == 0
    assert CredentialValue.objects.filter(key_id=current_id()).count() == 10_001

    await_new_key(live, acme, owner, tmp_path)
    age()
    again = result(start_rotation(live))
    assert again["resumed"] is True
    assert {key["key_name"]: key["retired"] for key in again["keys"]}["credentials"] == [1]
    assert not EncryptionKey.objects.filter(pk=old).exists()

    flag.touch()
    jobs += [live.job(runs, overrides=GIVEN) for _ in range(5)]
    ended(*jobs)
    assert set(Job.objects.filter(pk__in=jobs).values_list("status", flat=True)) == {JobStatus.SUCCESS}
    retry = until(lambda: Job.objects.filter(retry_of=first).first(), "the retry")
    assert ended(retry.pk).status == JobStatus.SUCCESS
    keyring.forget()
    found = sweep.verify()
    assert (found.unreadable, found.checked) == ([], 10_001)


def test_a_killed_rotation_goes_on(live: Live, acme: Company) -> None:
    owner = credential(acme, 1500)
    old = current_id()
    rotation = start_rotation(live, "--key", "credentials", "--batch-size", "20")
    moved = CredentialValue.objects.exclude(key_id=old)
    until(lambda: moved.count() >= 100 or rotation.poll() is not None, "the first batches")
    rotation.send_signal(signal.SIGKILL)
    rotation.communicate()
    assert 100 <= moved.count() < 1500
    keyring.forget()
    assert sweep.verify().unreadable == []

    data = result(start_rotation(live, "--key", "credentials"))
    assert data["resumed"] is True
    (key,) = data["keys"]
    assert (key["new_version"], key["values"], key["failed"]) == (2, 1500, 0)
    keyring.forget()
    rows = owner.values.order_by("pk")
    plain = {envelope.open_sealed(row.value or "", table="credata", field="value", record=row.pk) for row in rows}
    assert plain == {SECRET.format(number) for number in range(1500)}
    assert set(rows.values_list("key_id", flat=True)) == {current_id()}


@pytest.mark.parametrize("key", ["another secret of forty characters at all", ""], ids=["wrong", "missing"])
def test_without_the_right_master_key_no_job_is_touched(live: Live, acme: Company, key: str) -> None:
    job_id = live.job(template(live, live.app(CHECK), acme, credential(acme, 1)), overrides=GIVEN)
    lame = live.executor(ENCRYPTION_MASTER_KEY=key)
    until(lambda: Worker.objects.filter(not_claiming_reason__startswith="master key").exists(), "the reason")
    assert Job.objects.get(pk=job_id).status == JobStatus.PENDING
    assert "Traceback" not in lame.log
    lame.stop()
    live.executor("two")
    assert ended(job_id).status == JobStatus.SUCCESS


def test_jobs_run_while_the_master_key_changes(live: Live, acme: Company) -> None:
    runs = template(live, live.app(CHECK), acme, credential(acme, 1))
    change = {
        "ENCRYPTION_MASTER_KEY": "another secret of forty characters at all",
        "ENCRYPTION_MASTER_KEY_PREVIOUS": live.environment["ENCRYPTION_MASTER_KEY"],
    }
    live.executor("old")
    assert ended(live.job(runs, overrides=GIVEN)).status == JobStatus.SUCCESS
    live.executor("new", **change)
    live.environment |= change
    assert result(start_rotation(live, "--master"))["master_rotated"] is True
    jobs = [live.job(runs, overrides=GIVEN) for _ in range(12)]
    ended(*jobs)
    assert set(Job.objects.filter(pk__in=jobs).values_list("status", flat=True)) == {JobStatus.SUCCESS}
