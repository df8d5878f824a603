"""The command "status"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun
from multiflexi.cli.output.plain import cell
from multiflexi.cli.output.results import Document

NOUN = Noun("", "The installation at a glance")


@NOUN.command("status", "Show versions, numbers and the state of the daemons")
def status(call: Call) -> Document:
    from multiflexi.cli.identity import login_name
    from multiflexi.services import status as service

    data = service.overview(login_name())
    width = max(len(name) for name in data) + 2
    return Document(data, lambda: "\n".join(f"{name:<{width}}{cell(value)}".rstrip() for name, value in data.items()))
