"""The constant shell text between executor and application.

It outlives the executor and signals to its group, and it leaves the exit status where the next executor finds it.
Only shell builtins are used and nothing of the job is parsed as shell text: the words are positional parameters.

Traps, each found the hard way:
* The application runs in the foreground. Background commands of a shell have SIGINT and SIGQUIT ignored for good,
  and `wait` is cut short by a handler; a foreground wait is neither, and its status is the true one.
* Handlers, not `trap ''`: ignored signals would be inherited, handled ones are reset to default in the child.
* The spool directory is descriptor 3, reached through /proc because a shell has no openat; the child has it closed.
* Output is appended. A program that opens /dev/stdout anew truncates the file, as with every shell redirection into
  a file; appending at least leaves no hole in front of what follows.
* Descriptor 4 is the list of processes of the job's control group, or /dev/null. The child enters the group, the
  wrapper does not, so that it lives to report when the whole group is killed.
* A subshell takes the redirections. With a plain command the shell itself writes "Terminated" and the like into
  the job's standard error; so its own stays /dev/null, although a plain command could be started by vfork.
* On a full disk a file can still be made though nothing can be written into it, so the status becomes its name.
* PWD and OLDPWD are set and exported by the shell; they are removed so that the child has the given environment.

Behind the status stand the processor times that the shell counted, for whoever adopts the job.

A shell reports death by signal n as status 128 + n, so `exit 143` and SIGTERM look alike in the file.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

SHELL = "/bin/sh"
SPOOL_DESCRIPTOR = 3
GROUP_DESCRIPTOR = 4
NO_MARK = 121
NO_DIRECTORY = 122
NO_GROUP = 126

TEXT = f"""set -C
umask 077
trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE
cd "$1"||exit {NO_DIRECTORY}
shift
unset PWD OLDPWD
echo $$ >/proc/self/fd/3/start||exit {NO_MARK}
(echo 0 >&4||exit {NO_GROUP}
exec "$@" 4>&-) </dev/null >>/proc/self/fd/3/stdout 2>>/proc/self/fd/3/stderr 3<&-
s=$?
{{ echo $s&&times;}} >/proc/self/fd/3/exit||true >/proc/self/fd/3/exit.$s
exit $s"""

_SHELL_OWN = frozenset({"IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PWD"})
_SIGNALS = frozenset(map(int, signal.valid_signals()))
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def argv(name: str, job_dir: str, words: Sequence[str]) -> list[str]:
    """Words of the wrapper's own command; `name` shows in the process list and identifies the job."""
    return ["sh", "-c", TEXT, name, job_dir, *words]


def passes(variable: str) -> bool:
    """Say whether the shell hands a variable of this name on unchanged; others are dropped or overwritten by it."""
    return bool(_IDENTIFIER.match(variable)) and variable not in _SHELL_OWN


def signal_of(status: int) -> int | None:
    """Signal that a status above 128 stands for; None when there is no such signal, as with 255."""
    return status - 128 if status - 128 in _SIGNALS else None
