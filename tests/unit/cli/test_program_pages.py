"""Every program has a page that says what its own options say."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from multiflexi.cli import program_pages, tree
from multiflexi.cli.declare import global_options
from multiflexi.cli.program_pages import Program
from multiflexi.settings import declared
from tests.needs import needs

ROOT = Path(__file__).resolve().parents[3]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def described() -> list[Program]:
    spec = importlib.util.spec_from_file_location("programs", ROOT / "docs" / "programs.py")
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[Program] = module.programs()
    return found


PROGRAMS = described()
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def page(program: Program) -> str:
    return program_pages.man(program, declared)


def test_every_program_has_a_page_and_every_page_a_program() -> None:
    assert [one.name for one in PROGRAMS] == sorted(SCRIPTS.keys() - {"multiflexi-cli"})
    for one in PROGRAMS:
        assert (ROOT / "docs" / "man" / one.file).read_text() == page(one), "run make format"


def test_every_program_starts_from_the_source_tree() -> None:
    for name, entry in SCRIPTS.items():
        launcher = ROOT / "bin" / name
        assert f"\nprogram={entry}\n" in launcher.read_text()
        assert launcher.stat().st_mode & 0o111


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_a_page_names_every_option_and_no_other(program: Program) -> None:
    own = {name for one in program.options for name in one.option_strings}
    text = page(program).replace("\\-", "-")
    assert [name for name in own if f"\\fB{name}\\fR" not in text] == []
    commands = {name for one in tree.all_commands() for option in one.declared for name in option.opts}
    commands |= {name for one in global_options() for name in (*one.opts, *one.secondary_opts)}
    assert set(OPTION.findall(text)) <= own | commands


def test_the_settings_of_a_page_exist() -> None:
    titles = {one.group for one in declared}
    for program in PROGRAMS:
        assert set(program.groups) <= titles
    assert "\\-\\-job" in page(next(one for one in PROGRAMS if one.name == "multiflexi-run-template"))
    executor = next(one for one in PROGRAMS if one.name == "multiflexi-executor")
    assert ".B MULTIFLEXI_SPOOL\n" in page(executor)


def test_pages_point_to_pages_that_exist() -> None:
    made = {path.name for path in (ROOT / "docs" / "man").iterdir()}
    assert {f"{name}.{section}" for one in PROGRAMS for name, section in one.see} <= made


@needs(shutil.which("groff"), "groff is not installed")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_a_page_is_formatted_without_a_warning(program: Program) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=page(program), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
