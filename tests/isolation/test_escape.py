"""A hostile application gets away with exactly what the documentation says, under an executor of an ordinary account.

As root the profiles would prove nothing, so the executor of these tests gives up its privileges first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multiflexi.executors.native import sandbox
from tests import needs

HERE = Path(__file__).parent
SOURCE = HERE.parents[1]
PAGE = SOURCE / "docs" / "concepts" / "sandboxes.md"
IS_ROOT = os.geteuid() == 0
# A number that no account has, so that nothing else runs under it.
UID = 61184 + os.getpid() % 4000
SECRET = "correct-horse-battery"
COLUMNS = ("none", "restricted", "one account", "per company", "isolated")
CAPABILITIES = "+setuid,+setgid,+chown,+kill,+dac_override"


def documented(column: str) -> dict[str, bool]:
    """What the page says is possible, by attempt."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if matched := re.match(r"\| `([a-z-]+)`:", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
            assert len(cells) == len(COLUMNS)
            assert set(cells) <= {"possible", "stopped"}
            found[matched[1]] = cells[COLUMNS.index(column)] == "possible"
    return found


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """A directory outside of the temporary ones, which the profiles cover anyway."""
    if not IS_ROOT:
        yield tmp_path
        return
    path = Path(tempfile.mkdtemp(prefix="mf-escape-", dir="/srv"))
    os.chown(path, UID, UID)
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def escape(base: Path, profile: str, victim: str | None = None, attacker: str | None = None) -> dict[str, Any]:
    settings, database = base / "etc" / "multiflexi.env", base / "data" / "multiflexi.sqlite"
    for path in (settings, database):
        path.parent.mkdir(mode=0o700)
        path.write_text(SECRET if path == database else f"# {SECRET}\n")
        path.chmod(0o600)
        if IS_ROOT:
            os.chown(path.parent, UID, UID)
            os.chown(path, UID, UID)
    hostile = base / "hostile.py"
    shutil.copy(HERE / "hostile.py", hostile)
    hostile.chmod(0o644)
    temporary = Path("/tmp") / f"mf-escape-{base.name}"
    wishes = {
        "profile": profile,
        "uid": UID if IS_ROOT and attacker is None else None,
        "victim": victim,
        "attacker": attacker,
        "hostile": str(hostile),
        "temporary": str(temporary),
    }
    # A separate account needs an executor of an ordinary account with the capabilities that a unit's drop-in gives.
    identity = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    capable = [*identity, f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}"] if attacker else []
    words = [*capable, sys.executable, str(HERE / "escape_executor.py"), str(base), json.dumps(wishes)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "multiflexi.settings",
        "MULTIFLEXI_ENV_FILE": str(settings),
        "MULTIFLEXI_TMP": str(base / "tmp"),
        "MULTIFLEXI_SPOOL": str(base / "spool"),
        "DB_CONNECTION": "sqlite",
        "DB_DATABASE": str(database),
        "DB_PASSWORD": SECRET,
    }
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    finally:
        temporary.unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["uid"] != 0
    assert told["victim_lives"]
    return told["got"]


def got_away_with_what_is_documented(got: dict[str, bool], column: str) -> None:
    expected = documented(column)
    assert got.keys() == expected.keys()
    differing = {name: now for name, now in got.items() if now != expected[name]}
    assert differing == {}, f"possible now although documented otherwise: {differing}"


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    missing = [*sandbox.missing_tools("isolated"), *([] if Path("/usr/bin/python3").exists() else ["python3"])]
    if missing:
        needs.missing(f"{', '.join(missing)} must be installed")


@pytest.mark.parametrize("profile", ["none", "restricted", "isolated"])
def test_a_hostile_application_gets_away_with_what_is_documented(base: Path, profile: str) -> None:
    got_away_with_what_is_documented(escape(base, profile), profile)


def test_the_isolated_profile_stops_everything() -> None:
    assert documented("isolated")
    assert not any(documented("isolated").values())


@pytest.mark.skipif(not IS_ROOT, reason="only root can give an executor the capabilities to change accounts")
@pytest.mark.parametrize(("column", "victim"), [("one account", "nobody"), ("per company", "daemon")])
def test_accounts_of_their_own_stop_what_is_documented(base: Path, column: str, victim: str) -> None:
    got_away_with_what_is_documented(escape(base, "none", victim, "nobody"), column)
