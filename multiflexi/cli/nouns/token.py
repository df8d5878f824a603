"""Commands of the noun "token"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import MOMENT

NOUN = Noun("token", "Access tokens of the REST API")
COLUMNS = ("id", "token", "login", "label", "until", "last_used_at", "revoked_at")
LIMITS = ("scopes", "networks")


def _limits() -> list[Option]:
    return [
        value("--label", "--name", help="Name that tells what the token is for"),
        value("--until", help="Valid until this time; without it for ever", type=MOMENT),
        value("--scopes", "--scope", help="Only these rights, e.g. read or jobs:run", multiple=True),
        value("--company_id", "--company", help="Only this company: id or slug", multiple=True),
        value("--networks", "--network", help="Only from this address or network", multiple=True),
    ]


def _owner() -> Option:
    return value("--user", "--login", help="Whose token: id, login or e-mail")


@NOUN.command("list", "List tokens; their values are never shown again", _owner(), listing())
def list_tokens(call: Call) -> Rows:
    from multiflexi.services import token
    from multiflexi.services.presenters.token import SORTABLE, row

    found = call.page.of(token.query(call.reader, user=_user(call)), SORTABLE)
    return Rows(map(row, found), COLUMNS, empty="No tokens found.")


@NOUN.command("get", "Show a token", identifier("--id", help="Id"))
def get(call: Call) -> Record:
    from multiflexi.services.presenters.token import row

    return Record(row(_selected(call)))


@NOUN.command(
    "create",
    "Create a token",
    _owner(),
    value("--token", help="Value to store; without it a safe one is made. - reads standard input", secret=True),
    _limits(),
    changes=True,
)
def create(call: Call) -> Done:
    if call["token"] and call["token"] != "-":  # noqa: S105
        call.warn("Warning: other processes can read the token in the arguments; use --token - instead.")
    made = _made(call, value=call.text_or_input("token") if call["token"] else None)
    shown = {} if call["token"] else {"token": made.value}
    told = f"{made.value}\n" if shown else ""
    return Done(
        {"token_id": made.token.pk, **shown}, f"{told}Token created, ID: {made.token.pk}", _record(call, made.token)
    )


@NOUN.command("generate", "Create a token and show it, this once", _owner(), _limits(), changes=True)
def generate(call: Call) -> Done:
    made = _made(call)
    lines = ["Token generated; it is shown this once.", f"ID: {made.token.pk}", f"Token: {made.value}"]
    return Done({"token_id": made.token.pk, "token": made.value}, "\n".join(lines))


@NOUN.command(
    "update",
    "Change a token; a masked or empty value leaves the stored one",
    identifier("--id", help="Id"),
    _owner(),
    value("--token", help="New value; - reads standard input", secret=True),
    _limits(),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import token
    from multiflexi.vault.secrecy import MASK

    found = _selected(call)
    wanted = call.text_or_input("token") if call["token"] else None
    changed = token.update(
        call.actor,
        found,
        user=_user(call),
        value=None if wanted and MASK in wanted else wanted,
        **_given_limits(call),
    )
    line = f"Token {found.pk} updated" if changed else f"Token {found.pk}: nothing to change"
    return Done({"updated": changed, "token_id": found.pk}, line, _record(call, found))


@NOUN.command("revoke", "Withdraw a token at once and keep its record", identifier("--id", help="Id"), changes=True)
def revoke(call: Call) -> Done:
    from multiflexi.services import token

    found = _selected(call)
    changed = token.revoke(call.actor, found)
    line = f"Token {found.pk} revoked" if changed else f"Token {found.pk} was revoked before"
    return Done({"revoked": changed, "token_id": found.pk}, line)


@NOUN.command("delete", "Delete a token", identifier("--id", help="Id"), dry_run(), changes=True)
def delete(call: Call) -> Done:
    from multiflexi.services import token

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        return Done({"dry_run": True, "token_id": number}, f"Token {number} would be deleted")
    token.remove(call.actor, found)
    return Done({"deleted": True, "token_id": number}, f"Token {number} deleted")


def _made(call: Call, **more: Any) -> Any:
    from multiflexi.services import token, user

    owner = user.find(call.reader, call.need("user"))
    return token.create(call.actor, owner, **_given_limits(call), **more)


def _given_limits(call: Call) -> dict[str, Any]:
    from multiflexi.services import company

    given = call.given("label", *LIMITS)
    if call["until"]:
        given["until"] = call.moment("until")
    if call["company_id"]:
        given["companies"] = [company.find(call.reader, one).pk for one in call["company_id"]]
    return given


def _user(call: Call) -> Any:
    from multiflexi.services import user

    return user.find(call.reader, call["user"]) if call["user"] else None


def _selected(call: Call) -> Any:
    from multiflexi.services import token

    return token.find(call.reader, call.need("id"))


def _record(call: Call, which: Any) -> Any:
    def record() -> Record:
        from multiflexi.services import token
        from multiflexi.services.presenters.token import row

        return Record(row(token.find(call.reader, which.pk)))

    return record
