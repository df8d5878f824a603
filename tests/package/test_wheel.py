"""A wheel of this tree, installed into an environment of its own, has every program in working order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
LEFT_OUT = shutil.ignore_patterns("__pycache__")
WITHOUT_SETTINGS = ("PYTHONPATH", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE")


def environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in WITHOUT_SETTINGS and not name.startswith(("DB_", "MULTIFLEXI_", "ENCRYPTION_"))
    } | {"MULTIFLEXI_ENV_FILE": os.devnull}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the installed programs."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    for name in ("multiflexi", "daemons"):
        shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(source)]
    subprocess.run(build, check=True, env=environment(), timeout=300, cwd=place)
    venv.create(place / "venv", with_pip=False, symlinks=True)
    python = place / "venv" / "bin" / "python"
    (wheel,) = place.glob("*.whl")
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, env=environment(), timeout=300, cwd=place)
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    paths = subprocess.run(where, capture_output=True, text=True, check=True)
    # What it depends on is taken from here, behind its own packages.
    Path(paths.stdout.strip(), "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        env=environment(),
        cwd=program.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_every_program_is_installed_and_answers(installed: Path) -> None:
    wrong = {}
    for name in SCRIPTS:
        version, help_ = run(installed / name, "--version"), run(installed / name, "--help")
        shown = "multiflexi-cli" if name == "multiflexi" else name
        good = version.stdout.startswith(f"{shown} 3.") and (version.returncode, version.stderr) == (0, "")
        good = good and (help_.returncode, help_.stderr) == (0, "") and shown in help_.stdout
        if not good and not (name == "multiflexi" and os.geteuid() != 0):
            wrong[name] = (version, help_)
    assert wrong == {}


@pytest.mark.slow
def test_the_code_is_that_of_the_wheel(installed: Path) -> None:
    done = run(installed / "python", "-c", "import multiflexi, daemons; print(multiflexi.__file__, daemons.__file__)")
    assert all(path.startswith(str(installed.parent)) for path in done.stdout.split())


@pytest.mark.slow
def test_a_database_is_made_with_what_the_wheel_carries(installed: Path, tmp_path: Path) -> None:
    settings = tmp_path / "multiflexi.env"
    settings.write_text(
        f"DB_CONNECTION=sqlite\nDB_DATABASE=new.sqlite3\nENCRYPTION_MASTER_KEY={'k' * 40}\n"
        "MULTIFLEXI_TMP=tmp\nMULTIFLEXI_SPOOL=spool\nMULTIFLEXI_SQLITE_SYNCHRONOUS=normal\n"
    )
    made = run(installed / "multiflexi-migrator", "-e", str(settings))
    assert (made.returncode, made.stdout.splitlines()[-1]) == (0, "sessions.0001_initial"), made.stderr
    assert run(installed / "multiflexi-migrator", "--check", "-e", str(settings)).returncode == 0
    done = run(installed / "multiflexi-cli", "setup", "-e", str(settings))
    assert done.returncode == 0, done.stderr
    assert "credential prototypes stored: 0" not in done.stdout
    assert run(installed / "multiflexi-scheduler", "d", "-e", str(settings)).stdout == "0 jobs made\n"
