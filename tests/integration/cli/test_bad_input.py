"""Bad input and bad surroundings, with real processes: a document, a readable line and the right code, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from multiflexi.models import Application, Company, RunTemplate

from .conftest import Cli

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = [sys.executable, "-m", "multiflexi.cli.main"]
AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
UNWANTED = ("DB_", "DJANGO_SETTINGS_MODULE", "TEST_DATABASE_URL")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(process_environment: dict[str, str]) -> dict[str, str]:
    return {**process_environment, "PYTHONPATH": str(ROOT)}


def run(
    environment: dict[str, str], *words: str, before: tuple[str, ...] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *PROGRAM, *words], env=environment, capture_output=True, text=True, check=False, timeout=120,
        **{"stdin": subprocess.DEVNULL, **options},
    )  # fmt: skip


@pytest.fixture
def file() -> Iterator[dict[str, str]]:
    """Settings of an installation with an empty embedded database in a directory that others can reach."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        settings = {name: one for name, one in os.environ.items() if not name.startswith(UNWANTED)} | {
            "PYTHONPATH": str(ROOT),
            "MULTIFLEXI_ENV_FILE": os.devnull,
            "DB_CONNECTION": "sqlite",
            "DB_DATABASE": f"{name}/mf.sqlite3",
            "ENCRYPTION_MASTER_KEY": "k" * 40,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        Path(settings["DB_DATABASE"]).touch()
        yield settings


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0 or not which("setpriv"), reason="only root can become somebody else")
def test_missing_rights_on_the_database(file: dict[str, str]) -> None:
    path = Path(file["DB_DATABASE"])
    somebody: dict[str, Any] = {"before": AS_NOBODY, "cwd": "/"}
    if subprocess.run([*AS_NOBODY, sys.executable, "-c", ""], check=False, cwd="/").returncode:
        pytest.skip("others cannot run this interpreter")
    for mode, directory, said in (
        (0o600, 0o755, "call it as that user"),
        (0o644, 0o755, "call it as that user"),
        (0o666, 0o755, "the directory of the database"),
        (0o666, 0o700, "cannot be reached by this account"),
    ):
        path.chmod(mode)
        path.parent.chmod(directory)
        for words in (["company:list"], ["company:create", "--name", "X"]):
            done = run(file, *words, "--format=json", **somebody)
            document = told(done)
            assert (done.returncode, document["code"]) == (1, "database_unavailable")
            assert str(path.parent) in document["message"]
            assert said in document["message"]
    assert run(file, "describe", **somebody).returncode == 0


def test_a_file_that_is_no_database(file: dict[str, str]) -> None:
    path = Path(file["DB_DATABASE"])
    path.write_text("no database" * 1000)
    done = run(file, "company:list", "-f", "json")
    assert (done.returncode, told(done)["code"]) == (1, "database_unavailable")
    path.unlink()
    done = run(file, "company:list", "-f", "json")
    assert (done.returncode, "multiflexi-cli setup" in told(done)["message"]) == (1, True)


@pytest.mark.parametrize("words", [["company:list", "-f", "json"], ["describe"], ["help"], ["nope", "-f", "json"]])
def test_a_reader_that_has_gone(environment: dict[str, str], words: list[str]) -> None:
    for number in range(400):
        Company.objects.create(name=f"Company {number}", slug=f"c{number}")
    process = subprocess.Popen([*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(60) == (2 if words[0] == "nope" else 0)
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert bool(errors) == (words[0] == "nope")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_has_closed(environment: dict[str, str], closed: str) -> None:
    for words, code in (("status -f json", 0), ("company:get nope -f json", 1), ("company:list --nope", 2)):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *PROGRAM, *words.split()],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stderr)
        assert "Traceback" not in done.stderr
        if ">&-" not in closed.replace("2>&-", "") and "json" in words:
            json.loads(done.stdout)


