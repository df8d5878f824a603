"""`multiflexi-job2env` and `multiflexi-job2script`: valid for a shell, and without any secret."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from multiflexi.cli.job_files import job2env, job2script
from multiflexi.jobs import environment
from multiflexi.jobs.command import render
from multiflexi.jobs.create import create_job
from multiflexi.models import Application, Company, CompanyEnv, ConfField, Configuration, Job, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.services import company_env, run_template_config
from multiflexi.services.job_export import export
from multiflexi.services.run_template_run import preview
from tests.crash.conftest import live
from tests.crash.live import Live, ended, stored
from tests.integration.jobs_environment.builders import Bank, assign

SECRETS = {"BANK_TOKEN": "hunter2-of-the-bank", "DB_PASSWORD": "hunter2-of-ACME", "PIN": "hunter2-once"}
ODD = 'it\'s "odd"\nand $HOME `id` \\ žluť'
SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}))
"""
__all__ = ["live"]
OF_THE_SHELL = {"_", "PWD", "OLDPWD", "SHLVL"}


def fill(template: RunTemplate) -> None:
    actor = Actor(user_id=None, origin="cli")
    company_env.set_value(actor, template.company, "DB_PASSWORD", SECRETS["DB_PASSWORD"])
    company_env.set_value(actor, template.company, "CITY", ODD)
    run_template_config.store(template, {"COUNT": "3", "with-dash": "x", "UID": "7"})
    ConfField.objects.create(app=template.app, keyname="PIN", type="password", secret=True)
    ConfField.objects.create(
        app=template.app, keyname="NOTE", defval="plain", description="first line\nrm -rf / # $(id) second"
    )
    bank = Bank(template.company, fields=(("BANK_TOKEN", "password"),))
    name = 'At "the" bank`id`\n$(id)'
    assign(template, bank.credential(name, BANK_TOKEN=SECRETS["BANK_TOKEN"], secret=["BANK_TOKEN"]))


@pytest.fixture
def job(template: RunTemplate, alice: User) -> Job:
    """A job that was never started."""
    fill(template)
    return create_job(template, actor=Actor(user_id=alice.pk), overrides={"PIN": SECRETS["PIN"]})


def text_of(program: Callable[..., int], capfd: pytest.CaptureFixture[str], *words: object) -> str:
    capfd.readouterr()
    assert program([str(word) for word in words]) == 0
    return capfd.readouterr().out


def sourced(text: str, path: Path) -> dict[str, str]:
    """What a POSIX shell makes of the file."""
    path.write_text(text)
    show = f"set -a; . {path}; exec {sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(["/bin/sh", "-c", show], env={}, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_job2env_is_read_back_by_a_shell(job: Job, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = text_of(job2env, capfd, job.pk)
    head, _company, blank, *lines = text.split("\n")
    assert head.startswith("# multiflexi-job2env ") and f"job {job.pk} " in head and blank == ""
    found = sourced(text, tmp_path / "env")
    assert (found["CITY"], found["COUNT"], found["NOTE"]) == (ODD, "3", "plain")
    assert found["MULTIFLEXI_JOB_ID"] == str(job.pk)
    names = [line.lstrip("#").partition("=")[0] for line in lines if line.partition("=")[0].lstrip("#").isupper()]
    assert names == sorted(names)


