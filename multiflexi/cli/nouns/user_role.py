"""Commands of the noun "user-role"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, listing, optional, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done, Rows
from multiflexi.cli.values import BOOLEAN, MOMENT

NOUN = Noun("user-role", "System roles of accounts")
COLUMNS = ("id", "login", "name", "display_name", "assigned_at", "expires_at")


def _account() -> list[Option]:
    return [
        value("--user_id", "--user", help="Account: id"),
        value("--login", help="Account: sign-in name"),
        value("--email", help="Account: e-mail address"),
    ]


@NOUN.command("list", "List who holds which system role", *_account(), listing())
def list_roles(call: Call) -> Rows:
    from multiflexi.services import role
    from multiflexi.services.presenters.role import ASSIGNMENT_SORTABLE, assignment

    found = role.assignments(call.reader)
    if any(call[name] for name in ("user_id", "login", "email")):
        found = found.filter(user=_user(call))
    return Rows(map(assignment, call.page.of(found, ASSIGNMENT_SORTABLE)), COLUMNS, empty="No roles found.")


@NOUN.command(
    "set",
    "Give an account system roles",
    *_account(),
    value("--roles", "--role", help="Names, separated by commas; an empty text takes all roles away"),
    optional("--replace", help="Take away the roles that are not named", type=BOOLEAN, default="true"),
    value("--until", help="The roles end at this time", type=MOMENT),
    optional("--assigned_by", help="Accepted from old scripts, no meaning"),
    dry_run(),
    changes=True,
)
def assign(call: Call) -> Done:
    from multiflexi.services import role
    from multiflexi.services.presenters.role import held

    if call["roles"] is None:
        raise wrong_use("Option --roles is required; --roles '' takes all roles away.")
    user = _user(call)
    names = [name.strip() for name in call["roles"].split(",") if name.strip()]
    replace = call["replace"] is not False
    if call.dry_run:
        wanted = [one.name for one in role.named(names)]
        data = {"dry_run": True, "user_id": user.pk, "replace": replace, "roles": wanted}
        return Done(data, f"User {user.login} would get the roles: {', '.join(wanted) or 'none'}")
    after = role.assign(call.actor, user, names, replace=replace, expires_at=call.moment("until"))
    listed = sorted(one.role.name for one in after)
    message = f"User {user.login} has the roles: {', '.join(listed) or 'none'}"
    data = {"user_id": user.pk, "replace": replace, "roles": listed, "role_details": [held(one) for one in after]}
    return Done({"status": "success", "message": message, **data}, message)


def _user(call: Call) -> Any:
    from multiflexi.services import user

    call.need("user_id", "login", "email")
    return user.find_by(call.reader, id=call["user_id"], login=call["login"], email=call["email"])
