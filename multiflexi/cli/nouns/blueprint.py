"""The commands "apply" and "export": a set-up of companies as one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, identifier, optional, value
from multiflexi.cli.output.results import Document, Result
from multiflexi.cli.values import FORMAT

if TYPE_CHECKING:
    from multiflexi.services.blueprint import Change, Outcome

NOUN = Noun("", "Companies with all they are made of as one file")
LARGEST = 16 * 1024 * 1024
SIGNS = {"create": "+", "switch on": "+", "update": "~"}


@NOUN.command(
    "apply",
    "Bring about what a file says of companies, credentials and run templates",
    identifier("--file", "-f", "--json", help="YAML file; - is standard input"),
    dry_run(),
    output=optional("--format", "-F", help="text, json, yaml, csv, ndjson or table", type=FORMAT, default="text"),
    changes=True,
)
def apply(call: Call) -> Document:
    from multiflexi.cli import definition_files
    from multiflexi.cli.progress import working
    from multiflexi.services import blueprint

    name = str(call.need("file"))
    text = definition_files.read(name, LARGEST)
    directory = Path.cwd() if name == "-" else Path(name).absolute().parent
    supply = blueprint.Supply(directory, os.environ)
    with working(call, f"Comparing {name} with the installation"):
        outcome = blueprint.apply(call.actor, text, supply=supply, dry_run=call.dry_run)
    call.warn_all(outcome.warnings)
    data = {
        "status": "success",
        **({"dry_run": True} if call.dry_run else {}),
        "changes": [_data(one) for one in outcome.changes],
        "unchanged": outcome.unchanged,
        "warnings": outcome.warnings,
    }
    return Document(data, lambda: _text(outcome, dry_run=call.dry_run))


@NOUN.command(
    "export",
    "Write companies with all they are made of as one file, secrets left out",
    value("--company", "--company_id", help="Only this one: slug or id", multiple=True),
    value("--output", "-o", help="File to write; default: standard output"),
)
def export(call: Call) -> Result:
    import yaml

    from multiflexi.cli import definition_files
    from multiflexi.services import blueprint, company

    chosen = [company.find(call.reader, one) for one in call["company"] or ()] or None
    text = blueprint.export(call.reader, chosen)
    if call["output"]:
        return definition_files.write(call, text, call["output"])
    return Document(yaml.safe_load(text) if call.format != "text" else None, lambda: text.removesuffix("\n"))


def _data(change: Change) -> dict[str, Any]:
    return {
        "object": change.object,
        "name": change.name,
        "action": change.action,
        "diff": {field: {"old": old, "new": new} for field, (old, new) in change.diff.items()},
    }


def _text(outcome: Outcome, *, dry_run: bool) -> str:
    lines = []
    for one in outcome.changes:
        lines.append(f"{SIGNS.get(one.action, '~')} {one.object} {one.name}")
        lines += [f"    {field}: {_difference(old, new)}" for field, (old, new) in one.diff.items()]
    verb = "would be changed" if dry_run else "changed"
    return "\n".join([*lines, f"{len(outcome.changes)} {verb}, {outcome.unchanged} as they should be"])


def _difference(old: Any, new: Any) -> str:
    return str(new) if old in (None, "", []) else f"{old} -> {new}"
