"""The page of health, the settings in effect, and completion."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from multiflexi.models import AuditUnsealed, Company, Credential, CredentialType, QueueEntry, RunTemplate, User, Worker
from multiflexi.record.actor import Actor
from multiflexi.services import run_template_run
from multiflexi.services.doctor import GROUPS
from multiflexi.vault import keyring
from tests.integration.cli.conftest import Cli
from tests.redis_server import names_of_our_own

pytestmark = pytest.mark.django_db


def _page(cli: Cli, *words: str) -> dict[str, Any]:
    done = cli("doctor", "-f", "json", *words)
    page: dict[str, Any] = done.json
    assert done.code == (1 if page["status"] == "error" else 0)
    return page


def _found(page: dict[str, Any], group: str) -> dict[str, Any]:
    """The worst finding of a group."""
    order = ["skipped", "ok", "warning", "error"]
    return max((one for one in page["checks"] if one["group"] == group), key=lambda one: order.index(one["state"]))


def _alive(role: str, **values: Any) -> Worker:
    return Worker.objects.create(role=role, name="here", host="here", boot_id="b", state="running", **values)


def test_every_group_is_on_the_page_and_each_fault_has_a_way_out(cli: Cli) -> None:
    page = _page(cli)
    assert {one["group"] for one in page["checks"]} == set(GROUPS)
    assert all(one["hint"] for one in page["checks"] if one["state"] in ("warning", "error"))


def test_people_read_their_language_and_programs_english(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "cs_CZ.UTF-8")
    told = _found(_page(cli, "--only", "daemons"), "daemons")["message"]
    page = cli("doctor", "--only", "daemons").out
    assert "scheduler" in page
    assert told not in page


def test_the_server_that_sends_mail(cli: Cli, settings: Any) -> None:
    settings.MULTIFLEXI_MAIL_URL = None
    assert _found(_page(cli, "--only", "mail"), "mail")["state"] == "skipped"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.MULTIFLEXI_MAIL_URL = f"smtp://jana:pa55word@127.0.0.1:{server.getsockname()[1]}"
        assert _found(_page(cli, "--only", "mail"), "mail")["state"] == "ok"
    for unusable, state in (("smtp://jana:pa55word@127.0.0.1:1", "warning"), ("jana:pa55word@localhost", "error")):
        settings.MULTIFLEXI_MAIL_URL = unusable
        found = _found(_page(cli, "--only", "mail"), "mail")
        assert (found["state"], bool(found["hint"])) == (state, True)
        assert "pa55word" not in found["message"]


def test_the_server_that_counts_requests(cli: Cli, settings: Any) -> None:
    assert _found(_page(cli, "--only", "cache"), "cache")["state"] == "skipped"
    settings.CACHE_URL = "redis://:pa55word@127.0.0.1:1/0"
    found = _found(_page(cli, "--only", "cache"), "cache")
    assert (found["state"], bool(found["hint"])) == ("error", True)
    assert "pa55word" not in found["message"]
    settings.CACHE_URL = "redis://127.0.0.1:many/0"
    assert _found(_page(cli, "--only", "cache"), "cache")["state"] == "error"
    with names_of_our_own() as address:
        settings.CACHE_URL = address
        assert _found(_page(cli, "--only", "cache"), "cache")["message"].startswith("Redis ")


def test_daemons_that_do_not_live_are_an_error(cli: Cli) -> None:
    page = _page(cli, "--only", "daemons")
    assert [(one["name"], one["state"]) for one in page["checks"]] == [("scheduler", "error"), ("executor", "error")]
    from multiflexi import __version__

    _alive("scheduler", version=__version__)
    _alive("executor", version="0.1")
    page = _page(cli, "--only", "daemons")
    assert page["status"] == "warning"
    assert "0.1" in _found(page, "daemons")["message"]


def test_a_job_that_waits_too_long_is_told_with_the_reason(cli: Cli, template: RunTemplate, root: User) -> None:
    run_template_run.schedule(Actor(user_id=root.pk), template)
    assert _found(_page(cli, "--only", "queue"), "queue")["state"] == "ok"
    QueueEntry.objects.update(after=timezone.now() - timedelta(minutes=10))
    found = _found(_page(cli, "--only", "queue"), "queue")
    assert (found["name"], found["hint"]) == ("waiting", "No executor is alive; start multiflexi-executor.")


def test_a_due_run_template_that_nobody_looks_at_is_told(cli: Cli, template: RunTemplate) -> None:
    RunTemplate.objects.update(next_schedule=timezone.now() - timedelta(minutes=10))
    assert "No scheduler is alive" in _found(_page(cli, "--only", "queue"), "queue")["hint"]


def test_an_unsealed_trail_is_told(cli: Cli, template: RunTemplate) -> None:
    assert _found(_page(cli, "--only", "audit"), "audit")["state"] == "ok"
    AuditUnsealed.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert "not sealed" in _found(_page(cli, "--only", "audit"), "audit")["message"]


def test_a_wrong_master_key_is_an_error(cli: Cli, settings: Any) -> None:
    settings.ENCRYPTION_MASTER_KEY = "quite another key, and long enough for it"
    keyring.forget()
    assert _found(_page(cli, "--only", "encryption"), "encryption")["state"] == "error"


def test_a_credential_that_cannot_be_used_is_named(cli: Cli, acme: Company) -> None:
    kind = CredentialType.objects.create(name="Bank", company=acme, prototype="FioBank")
    Credential.objects.create(
        name="Account",
        company=acme,
        credential_type=kind,
        availability="misconfigured",
        availability_message="no token",
    )
    found = _found(_page(cli, "--only", "credentials"), "credentials")
    assert found["name"] == "credential Account of ACME"
    assert "no token" in found["message"]


def test_companies_that_share_native_jobs_are_warned_of(cli: Cli, template: RunTemplate, globex: Company) -> None:
    assert _found(_page(cli, "--only", "isolation"), "isolation")["state"] == "ok"
    RunTemplate.objects.create(name="Other", app=template.app, company=globex)
    assert _found(_page(cli, "--only", "isolation"), "isolation")["state"] == "warning"


def test_directories_without_room_or_open_to_others_are_told(cli: Cli, settings: Any, tmp_path: Path) -> None:
    settings.MULTIFLEXI_TMP = tmp_path / "file"
    settings.MULTIFLEXI_TMP.write_text("x", encoding="utf-8")
    settings.MULTIFLEXI_SPOOL = tmp_path / "spool"
    settings.MULTIFLEXI_SPOOL.mkdir(mode=0o755)
    page = _page(cli, "--only", "storage")
    states = {one["name"]: one["state"] for one in page["checks"]}
    assert (states["MULTIFLEXI_TMP"], states["MULTIFLEXI_SPOOL"]) == ("error", "warning")
    settings.MULTIFLEXI_MIN_FREE_MB = 10**9
    assert "MULTIFLEXI_MIN_FREE_MB" in str(_page(cli, "--only", "storage")["checks"])


def test_a_service_that_does_not_answer_is_told_in_time(cli: Cli, settings: Any) -> None:
    settings.ZABBIX_SERVER = ["127.0.0.1:1"]
    assert "does not answer" in _found(_page(cli, "--only", "zabbix", "--timeout", "1"), "zabbix")["message"]


def test_an_unknown_group_is_wrong_use(cli: Cli) -> None:
    assert cli("doctor", "--only", "everything").code == 2


def test_the_text_names_the_way_out(cli: Cli) -> None:
    out = cli("doctor", "--only", "daemons").out
    assert "FAIL  daemons: executor: none shows signs of life\n      -> systemctl start multiflexi-executor" in out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["job:li"], ["job:list"]),
        (["job", "li"], ["list"]),
        (["runtemplate", "prev"], ["preview"]),
        (["job:list", "--st"], ["--status"]),
        (["job:list", "--status", "run"], ["running"]),
        (["job:list", "--status=run"], ["--status=running"]),
        (["company:get", "ac"], ["acme"]),
        (["run-template:list", "--company", "ac"], ["acme"]),
        (["company:list", "--format", "nd"], ["ndjson"]),
        (["run-template:create", "--interv", "da"], ["daily"]),
        (["doctor", "--only", "mig"], ["migrations"]),
        (["completion", "z"], ["zsh"]),
        (["nonsense:get", "x"], []),
        (["company:get", "no such company"], []),
    ],
)
def test_words_are_completed(
    cli: Cli, acme: Company, monkeypatch: pytest.MonkeyPatch, words: list[str], offered: list[str]
) -> None:
    from multiflexi.cli import completing

    class Now:
        """Asks in this thread, which has the test's transaction."""

        def __init__(self, target: Any, daemon: bool) -> None:
            self.start = target

        def join(self, seconds: float) -> None:
            pass

    monkeypatch.setattr(completing.threading, "Thread", Now)
    given = [f"--input={word}" for word in ["multiflexi-cli", *words]]
    done = cli("_complete", "--shell", "fish", "--current", len(words), *given)
    assert (done.code, done.err) == (0, "")
    assert [line.partition("\t")[0] for line in done.out.splitlines()] == offered


