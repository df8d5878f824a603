"""Commands of the noun "user"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, identifier, listing, optional, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import BOOLEAN

NOUN = Noun("user", "Accounts of people")
COLUMNS = ("id", "enabled", "login", "email", "firstname", "lastname")
SETTABLE = ("login", "email", "firstname", "lastname", "enabled", "settings")


def _settable() -> list[Option]:
    return [
        value("--login", help="Sign-in name"),
        value("--firstname", help="Given name"),
        value("--lastname", help="Family name"),
        value("--email", help="E-mail address"),
        value("--password", help="Password hash", secret=True),
        value("--plaintext", help="Clear password; - reads standard input", secret=True),
        optional("--enabled", help="Whether the account may sign in", type=BOOLEAN),
        value("--settings", help="JSON object"),
    ]


@NOUN.command(
    "list",
    "List users",
    listing(),
    value("--enabled", help="Only enabled or disabled ones", type=BOOLEAN),
    value("--search", help="Text in login, e-mail or family name"),
)
def list_users(call: Call) -> Rows:
    from multiflexi.services import user
    from multiflexi.services.presenters.user import SORTABLE, row

    found = user.query(call.reader, enabled=call["enabled"], search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a user",
    identifier("--id", help="Id, login or e-mail"),
    value("--login", help="Sign-in name"),
    value("--email", help="E-mail address"),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.services import user
    from multiflexi.services.presenters.user import row

    call.need("id", "login", "email")
    return Record(row(user.find_by(call.reader, id=call["id"], login=call["login"], email=call["email"])))


@NOUN.command(
    "create",
    "Create a user",
    *_settable(),
    value("--role", help="System role, e.g. super_admin for the first administrator", multiple=True),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.services import user
    from multiflexi.services.presenters.user import row

    call.need("login")
    call.need("email")
    made = user.create(
        call.actor, **_values(call), plaintext=_plaintext(call), password=call["password"], roles=list(call["role"])
    )
    return Done(
        {"user_id": made.pk, "id": made.pk}, f"User {made.login} created, ID: {made.pk}", lambda: Record(row(made))
    )


@NOUN.command("update", "Change a user", identifier("--id", help="Id, login or e-mail"), *_settable(), changes=True)
def update(call: Call) -> Done:
    from multiflexi.services import user
    from multiflexi.services.presenters.user import row

    found = user.find(call.reader, call.need("id", "login"))
    values = _values(call)
    if not call["id"]:
        values.pop("login", None)
    changed = user.update(call.actor, found, **values, plaintext=_plaintext(call), password=call["password"])
    line = f"User {found.pk} updated" if changed else f"User {found.pk}: nothing to change"
    return Done({"updated": changed, "user_id": found.pk}, line, lambda: Record(row(found)))


@NOUN.command(
    "delete",
    "Delete a user",
    identifier("--id", help="Id, login or e-mail"),
    value("--login", help="Sign-in name"),
    dry_run(),
    changes=True,
)
def delete(call: Call) -> Done:
    from multiflexi.services import user

    found = user.find(call.reader, call.need("id", "login"))
    number = found.pk
    if call.dry_run:
        return Done({"dry_run": True, "user_id": number}, f"User {number} would be deleted")
    user.remove(call.actor, found)
    return Done({"status": "success", "message": f"User {number} deleted", "user_id": number}, f"User {number} deleted")


@NOUN.command(
    "unlock",
    "Forgive failed sign-ins, which end blocks at once",
    identifier("--id", help="Id, login or e-mail"),
    value("--login", help="Sign-in name"),
    value("--address", help="Only those from this address; alone: of all accounts"),
    changes=True,
)
def unlock(call: Call) -> Done:
    from multiflexi.services import login_protection, user

    chosen = call["id"] or call["login"]
    if not chosen:
        call.need("id", "login", "address")
    found = user.find(call.reader, chosen) if chosen else None
    number = login_protection.unlock(call.actor, user=found, address=call["address"])
    return Done({"status": "success", "forgiven": number}, f"{number} failed sign-ins forgiven")


@NOUN.command(
    "reset-2fa",
    "Take away the second factor of somebody who lost it",
    identifier("--id", help="Id, login or e-mail"),
    value("--login", help="Sign-in name"),
    changes=True,
)
def reset_second_factor(call: Call) -> Done:
    from multiflexi.services import second_factor, user

    found = user.find(call.reader, call.need("id", "login"))
    had = second_factor.switch_off(call.actor, found)
    line = f"Second factor of user {found.pk} taken away" if had else f"User {found.pk} has no second factor"
    return Done({"status": "success", "user_id": found.pk, "changed": had}, line)


def _values(call: Call) -> dict[str, Any]:
    return call.given(*SETTABLE)


def _plaintext(call: Call) -> str | None:
    if call["plaintext"] and call["password"]:
        raise wrong_use("Give either --plaintext or --password, not both.")
    if call["plaintext"] and call["plaintext"] != "-":
        call.warn("Warning: other processes can read the password in the arguments; use --plaintext - instead.")
    return call.text_or_input("plaintext") if call["plaintext"] else None
