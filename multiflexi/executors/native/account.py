"""Another account for the application: who may change to it, and what it must be able to reach.

Sources: setpriv(1), capabilities(7).
"""

from __future__ import annotations

import os
import pwd
import stat
from functools import cache
from pathlib import Path

from multiflexi.executors.contract import Launch, StartRefused
from multiflexi.executors.native import tools

# What the executor does for such a job: change the account, hand the directory over, signal, collect the results.
_NEEDED = {"CAP_SETUID": 7, "CAP_SETGID": 6, "CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_DAC_OVERRIDE": 1}


def words(name: str) -> list[str]:
    """Exec wrapper that changes to an account and gives up its groups and capabilities. Raises StartRefused (255)."""
    entry = _entry(name)
    if entry.pw_uid == os.geteuid():
        return without_capabilities()
    if missing := missing_capabilities():
        raise _refused(
            f"The executor may not run jobs as {name}: it lacks {', '.join(missing)}. Give them to the unit "
            f"(AmbientCapabilities={' '.join(_NEEDED)} in a drop-in), or unset NATIVE_RUN_AS"
        )
    identity = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    return [tools.need("setpriv"), *identity, "--inh-caps=-all", "--ambient-caps=-all", "--"]


def without_capabilities() -> list[str]:
    """Exec wrapper that keeps what the unit grants the executor from jobs that run under the same account."""
    if os.geteuid() == 0 or not _capabilities("CapAmb"):
        return []
    return [tools.need("setpriv"), "--inh-caps=-all", "--ambient-caps=-all", "--"]


def missing_capabilities() -> list[str]:
    """Name what this process lacks to run jobs under another account."""
    held = _capabilities("CapEff")
    return [name for name, number in _NEEDED.items() if not held >> number & 1]


def hand_over(launch: Launch) -> None:
    """Give the job directory to the job's account. Raises StartRefused (255) when the account cannot get there."""
    if launch.sandbox.account is None:
        return
    entry = _entry(launch.sandbox.account)
    for parent in launch.job_dir.parents:
        if not _may_pass(parent.stat(), entry):
            raise _refused(
                f"The account {entry.pw_name} cannot reach the job directory {launch.job_dir}: allow others to pass "
                f"{parent} (chmod o+x), or set MULTIFLEXI_TMP to a directory that they may pass"
            )
    os.chown(launch.job_dir, entry.pw_uid, entry.pw_gid)
    for directory, directories, files in os.walk(launch.job_dir):
        for found in (*directories, *files):
            os.chown(os.path.join(directory, found), entry.pw_uid, entry.pw_gid, follow_symlinks=False)  # noqa: PTH118


@cache
def _capabilities(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith(f"{name}:")), 0)


def _may_pass(found: os.stat_result, entry: pwd.struct_passwd) -> bool:
    if found.st_uid == entry.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == entry.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _entry(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise _refused(
            f"There is no account {name} on this host: create it, or change NATIVE_RUN_AS in the settings"
        ) from None


def _refused(text: str) -> StartRefused:
    return StartRefused(255, "start_failed", text)
