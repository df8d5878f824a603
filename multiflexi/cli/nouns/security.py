"""Commands of the noun "security"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, argument, flag, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Document
from multiflexi.cli.values import MOMENT

NOUN = Noun("security", "Who may connect")
ACTIONS = ("list", "add", "remove")


@NOUN.command(
    "allowlist",
    "List the addresses that may connect, add or remove them",
    argument("action", "list, add or remove", "list"),
    value("--network", help="Address or range such as 192.0.2.0/24; to remove also its id"),
    value("--company_id", "--company", help="List of this company instead of the installation's: id or slug"),
    value("--note", help="What the range is"),
    value("--until", help="Allowed until this time; without it for ever", type=MOMENT),
    flag("--disable", help="Let everybody connect and keep the entries: the way back in for who is locked out"),
    flag("--enable", help="Put all entries in force again"),
    changes=True,
)
def allowlist(call: Call) -> Document:
    from multiflexi.services import allowlist as lists
    from multiflexi.services import company

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    if call["action"] not in ACTIONS:
        raise wrong_use(f"{call['action']} is unknown; use one of {', '.join(ACTIONS)}.")
    if call["disable"] and call["enable"]:
        raise wrong_use("--disable and --enable exclude each other.")
    if call["disable"] or call["enable"]:
        lists.switch(call.actor, on=call["enable"])
    elif call["action"] == "add":
        note, until = call["note"] or "", call.moment("until")
        lists.add(call.actor, call.need("network"), company=owner, note=note, expires_at=until)
    elif call["action"] == "remove":
        lists.remove(call.actor, lists.find(call.reader, call.need("network"), company=owner))
    return _shown(call, owner)


def _shown(call: Call, owner: Any) -> Document:
    from multiflexi.services import allowlist as lists
    from multiflexi.services.presenters.allowlist import row

    rows = [row(one) for one in lists.query(call.reader, company=owner).order_by("company_id", "network", "pk")]
    is_enabled = lists.enabled()

    def text() -> str:
        head = "Only these addresses may connect." if is_enabled else "No list is in force: everybody may connect."
        return "\n".join([head, *(_line(one) for one in rows)])

    return Document({"status": "success", "networks": rows, "enabled": is_enabled}, text)


def _line(one: dict[str, Any]) -> str:
    parts = [
        str(one["id"]),
        one["network"],
        f"company {one['company_id']}" if one["company_id"] else "",
        one["note"] or "",
        f"until {one['expires_at']:%Y-%m-%d %H:%M}" if one["expires_at"] else "",
        "" if one["active"] else "switched off",
    ]
    return "  ".join(part for part in parts if part)
