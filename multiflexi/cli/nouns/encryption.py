"""Commands of the noun "encryption"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, flag, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.plain import cell
from multiflexi.cli.output.results import Document, Done, Record
from multiflexi.cli.values import COUNT

NOUN = Noun("encryption", "Keys that seal the secrets")


@NOUN.command("status", "Show whether secrets can be sealed and opened, and what each key has sealed")
def status(call: Call) -> Document:
    from multiflexi.services import encryption

    ring, found = encryption.look()
    old, lost = encryption.unfinished(ring), encryption.without_key(ring, found)
    data: dict[str, Any] = {
        "status": "error" if ring.problem or lost else "success",
        "message": ring.problem or _advice(len(old), lost) or f"{ring.active_keys} active keys",
        "master_key": ring.master_key,
        "total_keys": len(ring.keys),
        "active_keys": ring.active_keys,
        "unfinished": [f"{key.key_name}:{key.version}" for key in old],
        "values_without_key": lost,
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
                    "values": found.of_key(key.id),
                    "tables": found.tables_of(key.id),
                }
            )
            for key in ring.keys
        ],
    }
    failed = data["status"] == "error"
    return Document(data, lambda: _text(data), code=1 if failed else 0, complaint=data["message"])


def _advice(old: int, lost: int) -> str:
    """What is to be done; nothing but another rotation finishes one that was broken off."""
    words = []
    if lost:
        words.append(
            f"{lost} values are damaged or their key is gone; multiflexi-cli encryption:verify lists them, "
            "enter them again"
        )
    if old:
        words.append(
            f"A rotation is unfinished, {old} old versions are left; multiflexi-cli encryption:rotate finishes it "
            "and retires them, encryption:verify lists the values that would keep one"
        )
    return ". ".join(words)


def _text(data: dict[str, Any]) -> str:
    head = [f"Master key: {data['master_key']}", f"Active keys: {data['active_keys']}", str(data["message"])]
    keys = [
        [str(cell(key.data[name])) for name in ("key_name", "version", "is_active", "values")] for key in data["keys"]
    ]
    return "\n".join([*head, *("  ".join(one) for one in keys)])


@NOUN.command(
    "init",
    "Create the data keys that are missing",
    flag("--force", help="Add a version to the keys that exist; what is sealed stays readable"),
    dry_run(),
    changes=True,
)
def init(call: Call) -> Done:
    from multiflexi.services import encryption

    if call.dry_run:
        return _would_init(call)
    done = encryption.init(call.reader, force=call["force"])
    message = f"Data keys created: {', '.join(done.created)}" if done.created else "All data keys exist already"
    if done.rotated:
        message = f"New versions of the data keys: {', '.join(done.rotated)}"
    return Done(_initialised(message, [*done.created, *done.rotated], bool(done.created), bool(done.rotated)), message)


def _would_init(call: Call) -> Done:
    from multiflexi.vault import keyring

    names = keyring.missing() or (list(keyring.INSTALLATION_NAMES) if call["force"] else [])
    message = f"Data keys would be created: {', '.join(names)}" if names else "All data keys exist already"
    return Done({**_initialised(message, names, False, False), "dry_run": True}, message)


def _initialised(message: str, names: list[str], initialized: bool, rotated: bool) -> dict[str, Any]:
    return {
        "status": "success",
        "message": message,
        "key_name": names[0] if names else "default",
        "algorithm": "AES-256-GCM",
        "initialized": initialized,
        "rotated": rotated,
    }


@NOUN.command(
    "rotate",
    "Give data keys a new version and seal all values again, while jobs run",
    value("--key", help="Only this data key", multiple=True),
    value("--company", "--company_id", help="Only keys of this company, which gets its own ones", multiple=True),
    flag("--master", help="Wrap the data keys with ENCRYPTION_MASTER_KEY instead of ENCRYPTION_MASTER_KEY_PREVIOUS"),
    value("--batch-size", help="Rows of one transaction", type=COUNT, default="500"),
    flag("--no-wait", help="Leave it to another call to retire the old versions"),
    dry_run(),
    changes=True,
)
def rotate(call: Call) -> Done:
    from multiflexi.services import company, encryption

    companies = [company.find(call.reader, one) for one in call["company"]]
    if call["master"]:
        if call["key"] or companies:
            raise wrong_use("--master concerns all data keys; leave out --key and --company.")
        return _rewrap(call)
    if call.dry_run:
        keys = encryption.planned(call["key"], companies)
        return Done({**_rotated("Nothing was changed", keys), "dry_run": True}, _lines(keys, "would be rotated"))
    if not int(call["batch_size"]):
        raise wrong_use("--batch-size: at least one row is sealed at a time; give 1 or more.")
    from multiflexi.cli.progress import counted, waited

    with counted(call, "values sealed again or found in order") as progress:
        done = encryption.rotate(
            call.reader,
            call["key"],
            companies,
            batch_size=int(call["batch_size"]),
            progress=progress,
            wait=None if call["no_wait"] else waited(call, "until every process uses the new keys"),
        )
    message = _outcome(call, done)
    data = {
        **_rotated(message, done.keys),
        "resumed": done.resumed,
        "unreadable": [one._asdict() for one in done.found.unreadable],
    }
    if done.failed:
        data["status"] = "error"
    return Done(data, f"{_lines(done.keys, 'rotated')}\n{message}", code=1 if done.failed else 0, complaint=message)


def _outcome(call: Call, done: Any) -> str:
    if done.failed:
        return (
            f"{done.failed} values cannot be opened and keep their old key; "
            "multiflexi-cli encryption:verify lists them, enter them again"
        )
    if done.retire_after:
        shown = f"{done.retire_after.astimezone(call.zone):%H:%M:%S}"
        return f"Everything is sealed again; call encryption:rotate once more after {shown} to retire the old versions"
    return "Everything is sealed again, the old versions are gone"


def _rewrap(call: Call) -> Done:
    from multiflexi.services import encryption

    if call.dry_run:
        from multiflexi.vault import rotation

        number = rotation.wrapped_by_another()
        return Done(
            {**_rotated("Nothing was changed", []), "dry_run": True, "wrapped": number},
            f"{number} data keys would be wrapped again",
        )
    number = encryption.rewrap(call.reader)
    message = (
        f"{number} data keys are wrapped with the new master key"
        if number
        else "All data keys fit the master key already"
    )
    return Done({**_rotated(message, []), "master_rotated": bool(number), "wrapped": number}, message)


def _rotated(message: str, keys: list[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "status": "success",
        "message": message,
        "master_rotated": False,
        "resumed": False,
        "keys": [asdict(key) for key in keys],
    }


def _lines(keys: list[Any], verb: str) -> str:
    return "\n".join(_line(key, verb) for key in keys)


def _line(key: Any, verb: str) -> str:
    owner = f" of company {key.company_id}" if key.company_id else ""
    return (
        f"{key.key_name}{owner} {verb}: version {key.old_version} → {key.new_version}, {key.values} values, "
        f"{key.reencrypted} sealed again, {key.failed} failed"
    )


@NOUN.command(
    "verify",
    "Open every sealed value; what cannot be opened is named by its id",
    value("--limit", help="Only so many values; 0 = all", type=COUNT, default="0"),
)
def verify(call: Call) -> Document:
    from multiflexi.cli.progress import counted
    from multiflexi.services import encryption

    with counted(call, "values opened") as progress:
        found = encryption.verify(int(call["limit"] or 0), progress)
    names = {key.id: f"{key.key_name}:{key.version}" for key in encryption.look()[0].keys}
    versions: dict[str, int] = {}
    for (key_id, _table), number in sorted(found.values.items()):
        name = names.get(key_id, f"unknown:{key_id}")
        versions[name] = versions.get(name, 0) + number
    failed = [one._asdict() for one in found.unreadable]
    message = f"{found.checked} values checked, {len(failed)} cannot be opened"
    data = {
        "status": "error" if failed else "success",
        "message": message,
        "checked": found.checked,
        "failed": failed,
        "versions": versions,
    }

    def text() -> str:
        return "\n".join([message, *(f"{one['table']}.{one['field']} in record {one['id']}" for one in failed)])

    return Document(data, text, code=1 if failed else 0, complaint=message)
