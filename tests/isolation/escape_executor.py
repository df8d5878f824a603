"""An executor of an ordinary account that runs a victim and a hostile application, and reports what happened.

Arguments: directory to work in, JSON object of profile and accounts. Everything is imported before the privileges are
given up, because the account may not be able to read the sources. Prints one JSON object.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import sys
import termios
import time
from pathlib import Path

import django

django.setup()

from multiflexi.executors.contract import Ended, Launch, Sandbox  # noqa: E402
from multiflexi.executors.native import process  # noqa: E402
from multiflexi.executors.native.module import Native  # noqa: E402
from multiflexi.executors.native.tree import Tree  # noqa: E402
from multiflexi.jobs.spool import Spool  # noqa: E402
from multiflexi.runner import walls  # noqa: E402

PATIENCE, PR_SET_DUMPABLE = 30.0, 4
SECRET = os.environ["DB_PASSWORD"]


def until(happened, what):
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not happen in time")
        time.sleep(0.01)
    return found


def give_up_privileges(account):
    if account is not None:
        os.setgroups([])
        os.setresgid(account, account, account)
        os.setresuid(account, account, account)


def make_dumpable():
    """As every process is that a service manager starts; giving up privileges has ended it."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def own_terminal():
    """Lead a session with a terminal, as an executor that was started by hand does."""
    with contextlib.suppress(OSError):
        os.setsid()
    _master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    return os.ttyname(slave)


class Host:
    """Directories of an installation, and the jobs started in it."""

    def __init__(self, base, wishes):
        self.base, self.wishes = base, wishes
        self.native = Native(use_groups=False)
        (base / "tmp").mkdir()
        (base / "tmp").chmod(0o711)
        self.spool = Spool(base / "spool", "tester")
        self.numbers = iter(range(int(time.monotonic_ns() % 10**12), 10**13))

    def start(self, argv, account, **env):
        number = next(self.numbers)
        job_dir = self.base / "tmp" / f"job-{number}-1"
        job_dir.mkdir(mode=0o700)
        given = {"PATH": "/usr/bin:/bin", "MULTIFLEXI_JOB_ID": str(number), "MULTIFLEXI_TMP": str(job_dir), **env}
        sandbox = Sandbox(self.wishes["profile"], tuple(walls.hidden_paths()), account)
        launch = Launch(number, 1, argv, given, job_dir, self.spool.create(number, 1), sandbox=sandbox)
        return launch, self.native.start(self.native.prepare(launch))

    def end(self, handle):
        def ended():
            if (descriptor := self.native.watch_fd(handle)) is not None:
                select.select([descriptor], [], [], 1)
            return self.native.poll(handle)

        return until(ended, "the end of the hostile application")


def main():
    base, wishes = Path(sys.argv[1]), json.loads(sys.argv[2])
    terminal = own_terminal()
    Native(use_groups=False).self_check()  # Loads what is loaded late while it can still be read.
    give_up_privileges(wishes["uid"])
    make_dumpable()
    process.forbid_dumps()
    host = Host(base, wishes)
    victim_script = 'umask 0; echo "$HIDDEN" >file; echo "$HIDDEN"; exec sleep 1000'
    victim, victim_handle = host.start(["/bin/sh", "-c", victim_script], wishes["victim"], HIDDEN=SECRET)
    until(lambda: victim.spool.stdout.exists() and b"\n" in victim.spool.stdout.read_bytes(), "the victim's output")
    host.native.poll(victim_handle)
    temporary = Path(wishes["temporary"])
    temporary.write_text(SECRET)
    temporary.chmod(0o600)
    told = {
        "secret": SECRET,
        "settings": os.environ["MULTIFLEXI_ENV_FILE"],
        "database": os.environ["DB_DATABASE"],
        "outside": str(base / "outside"),
        "temporary": str(temporary),
        "job_file": str(victim.job_dir / "file"),
        "job_output": str(victim.spool.stdout),
        "job_exit": str(victim.spool.exit),
        "job": max(found.pid for found in Tree(victim_handle).members()),
        "executor": os.getpid(),
        "terminal": terminal,
    }
    code = Path(wishes["hostile"]).read_text()
    hostile, handle = host.start(["/usr/bin/python3", "-I", "-S", "-c", code, json.dumps(told)], wishes["attacker"])
    ended = host.end(handle)
    stderr = hostile.spool.stderr.read_text()
    if not isinstance(ended, Ended) or ended.exit_code:
        raise SystemExit(f"the hostile application ended as {ended!r}: {stderr}")
    got = json.loads(hostile.spool.stdout.read_text())
    with (hostile.job_dir / "lingering").open("rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            got["linger"] = False
        except BlockingIOError:
            got["linger"] = True
    print(json.dumps({"got": got, "uid": os.geteuid(), "victim_lives": host.native.poll(victim_handle) is None}))
    Tree(victim_handle).kill_until_gone(PATIENCE)


if __name__ == "__main__":
    main()
