"""`multiflexi-job2env` and `multiflexi-job2script`: a job as a file for a shell, without its secrets."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from multiflexi import __version__
from multiflexi.cli.output.stream import guarded

if TYPE_CHECKING:
    from multiflexi.services.job_export import Exported, Variable

REFUSED = 1
# What bash keeps for itself.
_READ_ONLY = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_UNSAFE_MESSAGE = re.compile(r"[^\w .,:@-]")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def job2env(argv: Sequence[str] | None = None) -> int:
    """Write the variables of a job as lines KEY='value'; exit status of the program."""
    return _run("multiflexi-job2env", "Write the variables of a job for a shell.", env_lines, 0o600, argv)


def job2script(argv: Sequence[str] | None = None) -> int:
    """Write a script that repeats a job; exit status of the program."""
    return _run("multiflexi-job2script", "Write a script that runs a job again.", script_lines, 0o700, argv)


def env_lines(exported: Exported) -> Iterator[str]:
    """The content for `set -a; . FILE`; secrets appear as comments."""
    yield from _head("multiflexi-job2env", exported)
    yield ""
    for variable in exported.variables:
        if not _can_be_set(variable.name):
            yield f"# left out, a shell cannot set it: {_one_line(variable.name)}"
        elif variable.value is None:
            yield f"#{variable.name}=  # secret, from {_one_line(variable.source)}"
        else:
            yield f"{variable.name}={_quoted(variable.value)}"


def script_lines(exported: Exported) -> Iterator[str]:
    """A bash script that takes the secrets from the environment of its caller."""
    named = [one for one in exported.variables if _can_be_set(one.name)]
    yield "#!/bin/bash"
    yield ""
    yield from _head("multiflexi-job2script", exported)
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}\n")
        self.exit(REFUSED)


def _run(
    program: str,
    purpose: str,
    lines: Callable[[Exported], Iterator[str]],
    mode: int,
    argv: Sequence[str] | None,
) -> int:
    parser = _Parser(program, description=f"{purpose} Secret values are not written.")
    parser.add_argument("job", help="id of the job")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=f"write this file, mode {mode:04o}, else standard output"
    )
    parser.add_argument("-e", "--environment", metavar="FILE", help="settings file")
    parser.add_argument("-V", "--version", action="version", version=f"{program} {__version__}")
    arguments = parser.parse_args(argv)
    return guarded(lambda: _write(program, arguments, lines, mode))


def _write(program: str, arguments: argparse.Namespace, lines: Callable[[Exported], Iterator[str]], mode: int) -> int:
    from multiflexi.cli import startup

    try:
        startup.prepare(arguments.environment)
        text = "".join(f"{line}\n" for line in lines(_found(arguments.job)))
        data = text.encode("utf-8", "surrogateescape")
        if arguments.output:
            _save(arguments.output, data, mode)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    except OSError as error:
        if not arguments.output:
            raise
        sys.stderr.write(f"{program}: {arguments.output} cannot be written: {error.strerror or error}\n")
        return REFUSED
    except Exception as error:
        failure = startup.failure(error)
        if failure is None:
            raise
        sys.stderr.write(f"{program}: {failure.message}\n")
        return failure.exit_code
    return 0


def _found(reference: str) -> Exported:
    from multiflexi.record.actor import Actor
    from multiflexi.services import job_export, job_query

    return job_export.export(job_query.find(Actor(user_id=None, origin="cli"), reference))


def _save(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        # The file may have been there before, open for others.
        os.fchmod(descriptor, mode)
        file.write(data)
