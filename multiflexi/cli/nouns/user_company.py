"""Commands of the noun "user-company"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, listing, optional, value
from multiflexi.cli.output.results import Done, Rows
from multiflexi.cli.values import MOMENT

NOUN = Noun("user-company", "Members of companies")
COLUMNS = ("id", "company_id", "company_slug", "user_id", "login", "role", "expires_at")


def _pair() -> list[Option]:
    return [
        value("--company_id", "--company", help="Company: id or slug"),
        value("--user_id", "--user", help="Account: id"),
        value("--login", help="Account: sign-in name"),
        value("--email", help="Account: e-mail address"),
    ]


@NOUN.command("list", "List memberships", *_pair(), listing())
def list_members(call: Call) -> Rows:
    from multiflexi.services import company, member
    from multiflexi.services.presenters.member import SORTABLE, row

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    selected = any(call[name] for name in ("user_id", "login", "email"))
    found = member.query(call.reader, company=owner, user=_user(call) if selected else None)
    return Rows(map(row, call.page.of(found, SORTABLE)), COLUMNS, empty="No members found.")


@NOUN.command(
    "assign",
    "Make an account a member of a company, or change its role there",
    *_pair(),
    optional("--role", help="viewer, manager or admin", default="viewer"),
    value("--until", help="The membership ends at this time", type=MOMENT),
    dry_run(),
    changes=True,
)
def assign(call: Call) -> Done:
    from multiflexi.services import member

    company, user = _selected(call)
    if call.dry_run:
        data = {"dry_run": True, "company_id": company.pk, "user_id": user.pk}
        return Done(data, f"User {user.login} would become a member of {company.name}")
    made = member.assign(call.actor, company, user, call["role"], expires_at=call.moment("until"))
    message = f"User {user.login} is {made.role} of company {company.name}"
    data = {"company_id": company.pk, "user_id": user.pk, "role": made.role}
    return Done({"status": "success", "message": message, **data}, message)


@NOUN.command("unassign", "End a membership", *_pair(), dry_run(), changes=True)
def unassign(call: Call) -> Done:
    from multiflexi.services import member

    company, user = _selected(call)
    data: dict[str, Any] = {"company_id": company.pk, "user_id": user.pk}
    if call.dry_run:
        return Done({"dry_run": True, **data}, f"User {user.login} would leave company {company.name}")
    deleted = member.unassign(call.actor, company, user)
    message = f"User {user.login} {'left' if deleted else 'was no member of'} company {company.name}"
    return Done({"status": "success", "message": message, **data, "deleted": int(deleted)}, message)


def _selected(call: Call) -> tuple[Any, Any]:
    from multiflexi.services import company

    return company.find(call.reader, call.need("company_id")), _user(call)


def _user(call: Call) -> Any:
    from multiflexi.services import user

    call.need("user_id", "login", "email")
    return user.find_by(call.reader, id=call["user_id"], login=call["login"], email=call["email"])
