"""The programs beside the command line, called as scripts call them."""

from __future__ import annotations

import grp
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiflexi.cli.programs import admission, former, json2apps, migrator
from multiflexi.jobs.create import create_job
from multiflexi.models import Application, Company, Job, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.services import run_template
from tests.integration.cli.conftest import Cli, Outcome

ROOT = Path(__file__).resolve().parents[3]
UUID = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
DEFINITION = {"name": "Two", "uuid": UUID, "executable": "/bin/true", "environment": {}}
Call = Callable[..., Outcome]


@pytest.fixture
def call(ring: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a program; `stdin` is the text piped in."""

    def run(program: Callable[..., int], *words: object, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capfd.readouterr()
        try:
            code: Any = program([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def definition(path: Path, **members: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(DEFINITION | members))
    return path


class TestAdmission:
    """`multiflexi`: root and members, by the groups of the process."""

    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        calls: list[bool] = []

        def program() -> None:
            calls.append(True)
            raise SystemExit(3)

        monkeypatch.setattr("multiflexi.cli.main.program", program)
        monkeypatch.setattr(admission, "GROUP", grp.getgrgid(0).gr_name)
        monkeypatch.setattr(os, "geteuid", lambda: 65534)
        monkeypatch.setattr(os, "getegid", lambda: 65534)
        monkeypatch.setattr(os, "getgroups", lambda: [65534])
        monkeypatch.delenv("SUDO_USER", raising=False)
        return calls

    @pytest.mark.parametrize(("name", "value"), [("geteuid", 0), ("getegid", 0), ("getgroups", [7, 0])])
    def test_lets_root_and_members_in(
        self, ran: list[bool], name: str, value: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, name, lambda: value)
        with pytest.raises(SystemExit) as end:
            admission.main()
        assert (end.value.code, ran) == (3, [True])

    def test_tells_others_in_two_lines_what_helps(self, ran: list[bool], capfd: pytest.CaptureFixture[str]) -> None:
        assert (admission.main(), ran) == (1, [])
        out, err = capfd.readouterr()
        first, second = err.splitlines()
        assert out == "" and "is not a member of group" in first and "usermod -aG" in second

    def test_tells_that_there_is_no_such_group(
        self, ran: list[bool], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "GROUP", "no-such-group-here")
        assert (admission.main(), ran) == (1, [])
        assert "groupadd" in capfd.readouterr().err

    def test_arguments_reach_the_command_line_whole(self, process_environment: dict[str, str], ring: None) -> None:
        if os.geteuid():
            pytest.skip("only root is let in without a group")
        words = [ROOT / "bin" / "multiflexi", "company:create", "--name", "Two  words $HOME *"]
        done = subprocess.run(words, env=process_environment, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        assert Company.objects.get().name == "Two  words $HOME *"


class TestImportOfAll:
    """`multiflexi-json2apps`."""

    def test_takes_what_packages_have_installed(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(json2apps, "ROOT", tmp_path)
        done = call(json2apps.main)
        assert (done.code, done.out) == (0, "") and "no application definitions" in done.err
        definition(tmp_path / "usr/lib/shop/multiflexi/two.app.json")
        definition(tmp_path / "usr/lib/shop/multiflexi/bank.credprototype.json", name="No application")
        definition(tmp_path / "usr/share/multiflexi/apps/bank/three.app.json", name="Three", uuid=OTHER)
        empty = tmp_path / "usr/lib/shop/multiflexi/later.app.json"
        empty.touch()
        done = call(json2apps.main)
        assert (done.code, done.out) == (0, "Two: created\nThree: created\n"), done.err
        assert f"{empty} is empty and is left out" in done.err
        assert call(json2apps.main).out == "Two: unchanged\nThree: unchanged\n"
        assert sorted(Application.objects.values_list("name", flat=True)) == ["Three", "Two"]

    def test_goes_on_after_a_rejected_one_and_says_so(self, call: Call, tmp_path: Path) -> None:
        (tmp_path / "a.app.json").write_text('{"name":')
        definition(tmp_path / "b b.app.json")
        done = call(json2apps.main, tmp_path)
        assert (done.code, done.out) == (1, "Two: created\n")
        assert f"{tmp_path / 'a.app.json'}: line 1" in done.err
        assert call(json2apps.main, "--keep-going", tmp_path).code == 0

    def test_a_dry_run_stores_nothing(self, call: Call, tmp_path: Path) -> None:
        definition(tmp_path / "-f.app.json")
        done = call(json2apps.main, "--dry-run", tmp_path)
        assert (done.code, Application.objects.count()) == (0, 0), done.err

    def test_a_wrong_call_is_told(self, call: Call, tmp_path: Path) -> None:
        assert call(json2apps.main, tmp_path / "nowhere").code == 2
        assert call(json2apps.main, "--nonsense").code == 2


class TestFormerPrograms:
    def test_export_import_and_removal(self, call: Call, echo: Application, tmp_path: Path) -> None:
        exported = call(former.app2json, echo.pk)
        assert (exported.code, exported.json["uuid"]) == (0, echo.uuid)
        assert exported.err.splitlines()[0].startswith("multiflexi-app2json is deprecated; call instead: ")
        file = tmp_path / "two  words.app.json"
        file.write_text(exported.out)
        echo.delete()
        assert call(former.json2app, file, 7).out == "Echo: created\n"
        assert str(Application.objects.get().uuid) == echo.uuid
        removed = call(former.remover, file)
        assert (removed.code, Application.objects.count()) == (0, 0), removed.err
        again = call(former.remover, file)
        assert again.code == 0 and again.err.count("deprecated") == 1

    def test_what_is_missing_is_refused(self, call: Call, tmp_path: Path) -> None:
        assert call(former.app2json).code == 1
        assert call(former.app2json, 987654321).code == 1
        assert call(former.json2app).code == 2
        assert call(former.json2app, tmp_path / "none").code == 2
        assert call(former.remover, tmp_path / "none").code == 2

    def test_trigger_makes_the_job_of_the_right_company(
        self, call: Call, template: RunTemplate, globex: Company
    ) -> None:
        actor = Actor(user_id=None, origin="cli")
        run_template.create(actor, name=template.name, app=template.app, company=globex, config={"GREETING": "hi"})
        done = call(former.trigger, "--runtemplate", template.name, "--environment", '{"COUNT": 3}')
        assert (done.code, Job.objects.count()) == (1, 0) and "use its id" in done.err
        words = ["--runtemplate", template.name, f"--company={template.company.slug}"]
        done = call(former.trigger, *words, "--environment", '{"COUNT": 3}', "--schedule", "+1 hour")
        job = Job.objects.get()
        assert (done.code, job.runtemplate_id) == (0, template.pk), done.err
        assert str(job.pk) in done.out and job.schedule is not None

    @pytest.mark.parametrize("text", ["s3cret", '["s3cret"]', '{"A": {"B": "s3cret"}}'])
    def test_trigger_shows_no_value_that_it_refuses(self, call: Call, template: RunTemplate, text: str) -> None:
        done = call(former.trigger, "--runtemplate", template.pk, "--environment", text)
        assert done.code == 2 and "--environment" in done.err and "s3cret" not in done.err + done.out

    def test_trigger_of_a_foreign_company_is_refused(self, call: Call, template: RunTemplate, globex: Company) -> None:
        done = call(former.trigger, "--runtemplate", template.pk, "--company", "globex")
        assert (done.code, Job.objects.count()) == (1, 0)
        assert call(former.trigger, "--company", "globex").code == 2

    def test_phinx_is_the_migrator(self, call: Call) -> None:
        for words in (["status"], ["status", "-s", "Roles"]):
            done = call(former.phinx, *words)
            assert (done.code, done.out) == (0, ""), done.err
            assert done.err == "multiflexi-phinx is deprecated; call instead: multiflexi-migrator\n"
        assert call(former.phinx, "rollback").code == 2


class TestMigrator:
    def test_has_nothing_to_do(self, call: Call) -> None:
        assert call(migrator.main, "--check") == Outcome(0, "", "")
        assert call(migrator.main, "--plan") == Outcome(0, "", "")

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> dict[str, str]:
        """The environment of an embedded database that does not exist yet."""
        settings = tmp_path / "multiflexi.env"
        settings.write_text(f"# mine\nDB_CONNECTION=pgsql\nENCRYPTION_MASTER_KEY={'k' * 40}\n")
        (tmp_path / "database.env").write_text("DB_CONNECTION=sqlite\nDB_DATABASE=new.sqlite3\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DB_")}
        return kept | {"MULTIFLEXI_ENV_FILE": str(settings), "DJANGO_SETTINGS_MODULE": "multiflexi.settings"}

    def run(self, name: str, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "bin" / name, *words],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def test_makes_tables_with_the_settings_of_the_database_package(
        self, fresh: dict[str, str], tmp_path: Path
    ) -> None:
        settings = tmp_path / "multiflexi.env"
        before = settings.read_text()
        check = self.run("multiflexi-migrator", fresh, "--check")
        assert (check.returncode, settings.read_text()) == (1, before)
        assert "lacks DB_CONNECTION, DB_DATABASE" in check.stdout
        both = [
            subprocess.Popen([ROOT / "bin" / "multiflexi-migrator"], env=fresh, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [one.communicate(timeout=120)[0] for one in both]
        assert [one.returncode for one in both] == [0, 0]
        assert sum("multiflexi.0002_schema\n" in text for text in said) == 1
        assert settings.read_text().startswith("# mine\nDB_CONNECTION=sqlite\n")
        # The tables of web libraries, too, whatever settings the caller's environment names.
        assert any("sessions.0001_initial\n" in text for text in said)
        assert self.run("multiflexi-migrator", fresh, "--check").returncode == 0
        assert self.run("update-multiflexi-env", fresh).stdout.endswith(f"of {tmp_path / 'database.env'}\n")

    def test_shows_the_statements_and_changes_nothing(self, fresh: dict[str, str], tmp_path: Path) -> None:
        assert self.run("update-multiflexi-env", fresh).returncode == 0
        missing = self.run("multiflexi-migrator", fresh, "--plan")
        assert missing.returncode == 1 and "there is no file" in missing.stderr
        database = tmp_path / "new.sqlite3"
        database.touch()
        done = self.run("multiflexi-migrator", fresh, "--plan")
        assert done.returncode == 0, done.stderr
        assert "-- multiflexi.0002_schema\n" in done.stdout and 'CREATE TABLE "company"' in done.stdout
        assert self.run("multiflexi-migrator", fresh, "--check").stdout.splitlines()[0] == "contenttypes.0001_initial"

    def test_leaves_the_database_of_the_former_program_alone(self, fresh: dict[str, str], tmp_path: Path) -> None:
        import sqlite3

        with sqlite3.connect(tmp_path / "new.sqlite3") as other:
            other.execute("CREATE TABLE phinxlog (version)")
        done = self.run("multiflexi-migrator", fresh)
        assert (done.returncode, done.stdout.count("\n")) == (3, 1)
        assert "former program" in done.stderr and done.stderr.count("\n") == 1
        with sqlite3.connect(tmp_path / "new.sqlite3") as other:
            assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("phinxlog",)]
        assert self.run("multiflexi-cli", fresh, "setup").returncode == 1

    @pytest.mark.parametrize(
        ("words", "code"), [(["-e", "/nonexistent"], 2), (["--check", "--plan"], 2), (["--nonsense"], 2)]
    )
    def test_a_wrong_call_is_told_in_a_line(self, fresh: dict[str, str], words: list[str], code: int) -> None:
        done = self.run("multiflexi-migrator", fresh, *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)

    @pytest.mark.parametrize(
        "words",
        [
            ["multiflexi-migrator"],
            ["multiflexi-scheduler", "d"],
            ["multiflexi-json2apps", str(ROOT)],
            ["multiflexi-job2env", "1"],
            ["multiflexi-run-template", "-r", "1"],
            ["multiflexi-trigger", "--runtemplate", "1"],
        ],
        ids=lambda words: words[0],
    )
    def test_missing_settings_end_every_program_alike(self, fresh: dict[str, str], words: list[str]) -> None:
        if words[0] == "multiflexi-json2apps":
            words = [words[0], str(definition(Path(fresh["MULTIFLEXI_ENV_FILE"]).parent / "x.app.json"))]
        done = self.run(words[0], fresh | {"MULTIFLEXI_ENV_FILE": os.devnull}, *words[1:])
        assert (done.returncode, done.stdout) == (78, ""), done.stderr
        assert "DB_CONNECTION" in done.stderr and "Traceback" not in done.stderr


class TestScheduler:
    def run(self, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "bin" / "multiflexi-scheduler", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_makes_the_jobs_of_an_interval(
        self, process_environment: dict[str, str], template: RunTemplate, cli: Cli
    ) -> None:
        assert self.run(process_environment, "d").stdout == "0 jobs made\n"
        assert cli("run-template:update", template.pk, "--interv", "d", "--delay", "60").code == 0
        for word in ("d", "daily", "Daily"):
            done = self.run(process_environment, word)
            assert (done.returncode, done.stdout) == (0, "1 jobs made\n"), done.stderr
        assert self.run(process_environment, "h").stdout == "0 jobs made\n"
        job = Job.objects.latest("pk")
        assert job.schedule_type == "daily" and (job.schedule - job.created_at).total_seconds() == pytest.approx(60, 1)

    @pytest.mark.parametrize("word", ["n", "custom", "q", ""])
    def test_refuses_what_is_no_interval(self, process_environment: dict[str, str], word: str) -> None:
        done = self.run(process_environment, word)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)

    def test_says_that_the_database_is_away(self, process_environment: dict[str, str], tmp_path: Path) -> None:
        away = {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(tmp_path / "none.sqlite3")}
        done = self.run(process_environment | away, "d")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "there is no file" in done.stderr


def test_a_reader_that_goes_away_is_no_failure(process_environment: dict[str, str], template: RunTemplate) -> None:
    job = create_job(template, actor=Actor(user_id=User.objects.technical().pk))
    command = f"{ROOT}/bin/multiflexi-job2env {job.pk} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=process_environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_a_program_with_a_word(process_environment: dict[str, str], template: RunTemplate) -> None:
    words = [str(ROOT / "bin" / "multiflexi-trigger"), "--runtemplate", str(template.pk), "--foreground"]
    process = subprocess.Popen(
        words, env=process_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not Job.objects.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err and "nterrupted" in err
