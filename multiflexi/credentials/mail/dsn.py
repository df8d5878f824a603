"""The address of a mail server with its login, as Symfony's mailer writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 25, "smtps": 465}
_HOST = re.compile(r"[\w.:-]{1,253}")


@dataclass(frozen=True)
class Server:
    """A mail server and the login there; without user none is needed."""

    host: str
    port: int
    encrypted: bool
    user: str = ""
    password: str = field(default="", repr=False)


def parse(text: str) -> Server | None:
    """The parts of a DSN; None when it has another form.

    A special character in the password that is not escaped would end the host too early; such a text is no DSN,
    because what would then be taken as host or port is a part of the password.
    """
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        return None
    cut_short = "@" in split.path + split.fragment or ("@" in split.query and "@" not in split.netloc)
    if split.scheme not in _PORTS or not _HOST.fullmatch(split.hostname or "") or cut_short or port == 0:
        return None
    return Server(
        host=split.hostname or "",
        port=port or _PORTS[split.scheme],
        encrypted=split.scheme == "smtps" or port == _PORTS["smtps"],
        user=unquote(split.username or ""),
        password=unquote(split.password or ""),
    )