def test_no_secret_is_written(job: Job, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for program in (job2env, job2script):
        text = text_of(program, capfd, job.pk)
        assert not [value for value in SECRETS.values() if value in text]
        for name in SECRETS:
            assert f"\nexport {name}=" not in text
    text = text_of(job2env, capfd, job.pk)
    assert "# secret, from company\nDB_PASSWORD=''\n" in text
    assert "# secret, from values given for this run\nPIN=''\n" in text
    assert "# secret, from credential At \"the\" bank`id` $(id)\nBANK_TOKEN=''\n" in text
    found = sourced(text, tmp_path / "env")
    assert {name: found[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


@pytest.mark.parametrize("started", [False, True])
def test_a_secret_in_a_value_that_nobody_called_secret_is_not_written_either(
    started: bool, job: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = SECRETS["BANK_TOKEN"]
    CompanyEnv.objects.create(company=job.company, keyword="ADDRESS", value=f"https://me:{secret}@bank.example")
    Application.objects.update(cmdparams="--url {ADDRESS}" if started else f"--url {{ADDRESS}} --token {secret}")
    job = Job.objects.get(pk=job.pk)
    if started:
        resolved = environment.resolve(job, installation={})
        job.env, job.env_meta = environment.snapshot(resolved, job.pk)
        job.command = render(job.app, resolved).display_words
        job.save()
        assert secret not in json.dumps([job.env, job.env_meta, job.command])
    for program in (job2env, job2script):
        text = text_of(program, capfd, job.pk)
        assert secret not in text
        assert "ADDRESS=''" in text if program is job2env else "ADDRESS=  # secret" in text


def test_what_a_shell_cannot_set_is_named(job: Job, capfd: pytest.CaptureFixture[str]) -> None:
    for program in (job2env, job2script):
        text = text_of(program, capfd, job.pk)
        assert "# left out, a shell cannot set it: with-dash\n" in text
        assert "# left out, a shell cannot set it: UID\n" in text


def test_the_script_is_valid_and_demands_its_secrets(
    job: Job, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "again"
    assert job2script([str(job.pk), "-o", str(path)]) == 0
    text = path.read_text()
    assert text.startswith("#!/bin/bash\n\n# multiflexi-job2script ") and text.endswith("exec /bin/echo\n")
    assert "\n# first line rm -rf / # $(id) second\n" in text
    subprocess.run(["bash", "-n", path], check=True)
    refused = subprocess.run([path], env={}, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and refused.stdout == ""
    assert "BANK_TOKEN: secret, from credential At the bankid id" in refused.stderr


@pytest.mark.parametrize(("program", "mode"), [(job2env, 0o600), (job2script, 0o700)])
def test_a_file_is_for_its_owner_alone_even_when_it_was_there(
    job: Job, tmp_path: Path, program: Callable[..., int], mode: int
) -> None:
    path = tmp_path / "file"
    path.write_text("old " * 10_000)
    path.chmod(0o644)
    assert program([str(job.pk), "--output", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert "old old" not in path.read_text()


@pytest.mark.parametrize("words", [[], ["999999"], ["one"], ["1", "2"], ["1", "--nonsense"], ["-1"]])
@pytest.mark.parametrize("program", [job2env, job2script])
def test_a_missing_or_unknown_id_is_told_on_standard_error(
    ring: None, capfd: pytest.CaptureFixture[str], program: Callable[..., int], words: list[str]
) -> None:
    try:
        code = program(words)
    except SystemExit as end:
        code = end.code
    out, err = capfd.readouterr()
    assert (code, out) == (1, "") and err.startswith("multiflexi-job2") and err.count("\n") == 1


def test_a_job_that_cannot_be_resolved_is_refused(job: Job, capfd: pytest.CaptureFixture[str]) -> None:
    Configuration.objects.create(runtemplate=job.runtemplate, name="LOOP", value="{LOOP}")
    assert job2env([str(job.pk)]) == 1
    assert "LOOP → LOOP" in capfd.readouterr().err


def test_a_file_that_cannot_be_written_is_told(job: Job, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert job2env([str(job.pk), "-o", str(tmp_path)]) == 1
    assert "cannot be written" in capfd.readouterr().err


def test_a_job_of_the_past_gives_what_it_had_then(job: Job, acme: Company) -> None:
    job.env, job.env_meta = environment.snapshot(environment.resolve(job, installation={}), job.pk)
    job.command = ["/bin/echo", "as it was"]
    job.save()
    CompanyEnv.objects.all().delete()
    Application.objects.update(cmdparams="something else")
    done = export(Job.objects.get(pk=job.pk))
    values = {one.name: one.value for one in done.variables}
    assert values["CITY"] == ODD and values["DB_PASSWORD"] is None
    assert done.command == "/bin/echo 'as it was'"


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ("--count {COUNT} --pin={PIN}", '--count 3 --pin="$PIN"'),
        ("{PIN}", '${PIN:+"$PIN"}'),
        ("{ABSENT} '' {{x}}", "'' '{'x'}'"),
        ("'two words {CITY}'", None),
    ],
)
def test_a_secret_argument_is_taken_from_its_variable(job: Job, parameters: str, line: str | None) -> None:
    Application.objects.update(cmdparams=parameters, allow_secret_arguments=True)
    ConfField.objects.create(app=job.app, keyname="ABSENT")
    command = export(Job.objects.get(pk=job.pk)).command
    assert line is None or command == f"/bin/echo {line}"
    shell = {"PIN": SECRETS["PIN"], "PATH": os.environ["PATH"]}
    out = subprocess.run(["bash", "-c", command], env=shell, capture_output=True, text=True, check=True).stdout
    resolved = environment.resolve(Job.objects.get(pk=job.pk), installation={})
    words = render(Job.objects.get(pk=job.pk).app, resolved).words
    assert out == subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_the_script_does_what_the_executor_did(live: Live, acme: Company, tmp_path: Path) -> None:
    template = live.template(live.python_app(SHOW, cmdparams="--count {COUNT} 'a b' {CITY}"), acme)
    fill(template)
    job_id = live.job(template, overrides={"PIN": SECRETS["PIN"]})
    live.executor()
    assert ended(job_id).exitcode == 0
    path = tmp_path / "again"
    program = [
        sys.executable,
        "-c",
        "import sys; from multiflexi.cli.job_files import job2script as go; sys.exit(go())",
    ]
    subprocess.run([*program, str(job_id), "-o", path], env=live.environment, cwd=Path.cwd(), check=True)
    caller = {**os.environ, **SECRETS, "BASH_ENV": "/nonexistent", "NOISE": "1"}
    done = subprocess.run([path], env=caller, capture_output=True, text=True, check=True)
    again, then = json.loads(done.stdout), json.loads(stored(job_id))
    assert (again["argv"], again["cwd"]) == (then["argv"], then["cwd"])
    left_out = {"with-dash", "UID", *OF_THE_SHELL}
    for name in set(again["env"]) | set(then["env"]):
        if name in SECRETS:
            assert again["env"][name] == SECRETS[name]
        elif name not in left_out:
            assert again["env"].get(name) == then["env"].get(name), name


def test_the_preview_is_what_the_process_gets(live: Live, acme: Company) -> None:
    template = live.template(live.app("env -0"), acme)
    fill(template)
    Configuration.objects.filter(name="with-dash").update(name="With_Dash")
    for name, value in {"CITY_TOO": "{CITY} {COUNT}", "city": "small", "EDGES": "  a\tb\r\n ", "EMPTY": ""}.items():
        Configuration.objects.create(runtemplate=template, name=name, value=value)
    promised = {one["name"]: one["value"] for one in preview(template)["environment"]}
    number = live.job(template)
    live.executor()
    ended(number)
    given = dict(pair.split("=", 1) for pair in stored(number).decode().rstrip("\0").split("\0"))
    directory = given["MULTIFLEXI_TMP"]
    promised |= dict.fromkeys(("HOME", "TMPDIR", "MULTIFLEXI_TMP"), directory) | {"MULTIFLEXI_JOB_ID": str(number)}
    assert promised == {name: value for name, value in given.items() if name not in OF_THE_SHELL}
