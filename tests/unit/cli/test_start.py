"""What the program needs to start: no Django, no settings, no home for what works without them; and little time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.speed import processor_time, slowness

ROOT = Path(__file__).resolve().parents[3]
BARE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


def call(*words: str, env: dict[str, str] = BARE, code: str = "") -> subprocess.CompletedProcess[str]:
    program = ["-c", code] if code else ["-m", "multiflexi.cli.main"]
    return subprocess.run([sys.executable, *program, *words], env=env, capture_output=True, text=True, check=False)


SPY = """
import sys
from multiflexi.cli.main import main
code = main()
print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'rich', 'yaml'}), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["--help"], ["list"], ["describe"], ["job:list", "--help"]])
def test_django_is_not_imported(words: list[str]) -> None:
    done = call(*words, code=SPY)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_version_is_one_line_and_an_object_in_json() -> None:
    assert call("--version").stdout.startswith("multiflexi-cli ")
    assert json.loads(call("--version", "-f", "json").stdout)["name"] == "multiflexi-cli"


def test_a_definition_is_validated_without_settings_or_home(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(
        json.dumps(
            {
                "$schema": "https://multiflexi.eu/schema/application-3.4.0.json",
                "uuid": "1b2f3c4d-0000-4000-8000-000000000001",
                "name": "Echo",
                "description": "Says it again",
                "executable": "echo",
                "environment": {},
            }
        )
    )
    bad.write_text('{"name": 1,}')
    done = call("application:validate-json", "--file", str(good), "-f", "json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "success"), done.stdout + done.stderr
    done = call("app", "validate-json", f"--json={bad}", "-f", "json")
    assert done.returncode == 1
    assert "line 1, column" in json.loads(done.stdout)["violations"][1]
    assert call("application:validate-json", "--file", str(tmp_path / "none.json")).returncode == 1


def test_a_host_is_tried_without_a_database() -> None:
    done = call("executor:check", "--executor", "Native", "-f", "json")
    assert json.loads(done.stdout)[0]["executor"] == "Native", done.stderr
    assert "the database was not asked" in done.stderr


def test_missing_settings_are_named_together() -> None:
    done = call("company:list", "-f", "json")
    assert done.returncode == 78
    assert "DB_CONNECTION" in json.loads(done.stdout)["message"]
    assert "DB_DATABASE" in done.stderr


def test_an_unusable_setting_ends_with_78() -> None:
    done = call("company:list", env={**BARE, "DB_CONNECTION": "sqlite", "DB_DATABASE": "x", "DB_PORT": "many"})
    assert done.returncode == 78
    assert done.stderr.startswith("DB_PORT")
    assert len(done.stderr.splitlines()) == 1


def test_an_unreadable_settings_file_is_wrong_use() -> None:
    done = call("--environment", "/nonexistent.env", "company:list")
    assert done.returncode == 2
    assert "/nonexistent.env" in done.stderr


def test_a_database_without_tables_says_what_to_do(tmp_path: Path) -> None:
    settings = tmp_path / "multiflexi.env"
    settings.write_text(f"DB_CONNECTION=sqlite\nDB_DATABASE={tmp_path}/empty.sqlite3\n")
    (tmp_path / "empty.sqlite3").touch()
    done = call("company:list", f"--environment={settings}", "-f", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "database_not_migrated"
    assert "Traceback" not in done.stderr


def test_a_database_that_does_not_exist_is_made_by_setup_alone_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "mf.sqlite3"
    env = {**BARE, "DB_CONNECTION": "sqlite", "DB_DATABASE": str(file), "ENCRYPTION_MASTER_KEY": "k" * 40}
    done = call("company:list", env=env)
    assert done.returncode == 1
    assert f"there is no file {file}; make it with multiflexi-cli setup or correct DB_DATABASE" in done.stderr
    assert not file.exists()
    assert call("setup", "--quiet", env=env).returncode == 0
    done = call("company:list", env=env)
    assert (done.returncode, done.stdout) == (0, "No data\n"), done.stderr
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("words", "seconds"), [(["--version"], 0.08), (["--help"], 0.12)])
def test_start_takes_little_processor_time(words: list[str], seconds: float, tmp_path: Path) -> None:
    """Compiled once, as an installed package is."""
    command = (sys.executable, "-m", "multiflexi.cli.main", *words)
    env = {**BARE, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    processor_time(*command, env=env)
    assert min(processor_time(*command, env=env) for _ in range(5)) <= seconds * slowness()


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("words", [["--version"], ["list", "--help"], ["describe"]])
def test_a_full_output_is_told_in_one_line(words: list[str], buffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "multiflexi.cli.main", *words],
            env={**BARE, "PYTHONUNBUFFERED": buffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["cannot write to standard output: No space left on device"]


@pytest.mark.parametrize("words", [[b"company:\xff"], [b"company:list", b"--fields", b"\xc3("]])
def test_an_argument_that_is_no_text_is_named_by_its_position(words: list[bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "multiflexi.cli.main", *words], env=BARE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"Argument {len(words)} is not UTF-8 text; convert it."]


def test_only_regular_files_of_a_definitions_size_are_read(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe", tmp_path / "large.json"
    os.mkfifo(pipe)
    large.write_bytes(b" " * (1024 * 1024 + 1))
    for name, said in (
        (pipe, f"{pipe} is not a regular file"),
        (Path("/dev/zero"), "/dev/zero is not a regular file"),
        (large, f"{large} has more than 1048576 bytes"),
    ):
        done = call("application:validate-json", "--file", str(name))
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    with Path("/dev/zero").open() as endless:
        done = subprocess.run(
            [sys.executable, "-m", "multiflexi.cli.main", "application:validate-json", "--file", "-"],
            env=BARE,
            stdin=endless,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, "Standard input has more than" in done.stderr) == (1, True)


def test_a_closed_output_is_no_crash() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "multiflexi.cli.main", "describe"],
        env=BARE,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_vv_times_statements_without_their_values(tmp_path: Path) -> None:
    env = {
        **BARE,
        "DB_CONNECTION": "sqlite",
        "DB_DATABASE": str(tmp_path / "mf.sqlite3"),
        "ENCRYPTION_MASTER_KEY": "k" * 40,
    }
    assert call("setup", "--quiet", env=env).returncode == 0
    done = call("company:get", "--name", "s3cretname", "-vv", env=env)
    assert " ms SELECT " in done.stderr
    assert "s3cretname" not in done.stderr.replace("Company with name s3cretname not found", "")
    assert "SELECT" not in call("company:get", "--name", "s3cretname", "-v", env=env).stderr
