"""Commands of the noun "encryption"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun
from multiflexi.cli.output.plain import cell
from multiflexi.cli.output.results import Document, Done, Record

NOUN = Noun("encryption", "Keys that seal the secrets")


@NOUN.command("status", "Show whether secrets can be sealed and opened")
def status(call: Call) -> Document:
    from multiflexi.vault.status import status as look

    found = look()
    data: dict[str, Any] = {
        "status": "error" if found.problem else "success",
        "message": found.problem or f"{found.active_keys} active keys",
        "master_key": found.master_key,
        "total_keys": len(found.keys),
        "active_keys": found.active_keys,
        "keys": [
            Record(
                {
                    "id": key.id,
                    "key_name": key.key_name,
                    "version": key.version,
                    "algorithm": key.algorithm,
                    "created_at": key.created_at,
                    "rotated_at": key.rotated_at,
                    "is_active": key.is_active,
                    "company_id": key.company_id,
                }
            )
            for key in found.keys
        ],
    }
    return Document(data, lambda: _text(data), code=1 if found.problem else 0)


def _text(data: dict[str, Any]) -> str:
    head = [f"Master key: {data['master_key']}", f"Active keys: {data['active_keys']}", str(data["message"])]
    keys = [[str(cell(key.data[name])) for name in ("key_name", "version", "is_active")] for key in data["keys"]]
    return "\n".join([*head, *("  ".join(one) for one in keys)])


@NOUN.command("init", "Create the data keys that are missing", changes=True)
def init(call: Call) -> Done:
    from multiflexi.services import setup

    created = setup.prepare(call.reader).created_keys
    message = f"Data keys created: {', '.join(created)}" if created else "All data keys exist already"
    data = {
        "status": "success",
        "message": message,
        "key_name": created[0] if created else "default",
        "algorithm": "AES-256-GCM",
        "initialized": bool(created),
        "rotated": False,
    }
    return Done(data, message)
