"""The account behind the operating-system login, looked up only by commands that record an author."""

from __future__ import annotations

import os
import pwd

from multiflexi.record.actor import Actor


def login_name() -> str:
    """Login of the person at the keyboard; through sudo the one who called it."""
    behind = os.environ.get("SUDO_USER")
    if os.geteuid() == 0 and behind:
        return behind
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid{os.geteuid()}"


def actor() -> Actor:
    """Author of what this call changes; a disabled account is created when the login has none yet."""
    from multiflexi.services import user

    return Actor(user_id=user.account_of_login(login_name()).pk, origin="cli")
