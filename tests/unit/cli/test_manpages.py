"""Man pages say what the program says, and are read by the usual tools without complaint."""

from __future__ import annotations

import re
import shutil
import subprocess

from multiflexi.cli import manpages, tree
from multiflexi.cli.declare import global_options
from tests.needs import needs

CODES = [(0, "done"), (1, "refused")]
OPTION = re.compile(r"\\fB(\\-[^\\ ]*(?:\\-[^\\ ]*)*)\\fR")


def test_every_command_is_in_a_page() -> None:
    text = "\n".join(manpages.pages(CODES).values()).replace("\\-", "-")
    missing = [str(one.name) for one in tree.all_commands() if str(one.name) not in text]
    assert missing == ["_complete"]


def test_no_page_names_an_unknown_option() -> None:
    known = {name for one in tree.all_commands() for option in one.declared for name in option.opts}
    known |= {name for one in global_options() for name in (*one.opts, *one.secondary_opts)}
    named = {found.replace("\\-", "-") for text in manpages.pages(CODES).values() for found in OPTION.findall(text)}
    assert "--dry-run" in named
    assert named <= known


@needs(shutil.which("groff"), "groff is not installed")
def test_the_pages_are_formatted_without_a_warning() -> None:
    for name, text in manpages.pages(CODES).items():
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), name