def test_an_interrupt_while_it_waits(environment: dict[str, str]) -> None:
    company = Company.objects.create(name="ACME", slug="acme")
    app = Application.objects.create(code="sh", name="Sh", executable="/bin/true", uuid="3" * 32)
    template = RunTemplate.objects.create(app=app, company=company, name="S", complete=True)
    words = ["job:create", str(template.pk), "--scheduled", "+1 hour", "--wait", "-f", "json", "-vv"]
    process = subprocess.Popen(
        [*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    from multiflexi.models import Job

    _until(Job.objects.exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Interrupted." in err
    assert json.loads(out)["code"] == "interrupted"


def _until(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    import time

    deadline = time.monotonic() + 30
    while not there():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_interrupt_at_a_question(environment: dict[str, str]) -> None:
    """The question stands on standard error before the answer is read."""
    process = subprocess.Popen(
        [*PROGRAM, "queue:truncate"], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    asked = ""
    while "[" not in asked:
        letter = process.stderr.read(1)
        assert letter, asked
        asked += letter
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted." in err
    assert "Traceback" not in err


def test_unreadable_and_wrong_settings(environment: dict[str, str], tmp_path: Path) -> None:
    missing = run(environment, "company:list", "--environment", str(tmp_path / "none.env"), "-f", "json")
    assert (missing.returncode, told(missing)["code"]) == (2, "settings_file_unreadable")
    bare = {name: one for name, one in environment.items() if not name.startswith("DB_")}
    bare["MULTIFLEXI_ENV_FILE"] = os.devnull
    done = run(bare, "company:list", "-f", "json", cwd="/")
    document = told(done)
    assert (done.returncode, document["code"]) == (78, "settings_missing")
    assert "DB_CONNECTION" in document["message"]
    wrong = run({**environment, "MULTIFLEXI_MAX_PARALLEL": "many"}, "company:list", "-f", "json")
    assert (wrong.returncode, told(wrong)["code"]) == (78, "setting_unusable")
    assert "MULTIFLEXI_MAX_PARALLEL" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nope"], 2, "nope"),
        (["company:nope"], 2, "company:get"),
        (["c:list"], 2, "ambiguous"),
        (["company:re", "--nope"], 2, "--nope"),
        (["credential-type:ex"], 2, "--id"),
        (["application:u"], 2, "--id"),
        (["run-template:l"], 2, "run-template:list-credentials"),
        (["company"], 2, "company:list"),
        (["company:get"], 2, "--id"),
        (["company:get", "--id"], 2, "--id"),
        (["company:get", "1", "2"], 2, "--id"),
        (["company:get", "1", "--id=2"], 2, "--id"),
        (["company:list", "--limit=-1"], 2, "-1"),
        (["company:list", "--limit", "x"], 2, "x"),
        (["company:list", "--order=nonsense"], 2, "nonsense"),
        (["job:list", "--status=nonsense"], 2, "nonsense"),
        (["job:list", "--since=someday"], 2, "someday"),
        (["task:list", "--state=nonsense"], 2, "nonsense"),
        (["company:list", "--enabled=perhaps"], 2, "perhaps"),
        (["company:get", "99999999999999999999"], 1, "not found"),
        (["company:get", "-1"], 2, "-1"),
        (["company:get", "0x1"], 1, "not found"),
        (["run-template:create", "--name=X", "--app=1", "--company=1", "--config", "novalue"], 2, "KEY=VALUE"),
        (["prune"], 2, "--logs"),
        (["prune", "--logs", "--keep=x"], 2, "x"),
        (["prune", "--jobs", "--keep=-1"], 2, "-1"),
        (["prune", "--jobs", "--keep="], 2, "--keep"),
        (["telemetry:test"], 1, "OTEL_ENABLED"),
        (["user-erasure:list", "--status=nonsense"], 2, "nonsense"),
        (["user-erasure:create", "--user-id=7", "--deletion-type=all"], 2, "all"),
        (["user-erasure:process", "7"], 1, "not found"),
        (["event-source:create", "--name=X", "--db_port=seven"], 1, "db_port"),
        (["event-source:create", "--name=X", "--dsn=oracle://x"], 2, "--dsn"),
        (["event-source:create", "--name=X", "--dsn=mysql://h:port/d"], 2, "--dsn"),
        (["event-source:create", "--name=X", "--db_connection=oracle"], 1, "db_connection"),
        (["event-rule:create"], 2, "--event_source_id"),
        (["event-rule:create", "--event_source_id=7", "--runtemplate_id=7"], 1, "not found"),
        (["artifact:get"], 2, "--id"),
        (["user-role:set", "--login=x"], 2, "--roles"),
        (["application:validate-json", "--file=/nonexistent"], 1, "/nonexistent"),
        (["application:import-json", "--file=/nonexistent"], 2, "/nonexistent"),
        (["company:list", "\udcff"], 2, "UTF-8"),
        (["job:cleanup", "--days=999999999", "--dry-run"], 2, "too large"),
        (["run-template:stale", "--tolerance-hours=999999999999"], 2, "too large"),
    ],
)
def test_each_mistake_has_a_code_and_a_sentence(cli: Cli, words: list[str], code: int, said: str) -> None:
    for format in ("json", "text"):
        option = f"-F{format}" if words[0].startswith("user-erasure") else f"--format={format}"
        outcome = cli(*words, option)
        assert outcome.code == code, (outcome.out, outcome.err)
        assert said in outcome.err
        assert "Traceback" not in outcome.err
        if format == "json":
            document = outcome.json
            assert {"status", "message", "code", "details"} <= set(document)
        else:
            assert outcome.out == ""


def test_the_password_in_a_dsn_is_not_repeated(cli: Cli) -> None:
    for dsn in ("oracle://u:s3cr3t-word@h/d", "mysql:host=h;nonsense=s3cr3t-word", "mysql://u:s3cr3t-word@h:x/d"):
        outcome = cli("event-source:create", "--name=X", f"--dsn={dsn}", "-f", "json")
        assert outcome.code == 2
        assert "s3cr3t-word" not in outcome.out + outcome.err