def _broken(tmp_path: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "MULTIFLEXI_ENV_FILE": os.devnull, "ENCRYPTION_MASTER_KEY": "k" * 40}
    return subprocess.run(
        [sys.executable, "-m", "multiflexi.cli.main", *words],
        env=plain | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_broken_installation_is_told_without_a_traceback(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    for settings, told in (
        ({}, "DB_CONNECTION: a required setting is missing"),
        ({"DB_CONNECTION": "sqlite", "DB_DATABASE": str(tmp_path / "none")}, "the database cannot be used"),
        ({"DB_CONNECTION": "sqlite", "DB_DATABASE": str(empty)}, "run multiflexi-cli setup"),
    ):
        done = _broken(tmp_path, "doctor", "--only", "config,queue", **settings)
        assert done.returncode == 1
        assert told in done.stdout
        assert "not looked at" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


def test_a_file_that_is_no_database_is_told_what_can_be_done_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("neither tables nor rows\n" * 50, encoding="utf-8")
    done = _broken(tmp_path, "doctor", "--only", "database", DB_CONNECTION="sqlite", DB_DATABASE=str(tmp_path / "junk"))
    assert "file is not a database" in done.stdout
    assert "correct DB_DATABASE, or put a backup in the place of the file" in done.stdout


def test_the_settings_in_effect_are_shown_without_a_database(tmp_path: Path) -> None:
    file = tmp_path / "multiflexi.env"
    file.write_text("DB_CONNECTION=pgsql\nMULTIFLEXI_POLL=never\n", encoding="utf-8")
    done = _broken(tmp_path, "config:check", "-f", "json", MULTIFLEXI_ENV_FILE=str(file), DB_PASSWORD="hush-hush")
    rows = {row["key"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "hush-hush" not in done.stdout
    assert rows["DB_CONNECTION"]["source"] == f"{file}:1"
    assert not rows["MULTIFLEXI_POLL"]["ok"] and not rows["DB_HOST"]["ok"]
    assert _broken(tmp_path, "config:check", "--key", "NO_SUCH_SETTING").returncode == 2


FAULTS: dict[str, tuple[dict[str, str], str, str]] = {
    "nothing is set": ({"DB_CONNECTION": ""}, "DB_CONNECTION", "set it in the settings file"),
    "no server": ({"DB_CONNECTION": "pgsql", "DB_HOST": ""}, "DB_HOST", "set it in the settings file"),
    "another kind of database": ({"DB_CONNECTION": "oracle"}, "DB_CONNECTION", "correct it or remove the setting"),
    "no number": ({"MULTIFLEXI_POLL": "never"}, "MULTIFLEXI_POLL", "correct it or remove the setting"),
    "no time zone": ({"MULTIFLEXI_TIMEZONE": "Mars/Olympus"}, "MULTIFLEXI_TIMEZONE", "such as Europe/Prague"),
    "a misspelt name": ({"MULTIFLEXI_POL": "1"}, "MULTIFLEXI_POL", "did you mean MULTIFLEXI_POLL?"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_in_the_settings_is_named_with_its_way_out(tmp_path: Path, fault: str) -> None:
    changed, key, way_out = FAULTS[fault]
    settings = {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(tmp_path / "mf.sqlite3"), **changed}
    done = _broken(tmp_path, "config:check", **settings)
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"{key}="))
    assert way_out in line
    is_error = "error:" in line
    assert (done.returncode, key in done.stderr) == (int(is_error), is_error)
    page = _broken(tmp_path, "doctor", "--only", "config", **settings).stdout
    found = page.splitlines()
    at = next(number for number, one in enumerate(found) if one.startswith(("FAIL", "warn")) and key in one)
    assert found[at + 1].strip().startswith("->")
