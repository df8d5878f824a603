"""What a program writes is not for everybody on the machine."""

from __future__ import annotations

import os

NOT_FOR_OTHERS = 0o027


def keep_from_others() -> None:
    """Let files made from now on be unreadable for other people; a stricter umask stays."""
    stricter = os.umask(0o077)
    os.umask(stricter | NOT_FOR_OTHERS)
