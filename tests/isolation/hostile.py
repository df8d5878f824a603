"""A hostile application: tries what it was told about, and prints as JSON what it got away with.

It runs with the interpreter of the system, without any of ours. Arguments: one JSON object of paths and process ids.
"""

# ruff: noqa: PTH115, PTH123, PTH208 - the system's calls by their plain names, as an attacker would write them
import contextlib
import ctypes
import fcntl
import json
import os
import sys
import termios

told = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH, PR_GET_NO_NEW_PRIVS = 16, 17, 39


def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 20)


def holds(path):
    return told["secret"].encode() in read(path)


def plant(path):
    with open(path, "x"):
        return True


def opened(path, mode):
    os.close(os.open(path, mode))
    return True


def attach(pid):
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        return False
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)
    return True


def send(pid):
    os.kill(pid, 0)
    return True


def any_environment():
    found = False
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), told["executor"]):
            with contextlib.suppress(OSError):
                found = found or holds(f"/proc/{name}/environ")
    return found


def type_into_terminal():
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(OSError):
            os.setsid()
            fcntl.ioctl(os.open(told["terminal"], os.O_RDWR), termios.TIOCSTI, b"x")
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def linger():
    """Leave a process behind that has shaken off every mark; it holds a lock by which its life is seen."""
    lock = os.open("lingering", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    waiting, closed_by_exec = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        for number in range(3):
            os.close(number)
        # What it is started with carries no mark of the job any more.
        os.execve("/bin/sleep", ["sleep", "120"], {})
    os.close(closed_by_exec)
    os.read(waiting, 1)


def own_result():
    """Look for the spool directory among the open files of the processes above, the wrapper among them."""
    found, pid = False, os.getppid()
    while pid > 1:
        with contextlib.suppress(OSError):
            found = found or opened(f"/proc/{pid}/fd/3/start", os.O_RDWR)
        try:
            pid = int(read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1])
        except OSError:
            break
    return found


ATTACKS = {
    "settings": lambda: holds(told["settings"]),
    "database": lambda: holds(told["database"]),
    "platform-write": lambda: plant(told["settings"] + ".planted"),
    "host-write": lambda: plant(told["outside"]),
    "temporary": lambda: holds(told["temporary"]),
    "job-files": lambda: holds(told["job_file"]),
    "job-write": lambda: plant(told["job_file"] + ".planted"),
    "job-output": lambda: holds(told["job_output"]),
    "job-result": lambda: plant(told["job_exit"]),
    "job-environment": any_environment,
    "job-memory": lambda: opened(f"/proc/{told['job']}/mem", os.O_RDWR),
    "job-descriptors": lambda: bool(os.readlink(f"/proc/{told['job']}/fd/1")),
    "job-trace": lambda: attach(told["job"]),
    "job-signal": lambda: send(told["job"]),
    "own-result": own_result,
    "executor-environment": lambda: holds(f"/proc/{told['executor']}/environ"),
    "executor-memory": lambda: opened(f"/proc/{told['executor']}/mem", os.O_RDWR),
    "executor-descriptors": lambda: bool(os.readlink(f"/proc/{told['executor']}/fd/1")),
    "executor-trace": lambda: attach(told["executor"]),
    "executor-signal": lambda: send(told["executor"]),
    "terminal": type_into_terminal,
    "privileges": lambda: libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0,
    "linger": linger,
}

results = {}
for name, attack in ATTACKS.items():
    try:
        results[name] = attack()
    except OSError:
        results[name] = False
print(json.dumps(results), flush=True)
