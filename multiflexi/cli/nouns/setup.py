"""Commands of the noun "setup"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun
from multiflexi.cli.output.results import Done

NOUN = Noun("setup", "First steps of an installation")


@NOUN.command(
    "init",
    "Create or update tables, keys and prototypes, check the technical account",
    changes=True,
    creates=True,
)
def init(call: Call) -> Done:
    from multiflexi.services import setup, tables

    tables.bring_up_to_date(call.warn)
    done = setup.prepare(call.reader)
    if not done.administrator and not call.get("quiet"):
        call.warn(
            "No person can sign in yet; create the first administrator at /setup/ with the code of setup:code, or with "
            "user:create --login NAME --email ADDRESS --plaintext - --role super_admin"
        )
    call.warn_all(done.prototypes.problems)
    keys = ", ".join(done.created_keys) or "none"
    data = {
        "status": "success",
        "created_keys": done.created_keys,
        "prototypes": {"created": done.prototypes.created, "updated": done.prototypes.updated},
        "technical_account": done.technical_account,
        "administrator": done.administrator,
    }
    stored = done.prototypes.created + done.prototypes.updated
    return Done(
        data,
        f"Keys created: {keys}; credential prototypes stored: {stored}; technical account: {done.technical_account}",
    )


@NOUN.command("code", "Show the one-time code for the page that makes the first administrator")
def code(call: Call) -> Done:
    from multiflexi.services import first_administrator

    found = first_administrator.code()
    return Done({"setup_code": found}, found)
