"""Walls around an application: another account by setpriv, own views of files and processes by bubblewrap.

Sources: setpriv(1), bwrap(1), user_namespaces(7), ptrace(2).

Both profiles with walls put the application into a user namespace of its own. By that alone it cannot read memory,
environment or open files of processes outside, though they run under the same account. No new session is asked of
bubblewrap: the wrapper leads one without a terminal already, and the job has to stay in its group to be stopped.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from multiflexi.executors.contract import Launch, Profile, Sandbox, StartRefused
from multiflexi.executors.native import account, tools

TOOLS: dict[Profile, tuple[str, ...]] = {"none": (), "restricted": ("bwrap",), "isolated": ("bwrap",)}
_ALWAYS_HIDDEN = (
    "/etc/multiflexi",
    "/var/lib/multiflexi",
    "/var/log/multiflexi",
    "/run/multiflexi",
    "/root",
    "/home",
    # Sockets that trust the account of the executor would lead around every other wall.
    "/run/containerd",
    "/run/dbus",
    "/run/docker.sock",
    "/run/mysqld",
    "/run/podman",
    "/run/postgresql",
    "/run/systemd/private",
    "/run/user",
)
_PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108 - these are the places, nothing is made there
# The host as it is, or read-only with devices and processes of its own.
_VIEW: dict[Profile, tuple[str, ...]] = {
    "restricted": ("--dev-bind", "/", "/"),
    "isolated": ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
}
_TRIAL_SECONDS = 10
_proven: set[tuple[str, ...]] = set()


def missing_tools(profile: Profile) -> list[str]:
    """List what a profile needs and this host does not have."""
    return [tool for tool in TOOLS[profile] if tools.find(tool) is None]


def words(launch: Launch) -> list[str]:
    """Exec wrappers of the profile and the account, to be put in front of a command.

    Raises StartRefused with 255 when a tool is missing or the system does not let it work.
    """
    sandbox = launch.sandbox
    identity = account.words(sandbox.account) if sandbox.account else account.without_capabilities()
    if sandbox.profile == "none":
        return identity
    base = [*identity, tools.need("bwrap"), "--die-with-parent", *_namespaces(sandbox), *_VIEW[sandbox.profile]]
    if problem := _obstacle(base):
        raise StartRefused(
            255,
            "start_failed",
            f"The sandbox profile {sandbox.profile} cannot be used on this host ({problem}): allow user namespaces "
            "(sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone, or the AppArmor profile of bwrap), "
            "or choose another profile",
        )
    job_dir = str(launch.job_dir)
    return [*base, *_private(), *_covers(launch), "--bind", job_dir, job_dir, "--chdir", job_dir, "--"]


def _obstacle(base: list[str]) -> str:
    """Try the namespaces, again and again until they work once; what the system says, empty when they work."""
    if tuple(base) in _proven:
        return ""
    try:
        trial = subprocess.run(
            [*base, "--", "/bin/sh", "-c", ":"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if trial.returncode == 0:
        _proven.add(tuple(base))
        return ""
    return trial.stderr.strip() or f"status {trial.returncode}"


def refuse_hidden(program: str, launch: Launch) -> None:
    """Refuse a program that the profile would hide. Raises StartRefused with 126."""
    if launch.sandbox.profile == "none" or Path(program).is_relative_to(launch.job_dir):
        return
    covered = _hidden(launch) if launch.sandbox.profile == "isolated" else []
    for path in [*covered, *map(Path, _PRIVATE)]:
        if Path(program).is_relative_to(path):
            raise StartRefused(
                126,
                "start_failed",
                f"The executable {program} lies in {path}, which the sandbox profile {launch.sandbox.profile} hides: "
                "install it elsewhere or choose another profile",
            )


def _namespaces(sandbox: Sandbox) -> list[str]:
    """Root needs no user namespace for the others, and may be forbidden one; all others cannot do without."""
    user = "--unshare-user-try" if os.geteuid() == 0 and not sandbox.account else "--unshare-user"
    if sandbox.profile == "restricted":
        return [user]
    return [user, "--unshare-ipc", "--unshare-pid", "--unshare-uts"]


def _private() -> list[str]:
    return [word for path in _PRIVATE if Path(path).is_dir() for word in ("--tmpfs", path)]


def _covers(launch: Launch) -> list[str]:
    """Empty directories and files over what belongs to the platform or to other jobs, for isolated jobs.

    The network is shared, because applications talk to banks and servers; processes and their environments are not.
    """
    found = []
    for path in _hidden(launch) if launch.sandbox.profile == "isolated" else ():
        if path.is_dir() and str(path) not in _PRIVATE:
            found += ["--tmpfs", str(path)]
        elif path.exists() and not path.is_dir():
            found += ["--ro-bind", "/dev/null", str(path)]
    return found


def _hidden(launch: Launch) -> list[Path]:
    # The account of the job owns these directories too, so covering them is the only wall around them.
    own = (launch.spool.path.parents[1], launch.job_dir.parent)
    every = [*map(Path, _ALWAYS_HIDDEN), *launch.sandbox.hidden, *own]
    return list(dict.fromkeys(path.resolve() for path in every))
