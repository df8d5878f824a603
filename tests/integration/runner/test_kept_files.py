"""A certificate and the count of the bank's requests, from run to run, with real processes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from multiflexi.jobs.queue import backend
from multiflexi.models import Company, Credential, CredentialPrototype, Job, JobStatus, KeptFile, Overlap, RunTemplate
from multiflexi.runner import kept_files
from multiflexi.services import credential, credential_type, prototype_sync
from multiflexi.services.credential_assignment import assign
from multiflexi.services.credential_uploads import Upload
from tests.crash.live import application, until
from tests.integration.jobs import builders
from tests.integration.runner.conftest import Make
from tests.integration.services.bank import SHELL
from tests.unit.credentials.standin import certified

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]

CLIENT, PASSWORD = "FbboLD2r1WHDRcuKS4wWUbSRHx", "hunter2-of-the-certificate"
# Counts one request less than before, as the bank's library does, under the name of the client.
COUNT = """
[ "$(stat -c %a "$CERT_FILE")" = 600 ] && head -c 4 "$CERT_FILE" >/dev/null || exit 9
left=$(sed -n 's/.*"remaining": \\([0-9]*\\).*/\\1/p' "$RBAPI_RATE_LIMIT_JSON_FILE" 2>/dev/null)
left=$((${left:-10} - 1))
echo "left $left"
printf '{"%s": {"day": {"remaining": %d, "timestamp": %d}}}' "$XIBMCLIENTID" $left $(date +%s) \
  > "$RBAPI_RATE_LIMIT_JSON_FILE"
exit ${CODE:-0}
"""


def certificate() -> Upload:
    now = datetime.now(UTC)
    found, key = certified("ACME", now - timedelta(days=1), now + timedelta(days=90))
    data = pkcs12.serialize_key_and_certificates(b"rb", key, found, None, BestAvailableEncryption(PASSWORD.encode()))
    return Upload("rb.p12", data)


def bank(company: Company, account: str, client: str = CLIENT) -> Credential:
    prototype = CredentialPrototype.objects.get(code="RaiffeisenBank")
    kind = credential_type.create(SHELL, company=company, prototype=prototype, name=f"RB {account}")
    values = {"ACCOUNT_NUMBER": account, "CERT_PASS": PASSWORD, "XIBMCLIENTID": client}
    return credential.create(
        SHELL, company=company, kind=kind, name=account, values=values, uploads={"CERT_FILE": certificate()}
    )


@pytest.fixture(autouse=True)
def prototypes(ring: None) -> None:
    prototype_sync.sync(SHELL)


@pytest.fixture
def run(make: Make, tmp_path: Path) -> Any:
    cycle = make(1)

    def run(owner: Credential, script: str = COUNT) -> Job:
        template: RunTemplate = builders.template(owner.company, application(tmp_path, script), overlap=Overlap.ALLOW)
        assign(SHELL, template, owner)
        (job,) = builders.queue(template, after=backend().now() - timedelta(seconds=1), number=1)

        def ended() -> Job | None:
            cycle.run_once()
            found = Job.objects.get(pk=job.pk)
            return found if JobStatus(found.status).is_final else None

        found: Job = until(ended, "the end of the job")
        return found

    return run


def test_runs_with_one_client_count_together(run: Any, acme: Company, globex: Company, settings: Any) -> None:
    first, second = bank(acme, "111"), bank(acme, "222")
    assert [run(one).stdout.strip() for one in (first, second, first)] == ["left 9", "left 8", "left 7"]
    assert run(bank(acme, "333", "another-client-of-acme")).stdout.strip() == "left 9"
    # Another company with the same client, if that can be, sees and changes nothing of it.
    assert run(bank(globex, "111")).stdout.strip() == "left 9"
    assert KeptFile.objects.count() == 3
    assert CLIENT not in str(list(KeptFile.objects.values()))
    until(lambda: not list(Path(settings.MULTIFLEXI_TMP).glob("job-*/inputs")), "the removal of all files")
    first.refresh_from_db()
    end = first.values.get(name="CERT_FILE").expires_at
    assert (first.availability, end is not None) == ("available", True)


def test_a_job_that_fails_has_counted_too(run: Any, acme: Company, settings: Any) -> None:
    settings.MULTIFLEXI_KEEP_FAILED_DIRS = 1
    owner = bank(acme, "111")
    assert run(owner, COUNT.replace("${CODE:-0}", "3")).status == JobStatus.FAILED
    assert run(owner).stdout.strip() == "left 8"
    until(lambda: not list(Path(settings.MULTIFLEXI_TMP).glob("job-*/inputs")), "the removal of all files")


@pytest.mark.parametrize(
    "script",
    [
        'echo nonsense > "$RBAPI_RATE_LIMIT_JSON_FILE"',
        'echo "[1]" > "$RBAPI_RATE_LIMIT_JSON_FILE"',
        'head -c 100000 /dev/zero > "$RBAPI_RATE_LIMIT_JSON_FILE"',
        'head -c 60000 /dev/zero | tr "\\0" "[" > "$RBAPI_RATE_LIMIT_JSON_FILE"',
        'rm -f "$RBAPI_RATE_LIMIT_JSON_FILE"; ln -s /etc/hostname "$RBAPI_RATE_LIMIT_JSON_FILE"',
        'rm -rf "$MULTIFLEXI_TMP/inputs"; ln -s /etc "$MULTIFLEXI_TMP/inputs"',
        'rm -f "$RBAPI_RATE_LIMIT_JSON_FILE"; mkfifo "$RBAPI_RATE_LIMIT_JSON_FILE"',
    ],
)
def test_what_is_no_count_is_not_kept_and_holds_no_job(run: Any, acme: Company, script: str) -> None:
    owner = bank(acme, "111")
    assert run(owner).stdout.strip() == "left 9"
    assert run(owner, script).status == JobStatus.SUCCESS
    assert run(owner).stdout.strip() == "left 8"


def figures(remaining: Any, age: float = 0) -> dict[str, Any]:
    return {"remaining": remaining, "timestamp": int(time.time() - age)}


def test_figures_of_the_future_and_of_long_ago_do_not_count() -> None:
    found = kept_files._checked(
        {
            "a": {"day": figures(1), "old": figures(1, 3 * 86_400), "future": figures(1, -3600), "text": figures("1")},
            "b": {"day": {"remaining": True, "timestamp": int(time.time())}},
            "c": [],
        }
    )
    assert {client: list(windows) for client, windows in found.items()} == {"a": ["day"]}


def test_of_two_jobs_side_by_side_the_smaller_count_stays() -> None:
    now = int(time.time())
    first = {"a": {"day": {"remaining": 5, "timestamp": now}, "second": {"remaining": 1, "timestamp": now - 5}}}
    second = {"a": {"day": {"remaining": 3, "timestamp": now}, "second": {"remaining": 9, "timestamp": now}}}
    expected = {"a": {"day": {"remaining": 3, "timestamp": now}, "second": {"remaining": 9, "timestamp": now}}}
    assert kept_files._merged(first, second) == kept_files._merged(second, first) == expected
    many = {str(number): {"day": {"remaining": 1, "timestamp": now - number}} for number in range(500)}
    kept = kept_files._merged(many, second)
    assert len(kept) <= kept_files.MOST_ENTRIES
    assert json.dumps(kept["a"]) == json.dumps(expected["a"])
