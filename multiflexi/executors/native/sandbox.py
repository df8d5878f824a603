"""Exec wrappers in front of the application: limits by prlimit, privileges by setpriv, walls by bubblewrap.

Sources: prlimit(1), setpriv(1), bwrap(1).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from multiflexi.executors.contract import Launch, Limits, Profile, StartRefused

TOOLS: dict[Profile, tuple[str, ...]] = {"none": (), "restricted": ("setpriv",), "isolated": ("bwrap",)}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
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


def missing_tools(profile: Profile) -> list[str]:
    """List what a profile needs and this host does not have."""
    return [tool for tool in TOOLS[profile] if _tool(tool) is None]


def enclose(words: list[str], launch: Launch) -> list[str]:
    """Put the profile's and the limits' exec wrappers in front of a command.

    Raises StartRefused with 255 when a tool is missing, 126 when the profile would hide the program itself.
    """
    _refuse_hidden_program(Path(words[0]), launch)
    return [*_limit_words(launch.limits), *_profile_words(launch), *words]


def _limit_words(limits: Limits) -> list[str]:
    options = []
    if limits.memory:
        options.append(f"--as={limits.memory}")
    if limits.file_size:
        options.append(f"--fsize={limits.file_size}")
    return [_need("prlimit"), *options, "--"] if options else []


def _profile_words(launch: Launch) -> list[str]:
    profile = launch.sandbox.profile
    if profile == "restricted":
        return [_need("setpriv"), "--no-new-privs", "--"]
    if profile == "isolated":
        return [_need("bwrap"), *_walls(launch), "--"]
    return []


def _refuse_hidden_program(program: Path, launch: Launch) -> None:
    if launch.sandbox.profile == "isolated" and not program.is_relative_to(launch.job_dir):
        for path in _hidden(launch):
            if program.is_relative_to(path):
                raise StartRefused(
                    126,
                    "start_failed",
                    f"The executable {program} lies in {path}, which the sandbox profile isolated hides: "
                    "install it elsewhere or choose another profile",
                )


def _hidden(launch: Launch) -> list[Path]:
    # The account of the job owns these directories too, so covering them is the only wall around them.
    own = (launch.spool.path.parents[1], launch.job_dir.parent)
    every = [*map(Path, _ALWAYS_HIDDEN), *launch.sandbox.hidden, *own]
    return list(dict.fromkeys(path.resolve() for path in every))


def _walls(launch: Launch) -> list[str]:
    """Read-only root; what belongs to the platform or to other jobs is covered; only the job directory is writable.

    The network is shared, because applications talk to banks and servers; processes and their environments are not.
    """
    job_dir = str(launch.job_dir)
    words = ["--die-with-parent", "--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
    for path in _hidden(launch):
        if path.is_dir() and path != Path("/tmp"):  # noqa: S108 - covered already
            words += ["--tmpfs", str(path)]
        elif path.exists() and not path.is_dir():
            words += ["--ro-bind", "/dev/null", str(path)]
    return [*words, "--bind", job_dir, job_dir, "--chdir", job_dir]


def _need(tool: str) -> str:
    found = _tool(tool)
    if found is None:
        raise StartRefused(
            255,
            "start_failed",
            f"The program {tool}, which the limits or the sandbox profile of this application need, is not installed "
            "on this host: install it or choose another profile",
        )
    return found


def _tool(tool: str) -> str | None:
    # Never the job's PATH: what builds the walls must not come from inside them.
    return shutil.which(tool, path=_SYSTEM_PATH)
