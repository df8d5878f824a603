"""`multiflexi`: the command line for root and the members of a group."""

from __future__ import annotations

import grp
import os
import shlex
import sys

from multiflexi.cli import main as command_line

PROGRAM = "multiflexi"
GROUP = "multiflexi"
REFUSED = 1


def main() -> int:
    """Run the command line with the same arguments, or say in two lines why not and what helps; exit status 1 then."""
    group = _group()
    if os.geteuid() == 0 or (group and group.gr_gid in {os.getegid(), *os.getgroups()}):
        command_line.program()
    sys.stderr.write("".join(f"{PROGRAM}: {line}\n" for line in _refusal(group)))
    return REFUSED


def _group() -> grp.struct_group | None:
    try:
        return grp.getgrnam(GROUP)
    except KeyError:
        return None


def _refusal(group: grp.struct_group | None) -> tuple[str, str]:
    from multiflexi.cli.identity import login_name

    login = login_name()
    add = f"sudo usermod -aG {GROUP} {shlex.quote(login)}"
    if group is None:
        return (
            f"only root and members of group {GROUP} may call this, and there is no such group.",
            f"Make it and add yourself: sudo groupadd --system {GROUP} && {add}",
        )
    if login in group.gr_mem:
        return (
            f"{login} has become a member of group {GROUP} after this session began.",
            f"Sign in again, or call: newgrp {GROUP}",
        )
    return (
        f"{login} is not a member of group {GROUP}; only its members and root may call this.",
        f"Add the account and sign in again: {add}",
    )


if __name__ == "__main__":
    sys.exit(main())
