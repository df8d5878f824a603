"""Commands of the noun "config"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, flag, value
from multiflexi.cli.output.errors import WRONG_USE, Failure, Rejected
from multiflexi.cli.output.results import Document

NOUN = Noun("config", "The settings of this installation")


@NOUN.command(
    "check",
    "Show settings, where each comes from and what is wrong",
    value("--key", help="Only this setting", multiple=True),
    flag("--defaults", help="Also the settings that nobody set"),
    database=False,
)
def check(call: Call) -> Document:
    from multiflexi import environ

    environ.keep_from_others()
    if call.get("environment"):
        environ.use_file(call["environment"])
    keys = call["key"] or ()
    rows = environ.report(bool(call["defaults"]), keys)
    known = {row["key"] for row in rows}
    for key in keys:
        if key not in known:
            raise Rejected(Failure(f"There is no setting {key}.", "unknown_setting", WRONG_USE))
    wrong = [row["key"] for row in rows if not row["ok"]]
    return Document(
        rows,
        lambda: "\n".join(environ.as_lines(rows)),
        code=1 if wrong else 0,
        complaint=f"To be corrected: {', '.join(wrong)}",
    )
