"""The command "completion", and "_complete", which the scripts of it call."""

from __future__ import annotations

import os
import sys

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, argument, flag, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Document, Written
from multiflexi.cli.shells import SCRIPTS
from multiflexi.cli.values import COUNT

NOUN = Noun("", "Completion of words by the shell")


@NOUN.command(
    "completion",
    "Print the script that lets a shell complete commands, options and names",
    argument("shell", "bash, zsh or fish; default: that of $SHELL"),
    flag("--debug", help="Accepted for old calls, no effect"),
    database=False,
)
def completion(call: Call) -> Document:
    shell = call.get("shell") or os.environ.get("SHELL", "").rpartition("/")[2]
    if shell not in SCRIPTS:
        raise wrong_use(f'There is no script for "{shell}"; name one of {", ".join(SCRIPTS)}.')
    script = SCRIPTS[shell]
    return Document({"shell": shell, "script": script}, lambda: script.removesuffix("\n"))


@NOUN.command(
    "_complete",
    "Offer words for the one at the cursor; called by the scripts of completion",
    value("--shell", "-s", help="Shell that asks"),
    value("--input", "-i", help="A word of the command line, the program's name first", multiple=True),
    value("--current", "-c", help="Which of them the cursor is in, from 0", type=COUNT),
    value("--api-version", "-a", help="Accepted for old scripts, no effect"),
    value("--symfony", "-S", help="Accepted for old scripts, no effect"),
    database=False,
)
def complete(call: Call) -> Written:
    from multiflexi.cli.completing import offers

    given = list(call["input"] or ())
    last = call["current"] if call["current"] not in (None, "") else len(given) - 1
    found = offers([*given[1:last], given[last] if last < len(given) else ""], call.get("environment"))
    for word, about in found:
        if call["shell"] == "bash":
            # Words with blanks would have to be quoted, which bash does not do for us.
            if not any(letter.isspace() for letter in word):
                sys.stdout.write(f"{word}\n")
        else:
            sys.stdout.write(f"{word}\t{about}\n")
    return Written()
