"""`multiflexi-job2env` and `multiflexi-job2script`: a job as a file for a shell, without its secrets."""

from __future__ import annotations

import argparse
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from multiflexi import __version__
from multiflexi.cli.output.errors import REFUSED, Failure, Rejected
from multiflexi.cli.programs.program import Parser, run

if TYPE_CHECKING:
    from multiflexi.services.job_export import Exported, Variable

JOB2ENV = "multiflexi-job2env"
JOB2SCRIPT = "multiflexi-job2script"
# What bash keeps for itself.
_READ_ONLY = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_UNSAFE_MESSAGE = re.compile(r"[^\w .,:@-]")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def job2env(argv: Sequence[str] | None = None) -> int:
    """Write the variables of a job as lines KEY='value'; exit status of the program."""
    arguments = job2env_parser().parse_args(argv)
    return run(JOB2ENV, lambda: _write(arguments, env_lines))


def job2script(argv: Sequence[str] | None = None) -> int:
    """Write a script that repeats a job; exit status of the program."""
    arguments = job2script_parser().parse_args(argv)
    return run(JOB2SCRIPT, lambda: _write(arguments, script_lines))


def env_lines(exported: Exported) -> Iterator[str]:
    """The content for `set -a; . FILE`; secrets are empty, with a comment that says where each comes from."""
    yield from _head(JOB2ENV, exported)
    yield ""
    for variable in exported.variables:
        if not _can_be_set(variable.name):
            yield f"# left out, a shell cannot set it: {_one_line(variable.name)}"
        elif variable.value is None:
            yield f"# secret, from {_one_line(variable.source)}"
            yield f"{variable.name}=''"
        else:
            yield f"{variable.name}={_quoted(variable.value)}"


def script_lines(exported: Exported) -> Iterator[str]:
    """A bash script that takes the secrets from the environment of its caller."""
    named = [one for one in exported.variables if _can_be_set(one.name)]
    yield "#!/bin/bash"
    yield ""
    yield from _head(JOB2SCRIPT, exported)
    yield ""
    yield "# Nothing of the caller's environment but the secrets reaches the job."
    yield "for name in $(compgen -e); do"
    kept = "|".join(["-", *(one.name for one in named if one.is_secret)])
    yield f'  case "$name" in {kept}) ;; *) unset "$name" ;; esac'
    yield "done 2>/dev/null"
    for variable in exported.variables:
        yield ""
        yield from _exported(variable)
    yield ""
    if any(one.name == "MULTIFLEXI_TMP" and one.value for one in named):
        yield 'mkdir -p -m 700 -- "$MULTIFLEXI_TMP" && cd -- "$MULTIFLEXI_TMP" || exit 126'
    yield f"exec {exported.command}"


def _exported(variable: Variable) -> Iterator[str]:
    name, source = variable.name, _one_line(variable.source)
    yield f"# from {source}"
    if not _can_be_set(name):
        yield f"# left out, a shell cannot set it: {_one_line(name)}"
    elif variable.value is None:
        plain = _UNSAFE_MESSAGE.sub("", source)
        yield f"#export {name}=  # secret: set it in the environment of the caller"
        yield f': "${{{name}:?secret, from {plain}}}"'
        yield f"export {name}"
    else:
        yield f"export {name}={_quoted(variable.value)}"
    if variable.is_upload:
        yield "# an uploaded file, which is written for jobs of the platform only"
    if variable.description:
        yield f"# {_one_line(variable.description)}"


def _can_be_set(name: str) -> bool:
    return bool(_SHELL_NAME.fullmatch(name)) and name not in _READ_ONLY


def _head(program: str, exported: Exported) -> Iterator[str]:
    job = exported.job
    when = job.begin or job.schedule or job.created_at
    yield f"# {program} {__version__}, job {job.pk} of {when:%Y-%m-%d %H:%M:%S %Z}"
    yield f"# company {_one_line(job.company.name)}, application {_one_line(job.app.name)}"


def _one_line(text: str) -> str:
    """For a comment, which must not end before its line does."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def job2env_parser() -> Parser:
    return _parser(JOB2ENV, "Write the variables of a job for a shell.", 0o600)


def job2script_parser() -> Parser:
    return _parser(JOB2SCRIPT, "Write a script that runs a job again.", 0o700)


def _parser(program: str, purpose: str, mode: int) -> Parser:
    made = Parser(program, f"{purpose} Secret values are not written.", wrong_use=REFUSED)
    made.add_argument("job", metavar="JOB", help="id of the job")
    made.add_argument("-o", "--output", metavar="FILE", help=f"write this file, mode {mode:04o}, else standard output")
    made.add_environment()
    made.set_defaults(mode=mode)
    return made


def _write(arguments: argparse.Namespace, lines: Callable[[Exported], Iterator[str]]) -> int:
    from multiflexi.cli import startup

    startup.prepare(arguments.environment)
    text = "".join(f"{line}\n" for line in lines(_found(arguments.job)))
    data = text.encode("utf-8", "surrogateescape")
    if arguments.output in (None, "", "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    try:
        _save(arguments.output, data, arguments.mode)
    except OSError as error:
        message = f"{arguments.output} cannot be written: {error.strerror or error}."
        raise Rejected(Failure(message, "file_unwritable")) from None
    return 0


def _found(reference: str) -> Exported:
    from multiflexi.record.actor import Actor
    from multiflexi.services import job_export, job_query

    return job_export.export(job_query.find(Actor(user_id=None, origin="cli"), reference))


def _save(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        # The file may have been there before, open for others; a device keeps its mode.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, mode)
        file.write(data)
